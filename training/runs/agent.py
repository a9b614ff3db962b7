"""The agent of a run: an algorithm on the extractor and environments that an arm asks for."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import CombinedExtractor, NatureCNN
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv
from torch import nn

from goalscope.diagnostics.material.probe_set import ProbeSet
from goalscope.diagnostics.material.wandering import ProbeSetError
from goalscope.diagnostics.record import Task
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.probes.isolation import isolated_generators
from goalscope.training.agents.annealing import Annealed
from goalscope.training.agents.extractors import FusionExtractor, NormalizedCombinedExtractor
from goalscope.training.agents.settings import AgentSettings
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.resumable import ResumableEnv
from goalscope.training.envs.tasks import task_of
from goalscope.training.runs.algorithms import algorithm_of, policy_of
from goalscope.training.runs.environment_processes import EnvironmentProcesses
from goalscope.training.runs.settings import RunSettings

_FRESH_ENCODERS = 5


def build_agent(
    settings: RunSettings, probe_set: ProbeSet | None = None, replay_folder: Path | None = None
) -> BaseAlgorithm:
    """Return an untrained agent with its own training environments.

    Args:
        settings: of the run.
        probe_set: observations from which an arm's constants come; None where it has none.
        replay_folder: where replay keeps frames that lie on disk, and what a checkpoint needs.

    Raises:
        BufferTooLarge: replay fits neither in memory nor on disk.
        MissingExtra: the package of TQC is not installed.
    """
    agent = settings.agent
    env = make_environments(settings)
    try:
        assert isinstance(env.observation_space, spaces.Dict)
        task = task_of(settings.environment.id)
        policy_kwargs = extractor_options(agent, env.observation_space, probe_set, task)
        policy_kwargs["net_arch"] = list(settings.net_arch)
        if agent.routing in ("separate", "shared"):  # which is not every algorithm's default
            policy_kwargs["share_features_extractor"] = agent.routing == "shared"
        kind, options = algorithm_of(settings, env, replay_folder)
        construct: Callable[..., BaseAlgorithm] = kind
        model = construct(
            policy_of(agent),
            env,
            learning_rate=Annealed(agent.learning_rate) if agent.annealed else agent.learning_rate,
            batch_size=agent.batch_size,
            gamma=agent.gamma,
            policy_kwargs=policy_kwargs,
            seed=settings.seed,
            device=settings.device,
            **options,
        )
        # SB3 counts on from the run's seed, and seed 1 would meet most starts and goals of seed 0.
        env.seed(settings.seed * settings.n_envs)
        return model
    except BaseException:
        env.close()
        raise


def make_environments(settings: RunSettings) -> VecEnv:
    """Return the training environments; with `fast` each in a process of its own."""
    return make_vec_env(
        partial(make_environment, settings.environment),
        n_envs=settings.n_envs,
        seed=settings.seed,
        wrapper_class=ResumableEnv,
        vec_env_cls=(
            EnvironmentProcesses if settings.fast and settings.n_envs > 1 else DummyVecEnv
        ),
    )


def extractor_options(
    agent: AgentSettings, space: spaces.Dict, probe_set: ProbeSet | None, task: Task
) -> dict[str, Any]:
    """Return the `policy_kwargs` of an agent's features extractor.

    Raises:
        ValueError: the agent's constants come from a probe set, and there is none.
    """
    options: dict[str, Any] = {"cnn_output_dim": agent.cnn_dim}
    switches: dict[str, Any] = {}
    if agent.encoder != "nature":
        switches["encoder"] = agent.encoder
    if agent.constant_features:
        switches["constant_features"] = agent.constant_features
    if agent.image_gain != 1.0:
        gain = agent.image_gain
        switches["image_gain"] = fixed_gain(agent, space, probe_set) if gain == "fix" else gain
    standardised = vector_constants(agent, space, probe_set, task.negligible)
    if standardised:
        switches["standardised"] = standardised
    fuses = bool(switches) or agent.routing == "asymmetric" or agent.encoder_frozen
    if agent.trunk != "plain" and (fuses or agent.trunk != "layernorm-tanh"):
        switches["trunk"] = agent.trunk
    if fuses or switches:
        extractor: type[Any] = FusionExtractor
    elif agent.trunk == "layernorm-tanh":
        extractor = NormalizedCombinedExtractor
    else:
        extractor = CombinedExtractor
    return {
        "features_extractor_class": extractor,
        "features_extractor_kwargs": options | switches,
    }


def fixed_gain(agent: AgentSettings, space: spaces.Dict, probe_set: ProbeSet | None) -> float:
    """Return the factor that gives fresh image features the spread the plan's fix gives them.

    Spread is the root mean square over units of the standard deviation over the probe set's images;
    the factor is that of tanh(LayerNorm(z)) over that of z, the median over five fresh encoders.
    """
    pixels = torch.as_tensor(_needed(probe_set).observations["pixels"]).float() / 255
    image = space["pixels"]
    assert isinstance(image, spaces.Box)
    factors = []
    with isolated_generators(seed=0), torch.no_grad():
        for _ in range(_FRESH_ENCODERS):
            features = NatureCNN(image, agent.cnn_dim)(pixels)
            fixed = nn.functional.layer_norm(features, (agent.cnn_dim,)).tanh()
            spreads = [z.var(dim=0, correction=0).mean().sqrt() for z in (fixed, features)]
            factors.append(float(spreads[0] / spreads[1]))
    return float(np.median(factors))


def vector_constants(
    agent: AgentSettings,
    space: spaces.Dict,
    probe_set: ProbeSet | None,
    negligible: float | None,
) -> dict[str, tuple[list[float], list[float]]]:
    """Return key of a vector -> what centres each component, and what then divides it.

    Both are measured on the probe set, for the two goal vectors together; 0 or 1 where the agent
    asks for the other alone. A component whose spread is negligible, as of a height on a table, is
    divided by what is just not: noise is not blown up.

    Raises:
        ValueError: there is no probe set.
        ProbeSetError: it does not hold a vector.
    """
    wanted: dict[tuple[str, ...], tuple[bool, bool]] = {}  # keys -> whether to centre, to scale
    if agent.goals_centred or agent.goals_scaled:
        wanted[GOAL_KEYS] = agent.goals_centred, agent.goals_scaled
    if agent.vectors_standardised:
        vectors = (key for key, part in space.items() if not is_image_space(part))
        wanted |= {(key,): (True, True) for key in vectors if key not in GOAL_KEYS}
    found: dict[str, tuple[list[float], list[float]]] = {}
    for keys, (centre, scale) in wanted.items():
        observed = _needed(probe_set).observations
        if any(key not in observed for key in keys):
            raise ProbeSetError(
                f"the probe set holds no {' or '.join(keys)}, whose mean and spread the arm asks "
                "for; leave --probe-set out"
            )
        values = np.concatenate([observed[key] for key in keys])
        spread = np.maximum(values.std(axis=0), negligible or 0.0)
        spread = np.where(spread > 0, spread, 1.0)  # of a constant, where nothing is negligible
        mean = values.mean(axis=0) if centre else np.zeros_like(spread)
        constants = mean.tolist(), (spread if scale else np.ones_like(spread)).tolist()
        found |= dict.fromkeys(keys, constants)
    return found


def _needed(probe_set: ProbeSet | None) -> ProbeSet:
    if probe_set is None:
        raise ValueError("this arm's constants come from a probe set; give one")
    return probe_set
