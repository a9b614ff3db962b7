"""One run: an arm and a seed, trained, watched, and gone on with after it was cut off."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.material.probe_set import ProbeSet, gather_probe_set, load_probe_set
from goalscope.diagnostics.record import (
    MEASUREMENTS_FILE,
    PROBE_SET_FILE,
    ROUTING_FILE,
    RUN_FILE,
    last_update,
    refuse_existing_run,
)
from goalscope.errors import EnvironmentLost
from goalscope.training.envs.making import make_environment, renderer_of
from goalscope.training.envs.opengl import is_software
from goalscope.training.envs.own import shown_by
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.tasks import is_own
from goalscope.training.evaluation.episodes import EvaluationCallback
from goalscope.training.runs.agent import build_agent
from goalscope.training.runs.arms import find_arm
from goalscope.training.runs.capacity import fitted
from goalscope.training.runs.checkpoint.folder import (
    Checkpoint,
    CheckpointError,
    list_checkpoints,
    load_checkpoint,
    refuse_other_configuration,
    was_cut_off_at_once,
)
from goalscope.training.runs.checkpoint.names import FOLDER as CHECKPOINTS
from goalscope.training.runs.configuration import completed, configuration_of, with_saved
from goalscope.training.runs.foreign import refuse_foreign
from goalscope.training.runs.interrupts import stop_signals_noted
from goalscope.training.runs.lock import locked
from goalscope.training.runs.progress import ProgressCallback
from goalscope.training.runs.saving import CheckpointCallback
from goalscope.training.runs.settings import (
    RunSettings,
    SettingsError,
)
from goalscope.training.runs.validation import check

REPLAY_FOLDER = "replay"
_LEFT = (CHECKPOINTS, REPLAY_FOLDER, MEASUREMENTS_FILE, ROUTING_FILE, PROBE_SET_FILE)


def train(settings: RunSettings, *, progress: bool = False) -> Path:
    """Train a run, watched, and return its folder.

    A folder that holds the same run, cut off, is gone on with from its newest checkpoint; one that
    holds the same run to its end is left as it is.

    Args:
        settings: what to run.
        progress: show steps, updates, success, speed and time left.

    Raises:
        UnknownArm, UnusableEnvironment, RecordError, SettingsError, BufferTooLarge, RunLocked,
        CheckpointError, ForeignFolder: before anything is written.
        Interrupted: SIGINT, SIGTERM or SIGHUP came; the run was saved first.
        EnvironmentLost: the process of an environment died; the run was saved first.
    """
    check(settings)
    refuse_other_files(settings.out)
    if not list_checkpoints(settings.out):
        if settings.probe_set is not None:
            load_probe_set(settings.probe_set)
        settings = fitted(settings)
        _refuse_software_rendering(settings)
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    with locked(settings.out, worth_keeping=lambda: _has_begun(settings.out)):
        checkpoint = _find_checkpoint(settings)
        if checkpoint is not None:
            settings = as_begun(settings, checkpoint)
        if checkpoint is None or checkpoint.step < settings.total_steps:
            with stop_signals_noted() as asked:
                _train(settings, checkpoint, progress, asked)
    return settings.out


def refuse_other_files(out: Path) -> None:
    """Raise where a run's folder holds something else than a run, or what one left at its start.

    Raises:
        ForeignFolder: it does.
    """
    refuse_foreign(out, own=[RUN_FILE], left=_LEFT)


def as_begun(settings: RunSettings, checkpoint: Checkpoint) -> RunSettings:
    """Return a run's settings with what was chosen for it as it began.

    Raises:
        CheckpointError: the checkpoint is of other settings.
    """
    saved = completed(checkpoint.content["configuration"])
    settings = with_saved(settings, saved)
    refuse_other_configuration(settings.out, saved, configuration_of(settings))
    return settings


def is_finished(settings: RunSettings) -> bool:
    """Whether the folder holds this run, and it has made all its steps.

    Raises:
        CheckpointError: it holds a run of other settings, or a checkpoint that cannot be read.
    """
    checkpoints = list_checkpoints(settings.out)
    if not checkpoints:
        return False
    as_begun(settings, checkpoints[-1])
    return checkpoints[-1].step >= settings.total_steps


def can_gather(environment: EnvironmentSettings) -> bool:
    """Whether a probe set can be gathered there: it observes goals, and random actions are drawn.

    Of a user's own environment the actions may be of any kind.
    """
    own = is_own(environment.id)
    return environment.goals and (not own or shown_by(environment.id).bounded)


def make_probe_set(environment: EnvironmentSettings) -> ProbeSet:
    """Return the probe set of an environment, from an instance of its own and its own seed."""
    env: gym.Env[Any, Any] = make_environment(environment)
    try:
        return gather_probe_set(env)
    finally:
        env.close()


def _train(
    settings: RunSettings,
    checkpoint: Checkpoint | None,
    progress: bool,
    asked: Callable[[], int | None],
) -> None:
    out = settings.out
    probe_set = _probe_set(settings)
    model = build_agent(settings, probe_set, out / REPLAY_FOLDER)
    evaluation_env = make_environment(settings.environment)
    try:
        state = None
        if checkpoint is not None:
            state = load_checkpoint(checkpoint, model)
            if not checkpoint.content["replay"] and isinstance(model, OffPolicyAlgorithm):
                state["diagnostics"]["lost_buffer"] = True
                # Gathered anew, as at the start.
                model.learning_starts = checkpoint.step + settings.starts
            if not checkpoint.content.get("environments", True):
                state["diagnostics"]["lost_environments"] = True
        diagnostics = ModalityDiagnostics(
            out,
            features_every=settings.every.features,
            gradients_every=settings.every.gradients,
            sensitivity_every=settings.every.sensitivity,
            probe_set=probe_set,
            settings=_run_settings(settings),
            arm=settings.arm,
            resume=state and state["diagnostics"],
        )
        callbacks: list[BaseCallback] = [diagnostics]
        evaluation = None
        if settings.evaluation_steps:
            evaluation = EvaluationCallback(
                evaluation_env,
                diagnostics.record,
                settings.evaluation_steps,
                settings.evaluation.episodes,
            )
            if state is not None and "evaluation" in state:
                evaluation.load_state_dict(state["evaluation"])
            callbacks.insert(0, evaluation)
        shown = ProgressCallback(settings.total_steps)
        saving = CheckpointCallback(settings, diagnostics, evaluation, asked)
        callbacks.append(saving)
        callbacks += [shown] if progress else []
        left = settings.total_steps - model.num_timesteps
        try:
            model.learn(left, callback=callbacks, reset_num_timesteps=checkpoint is None)
        except EnvironmentLost as error:
            raise EnvironmentLost(f"{error}; {saving.save_what_is_left()}") from error
        finally:
            shown.stop()
    finally:
        evaluation_env.close()
        env = model.get_env()
        if env is not None:
            env.close()


def _has_begun(folder: Path) -> bool:
    return last_update(folder) > 0 or any((folder / CHECKPOINTS).glob("step-*"))


def _find_checkpoint(settings: RunSettings) -> Checkpoint | None:
    """Return where to go on; None for a new run.

    Raises:
        RecordError: the folder holds a run that cannot be gone on with.
        CheckpointError: the checkpoint is of other settings, or damaged.
    """
    checkpoints = list_checkpoints(settings.out)
    if not checkpoints:
        if was_cut_off_at_once(settings.out):
            for name in (MEASUREMENTS_FILE, RUN_FILE):
                (settings.out / name).unlink(missing_ok=True)
        refuse_existing_run(settings.out)
        (settings.out / CHECKPOINTS).mkdir(exist_ok=True)
        return None
    newest = checkpoints[-1]
    if not newest.resumable and newest.step < settings.total_steps:
        raise CheckpointError(
            f"{newest.folder} holds weights alone, the run cannot go on from it; choose another "
            "folder"
        )
    return newest


def _probe_set(settings: RunSettings) -> ProbeSet | None:
    """Return what every run of its kind is asked about; None leaves it to the run's own states."""
    if not can_gather(settings.environment):
        return None
    own = settings.out / PROBE_SET_FILE
    if own.exists():  # of the run that is gone on with
        return load_probe_set(own)
    if settings.probe_set is not None:
        return load_probe_set(settings.probe_set)
    return make_probe_set(settings.environment)


def _run_settings(settings: RunSettings) -> dict[str, Any]:
    environment = settings.environment
    told = ("id", "pixels", "goals") if is_own(environment.id) else vars(environment)
    found: dict[str, Any] = {f"env.{name}": getattr(environment, name) for name in told}
    renderer = renderer_of(environment)
    if renderer is not None:
        found["env.renderer"] = renderer
    return found | {
        "run.algorithm": settings.algorithm,
        "run.total_steps": settings.total_steps,
        "run.fast": settings.fast,
        "run.precision": settings.precision,
        "arm.changes": list(find_arm(settings.arm).changes),
        "evaluation.every_steps": settings.evaluation_steps,
        "evaluation.episodes": settings.evaluation.episodes,
    }


def _refuse_software_rendering(settings: RunSettings) -> None:
    if settings.software_rendering or not Path("/dev/nvidia0").exists():
        return
    renderer = renderer_of(settings.environment)
    if renderer is not None and is_software(renderer):
        raise SettingsError(
            f"there is a GPU, but {renderer} draws on the processor, far more slowly: "
            "install its EGL driver (goalscope doctor says how), or give --software-rendering"
        )
