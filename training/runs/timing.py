"""How long a run will take on this machine: its parts, each tried for a moment, times how many."""

import math
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.material.probe_set import ProbeSet
from goalscope.diagnostics.updates.schedule import SENSITIVITY_GROWTH, Schedule
from goalscope.training.agents.extended_sac import ExtendedSAC
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.tasks import task_of
from goalscope.training.evaluation.episodes import play
from goalscope.training.runs.agent import build_agent
from goalscope.training.runs.run import can_gather, make_probe_set
from goalscope.training.runs.settings import RunSettings

_WARMING = 10  # steps of an encoder's warm-up
_GATHERED = 50  # steps of each environment before the first update, where no episode must end


@dataclass(frozen=True)
class RunTime:
    """What a run takes, in seconds.

    Attributes:
        start: until its first step.
        gathering: its steps.
        learning: its updates, unwatched, and the warm-up of its encoder.
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


@dataclass(frozen=True)
class _Trial:
    """Rounds of steps, and of the updates after them, that are made to be timed.

    Attributes:
        settings: of the agent that makes them.
        steps: of a round, summed over environments.
        updates: of a round.
        left_out: rounds before those that count: torch, the allocator and the watch settle.
        plain: rounds that count, unwatched.
        watched: rounds that count, for each of the two that are watched.
    """

    settings: RunSettings
    steps: int
    updates: int
    left_out: int
    plain: int
    watched: int

    @classmethod
    def of(cls, settings: RunSettings) -> "_Trial":
        """Return the trial of a run: short of replay or, of PPO, of rollouts."""
        if settings.on_policy:  # whole batches of whole steps; its ten epochs are updates enough
            whole = math.lcm(settings.agent.batch_size, settings.n_envs)
            steps = min(settings.starts, whole)
            tried = replace(settings, learning_starts=steps, total_steps=steps)
            return cls(tried, steps, tried.updates, left_out=1, plain=1, watched=1)
        least = (task_of(settings.environment.id).episode_steps or _GATHERED) * settings.n_envs
        tried = replace(
            settings,
            learning_starts=min(settings.starts, least),
            total_steps=2 * least + 30 * settings.n_envs,
            buffer_size=None,  # filled to its full size it takes hours, and no longer to draw from
        )
        steps, updates = settings.n_envs, settings.gradient_steps
        return cls(tried, steps, updates, left_out=2, plain=8, watched=4)


def run_time(settings: RunSettings) -> RunTime:
    """Return how long a run will take, from some real steps and updates of it.

    An agent is trained in a folder of its own, which is deleted: for a few rounds of steps and
    updates unwatched, then with features and gradients measured at every update, then with all
    that is measured. Medians over rounds are scaled to what the run will make.

    Args:
        settings: of the run, checked.
    """
    trial = _Trial.of(settings)
    begun = time.perf_counter()
    probe_set = make_probe_set(settings.environment) if can_gather(settings.environment) else None
    with tempfile.TemporaryDirectory() as folder:
        model = build_agent(trial.settings, probe_set, Path(folder))
        model.set_logger(Logger(None, []))  # SB3's own would leave a folder behind
        start = time.perf_counter() - begun
        try:
            return _timed(settings, trial, model, probe_set, start)
        finally:
            env = model.get_env()
            assert env is not None
            env.close()


def _timed(
    settings: RunSettings,
    trial: _Trial,
    model: BaseAlgorithm,
    probe_set: ProbeSet | None,
    start: float,
) -> RunTime:
    if not settings.on_policy:
        model.learn(trial.settings.starts)  # which fills its replay
    warming = warm_up_time(model)
    gathering, learning = _round(model, trial, trial.plain)
    plain = gathering + learning
    watched = sum(_round(model, trial, trial.watched, _watch()))
    all_watched = sum(_round(model, trial, trial.watched, _watch(1, probe_set)))
    every = settings.every
    dear = Schedule(every.sensitivity, SENSITIVITY_GROWTH).count(settings.updates)
    cheap = Schedule(min(every.features, every.gradients)).count(settings.updates)
    more = max(0, watched - plain) * cheap + max(0, all_watched - watched) * dear
    return RunTime(
        start,
        gathering / trial.steps * settings.total_steps,
        warming + learning / trial.updates * settings.updates,
        more / trial.updates,
        _episode(model, settings) * _episodes(settings),
        trial.updates * (trial.plain + 2 * trial.watched),
    )


def warm_up_time(model: BaseAlgorithm) -> float:
    """Return the seconds of the steps that an encoder learns in before the first update.

    Some of them are taken, and the agent takes none before its first update any more.
    """
    if not isinstance(model, ExtendedSAC):
        return 0.0
    steps, model.encoder_warmup = model.encoder_warmup, 0  # not in the first of the rounds
    model.warm_up_encoder(_WARMING)
    begun = time.perf_counter()
    model.warm_up_encoder(_WARMING)
    return (time.perf_counter() - begun) / _WARMING * steps


def _watch(
    sensitivity_every: int | None = None, probe_set: ProbeSet | None = None
) -> ModalityDiagnostics:
    """Return what measures features and gradients at every update, and sensitivity if asked."""
    return ModalityDiagnostics(
        None,
        features_every=1,
        gradients_every=1,
        sensitivity_every=sensitivity_every,
        probe_set=probe_set,
    )


def _round(
    model: BaseAlgorithm, trial: _Trial, count: int, *watch: BaseCallback
) -> tuple[float, float]:
    """Return the median seconds of a round's steps, and of its updates."""
    clock = _Clock()
    rounds = trial.left_out + count
    model.learn(rounds * trial.steps, callback=[clock, *watch], reset_num_timesteps=False)
    gathered, learnt = zip(*clock.rounds[trial.left_out :], strict=True)
    return median(gathered), median(learnt)


class _Clock(BaseCallback):
    """Notes when each round of steps begins, and when it and the updates after it end."""

    def __init__(self) -> None:
        super().__init__()
        self._times: list[float] = []

    @property
    def rounds(self) -> list[tuple[float, float]]:
        """Seconds of each round's steps, and of its updates."""
        begun, gathered, learnt = self._times[:-1:2], self._times[1::2], self._times[2::2]
        return [(b - a, c - b) for a, b, c in zip(begun, gathered, learnt, strict=True)]

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        self._times.append(time.perf_counter())

    def _on_rollout_end(self) -> None:
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
