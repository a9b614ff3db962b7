"""Probing an agent of a user's own, saved by SB3: a record of one checkpoint, and its probes."""

from collections.abc import Callable, Mapping
from pathlib import Path

from stable_baselines3 import DDPG, SAC, TD3
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from goalscope.diagnostics.material.channels_first import ChannelsFirst
from goalscope.diagnostics.material.declared_task import declared_task
from goalscope.diagnostics.material.labelled_set import gather_labelled_set
from goalscope.diagnostics.material.probe_set import gather_probe_set
from goalscope.diagnostics.offline_probes import ProbeMaterial, probe_agent
from goalscope.diagnostics.provenance import describe_run
from goalscope.diagnostics.record import (
    FINISHED,
    PROBE_SET_FILE,
    Line,
    RecordWriter,
    refuse_existing_run,
    write_probes,
)
from goalscope.diagnostics.record.keys import OFFLINE_FAMILIES, parse
from goalscope.errors import UserError
from goalscope.probes import view_networks
from goalscope.training.agents.tqc import tqc
from goalscope.training.envs.own import MakeEnv, made
from goalscope.training.probing.checkpoints import DRQ_SHIFT, LABELLED_SEED, shifted
from goalscope.training.probing.unpacking import refuse_bomb

ALGORITHMS: Mapping[str, Callable[[], type[OffPolicyAlgorithm]]] = {
    "SAC": lambda: SAC,
    "TD3": lambda: TD3,
    "DDPG": lambda: DDPG,
    "TQC": tqc,
}


class ModelError(UserError):
    """A saved model cannot be probed; the message is one line and names the remedy."""


def probe_zip(
    path: Path, make_env: MakeEnv, out: Path, algorithm: str = "SAC", *, trust: bool = False
) -> Line:
    """Write a run folder that holds what the probes find of a model that SB3 saved.

    Args:
        path: what `model.save` wrote.
        make_env: returns the environment it was trained in.
        out: the folder, a new one.
        algorithm: "SAC", "TD3", "DDPG" or "TQC": which class saved it.
        trust: SB3's files are pickled, and unpickling one runs whatever code is in it.

    Returns:
        The line of what was found.

    Raises:
        ModelError: not trusted, no SB3 file, of another algorithm, or not of this environment.
        MissingExtra: the package of TQC is not installed.
        UnusableEnvironment: it cannot be made.
        UnsupportedPolicy, ProbeSetError, RecordError: it cannot be probed, or not written there.
    """
    if not trust:
        raise ModelError(
            f"{path} is pickled: loading it runs whatever code was put into it. Give --trust if "
            "you, or somebody you trust, saved it"
        )
    if algorithm not in ALGORITHMS:
        raise ModelError(f"there is no algorithm {algorithm}; use {', '.join(ALGORITHMS)}")
    refuse_existing_run(out)  # before minutes of work, too
    env = DummyVecEnv([lambda: Monitor(ChannelsFirst(made(make_env)))])
    try:
        model = _loaded(path, env, algorithm)
        networks = view_networks(model.policy)
        probe_set = gather_probe_set(env.envs[0])
        labelled, extra = gather_labelled_set(env.envs[0], LABELLED_SEED)
        task = declared_task(env.envs[0])
    finally:
        env.close()
    material = ProbeMaterial(probe_set, labelled, extra, task, shifted(DRQ_SHIFT))
    found = probe_agent(model.policy, material)
    step, update = model.num_timesteps, model._n_updates
    settings, asked = {"model": path.name}, probe_set.describe()
    info = describe_run(out, model, networks, settings=settings, probe_set=asked)
    writer = RecordWriter(out, info)
    recorded = {k: v for k, v in found.values.items() if parse(k).family not in OFFLINE_FAMILIES}
    writer.write(Line(step, update, recorded))
    writer.write(Line(step, update, event="end", details={"reason": FINISHED}))
    writer.close()
    probe_set.save(out / PROBE_SET_FILE)
    probed = {k: v for k, v in found.values.items() if k not in recorded}
    line = Line(step, update, probed)
    write_probes(out, [line], {step: found.arrays})
    return line


def _loaded(path: Path, env: VecEnv, algorithm: str) -> OffPolicyAlgorithm:
    if not path.is_file():
        raise ModelError(f"{path} does not exist; give the .zip that model.save wrote")
    kind = ALGORITHMS[algorithm]()
    try:
        refuse_bomb(path)
        return kind.load(path, env=env, device="cpu")
    except Exception as error:  # unpickling somebody's file can fail in any way
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "spaces do not match" in cause:
            raise ModelError(
                f"{path} was not trained in this environment ({cause}); give --env and its flags "
                "as it was trained"
            ) from error
        raise ModelError(
            f"{path} cannot be loaded as {algorithm} ({cause}); is it an SB3 file of that "
            "algorithm and version?"
        ) from error
