"""How long a run will take on this machine: its parts, each tried for a moment, times how many."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.material.probe_set import ProbeSet
from goalscope.diagnostics.updates.schedule import SENSITIVITY_GROWTH, Schedule
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.tasks import task_of
from goalscope.training.evaluation.episodes import play
from goalscope.training.runs.agent import build_agent
from goalscope.training.runs.run import can_gather, make_probe_set
from goalscope.training.runs.settings import RunSettings

_WARM_UP = 2  # steps of a trial that are left out: torch and the allocator settle
_PLAIN_STEPS = 8
_WATCHED_STEPS = 4
_GATHERED = 50  # steps of each environment before the first update, where no episode must end


@dataclass(frozen=True)
class RunTime:
    """What a run takes, in seconds.

    Attributes:
        start: until its first step.
        gathering: its steps before the first update.
        learning: its steps and updates after that, unwatched.
        watching: all its measurements, the dense start among them.
        evaluating: its evaluations.
        tried: updates on which that was measured.
    """

    start: float
    gathering: float
    learning: float
    watching: float
    evaluating: float
    tried: int

    @property
    def total(self) -> float:
        """All of it; saving checkpoints is not in it."""
        return self.start + self.gathering + self.learning + self.watching + self.evaluating


def run_time(settings: RunSettings) -> RunTime:
    """Return how long a run will take, from some real steps and updates of it.

    A small replay is filled and the agent trained in a folder of its own, which is deleted: for a
    few steps unwatched, then with features and gradients measured at every update, then with all
    that is measured. Medians over steps are scaled to what the run will make.

    Args:
        settings: of the run, checked.
    """
    least = (task_of(settings.environment.id).episode_steps or _GATHERED) * settings.n_envs
    steps = 3 * (_WARM_UP + _PLAIN_STEPS) * settings.n_envs
    tried = replace(
        settings,
        learning_starts=min(settings.starts, least),
        total_steps=2 * least + steps,
        buffer_size=None,  # filled to its full size it would take hours, and no longer to draw from
    )
    begun = time.perf_counter()
    probe_set = make_probe_set(settings.environment) if can_gather(settings.environment) else None
    with tempfile.TemporaryDirectory() as folder:
        model = build_agent(tried, probe_set, Path(folder))
        model.set_logger(Logger(None, []))  # SB3's own would leave a folder behind
        start = time.perf_counter() - begun
        try:
            return _timed(settings, tried, model, probe_set, start)
        finally:
            env = model.get_env()
            assert env is not None
            env.close()


def _timed(
    settings: RunSettings,
    tried: RunSettings,
    model: BaseAlgorithm,
    probe_set: ProbeSet | None,
    start: float,
) -> RunTime:
    gathering = _per_step(model, tried.starts // settings.n_envs, settings.n_envs)
    _per_step(model, _WARM_UP, settings.n_envs)
    plain = _per_step(model, _PLAIN_STEPS, settings.n_envs)
    watched = _watched(model, settings.n_envs)
    all_watched = _watched(model, settings.n_envs, all_of=True, probe_set=probe_set)
    every, per = settings.every, settings.gradient_steps
    dear = Schedule(every.sensitivity, SENSITIVITY_GROWTH).count(settings.updates)
    cheap = Schedule(min(every.features, every.gradients)).count(settings.updates)
    return RunTime(
        start,
        gathering * settings.starts / settings.n_envs,
        plain * (settings.total_steps - settings.starts) / settings.n_envs,
        (max(0, watched - plain) * cheap + max(0, all_watched - watched) * dear) / per,
        _episode(model, settings) * _episodes(settings),
        per * (_PLAIN_STEPS + 2 * _WATCHED_STEPS),
    )


def _watched(
    model: BaseAlgorithm, n_envs: int, *, all_of: bool = False, probe_set: ProbeSet | None = None
) -> float:
    """Return the seconds of a step whose updates are measured: features and gradients, or all."""
    watch = ModalityDiagnostics(
        None,
        features_every=1,
        gradients_every=1,
        sensitivity_every=1 if all_of else None,
        probe_set=probe_set,
    )
    return _per_step(model, _WARM_UP + _WATCHED_STEPS, n_envs, [watch], _WARM_UP)


def _per_step(
    model: BaseAlgorithm,
    steps: int,
    n_envs: int,
    watch: Sequence[BaseCallback] = (),
    left_out: int = 0,
) -> float:
    """Return the median seconds of a step of all environments, with the updates after it."""
    clock = _Clock()
    model.learn(steps * n_envs, callback=[clock, *watch], reset_num_timesteps=False)
    return median(after - before for before, after in clock.between[left_out:])


class _Clock(BaseCallback):
    """Notes when each step of all environments begins, and when the last one's updates end."""

    def __init__(self) -> None:
        super().__init__()
        self._times: list[float] = []

    @property
    def between(self) -> list[tuple[float, float]]:
        """Begin and end of each step with its updates."""
        return [*zip(self._times, self._times[1:], strict=False)]

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        self._times.append(time.perf_counter())

    def _on_training_end(self) -> None:
        self._times.append(time.perf_counter())


def _episode(model: BaseAlgorithm, settings: RunSettings) -> float:
    """Return the seconds of one episode of evaluation."""
    if not settings.evaluation_steps:
        return 0.0
    env = make_environment(settings.environment)
    try:
        play(model, env, episodes=1)  # the renderer is made in the first
        begun = time.perf_counter()
        play(model, env, episodes=1)
        return time.perf_counter() - begun
    finally:
        env.close()


def _episodes(settings: RunSettings) -> int:
    """Return the episodes of all evaluations: at the start, at the cadence, and at the end."""
    every = settings.evaluation_steps
    return settings.evaluation.episodes * (1 - -settings.total_steps // every) if every else 0
