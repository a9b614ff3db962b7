"""How well a policy solves its task: episodes in an environment of its own, beside training."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import gymnasium as gym
import numpy as np
from msgspec import Meta
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import PolicyPredictor
from torch import nn

from goalscope.diagnostics.instruments.instrument import Context
from goalscope.diagnostics.material.declared_task import declared_task
from goalscope.diagnostics.record import Task
from goalscope.diagnostics.record.documents import MOST
from goalscope.diagnostics.record.metrics import (
    EVALUATION_RETURN,
    FINAL_DISTANCE,
    FINAL_DISTANCE_MEAN,
)
from goalscope.diagnostics.record.successes import Successes
from goalscope.errors import UserError
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.probes.isolation import evaluation_mode, isolated_generators

EVALUATION_SEED = 30_000_001  # of no training environment: every arm and seed meets the same starts
EPISODES = 20
NAME = "evaluation"

Metrics = Mapping[str, float]
Record = Callable[[str, Callable[[Context], Metrics]], None]


class NotEvaluable(UserError):
    """An environment does not say what success is; the message is one line and names the remedy."""


@dataclass(frozen=True)
class Evaluation(Successes):
    """What some episodes of a policy came to.

    Attributes:
        successes: episodes that were successful at their last step.
        episodes: all of them.
        final_distances: of the achieved from the desired goal at the last step, in the unit that
            the task is shown in; one per episode, in their order; empty without goals.
        mean_return: undiscounted sum of rewards, the mean over episodes.
        task: what it was about.
    """

    final_distances: tuple[float, ...]
    mean_return: float
    task: Task

    @property
    def final_distance(self) -> float:
        """Median of the final distances."""
        return float(np.median(self.final_distances))

    @property
    def final_distance_mean(self) -> float:
        """Mean of the final distances."""
        return float(np.mean(self.final_distances))

    def metrics(self) -> dict[str, float]:
        """Return record key -> value."""
        return {
            **super().metrics(),
            **self._distances(),
            EVALUATION_RETURN.key(): self.mean_return,
        }

    def _distances(self) -> dict[str, float]:
        if not self.final_distances:
            return {}
        return {
            FINAL_DISTANCE.key(unit=self.task.key_unit): self.final_distance,
            FINAL_DISTANCE_MEAN.key(unit=self.task.key_unit): self.final_distance_mean,
        }


@dataclass(frozen=True)
class Episode:
    """What an episode came to.

    Attributes:
        success: at its last step; None where the environment does not tell.
        final_distance: of the achieved from the desired goal at its last step, goal units; None
            without goals.
        total: undiscounted sum of its rewards.
    """

    success: bool | None
    final_distance: float | None
    total: float


def play(
    policy: PolicyPredictor | BaseAlgorithm,
    env: gym.Env[Any, Any],
    episodes: int = EPISODES,
    seed: int = EVALUATION_SEED,
) -> list[Episode]:
    """Return what each episode of the policy's best actions came to; training is left as it was.

    Episode i starts from seed + i, so that each call meets the same starts. No shared generator
    moves, and no module changes between training and evaluation mode.

    Args:
        policy: an agent, a policy, or whatever else has SB3's `predict`.
        env: an environment that nobody else uses, observed as the policy is used to.
        episodes: how many, at least 1.
        seed: of the first episode.

    Raises:
        ValueError: fewer than one episode.
    """
    _check_episodes(episodes)
    root = policy.policy if isinstance(policy, BaseAlgorithm) else policy
    mode = evaluation_mode(root) if isinstance(root, nn.Module) else nullcontext()
    with isolated_generators(seed % 2**32), mode:
        return [_run_episode(policy, env, seed + number) for number in range(episodes)]


def evaluate(
    policy: PolicyPredictor | BaseAlgorithm,
    env: gym.Env[Any, np.ndarray],
    episodes: int = EPISODES,
    seed: int = EVALUATION_SEED,
) -> Evaluation:
    """Return what the episodes that are played (`play`) come to.

    Raises:
        ValueError: fewer than one episode.
        NotEvaluable: the environment does not report `is_success`.
    """
    found = _evaluated(play(policy, env, episodes, seed), declared_task(env))
    if found is None:
        raise NotEvaluable(
            "success cannot be evaluated: the environment needs info['is_success']; let its step "
            "tell"
        )
    return found


def outcome(
    policy: PolicyPredictor | BaseAlgorithm, env: gym.Env[Any, Any], episodes: int, seed: int
) -> dict[str, float]:
    """Return record key -> value of an evaluation; the return alone where success is not told."""
    played = play(policy, env, episodes, seed)
    found = _evaluated(played, declared_task(env))
    if found is None:
        return {EVALUATION_RETURN.key(): _mean_return(played)}
    return found.metrics()


def _evaluated(played: Sequence[Episode], task: Task) -> Evaluation | None:
    """Return what episodes came to; None where one did not tell of success."""
    successes = [episode.success for episode in played if episode.success is not None]
    if len(successes) < len(played):
        return None
    apart = [e.final_distance for e in played if e.final_distance is not None]
    distances = tuple(map(task.shown, apart))
    return Evaluation(sum(successes), len(played), distances, _mean_return(played), task)


def _mean_return(played: Sequence[Episode]) -> float:
    return float(np.mean([episode.total for episode in played]))


def _check_episodes(episodes: int) -> None:
    if episodes < 1:
        raise ValueError(f"{episodes} episodes say nothing of a policy; use 1 or more")


def _run_episode(
    policy: PolicyPredictor | BaseAlgorithm, env: gym.Env[Any, Any], seed: int
) -> Episode:
    observation, _ = env.reset(seed=seed)
    total, ended = 0.0, False
    while not ended:
        action, _ = policy.predict(observation, deterministic=True)
        observation, reward, terminated, truncated, info = env.step(action)
        total += float(reward)
        ended = terminated or truncated
    success = bool(info["is_success"]) if "is_success" in info else None
    return Episode(success, _distance(observation, info), total)


def _distance(observation: Mapping[str, np.ndarray], info: Mapping[str, Any]) -> float | None:
    """Return how far the achieved goal is from the desired one, goal units; None without goals."""
    if not all(key in observation for key in GOAL_KEYS):  # an arm that does not observe its goals
        return float(info["goal_distance"]) if "goal_distance" in info else None
    achieved, desired = (observation[key] for key in GOAL_KEYS)
    return float(np.linalg.norm(achieved - desired))


class EvaluationState(TypedDict):
    """What a run that goes on must know of its evaluations."""

    last_step: Annotated[int, Meta(ge=-1, le=MOST)]  # -1 before the first


class EvaluationCallback(BaseCallback):
    """Evaluates the agent as training goes on: at its start, every so many steps, and at its end.

    Due is the first rollout that starts at or after a multiple of `every_steps`. There, after an
    update and before the next step, the agent is whole. Put it before the callback that records,
    whose last line says that the run ended.

    Args:
        env: an environment of its own; the caller closes it.
        record: takes a name and what measures, such as `ModalityDiagnostics.record`; an evaluation
            that raises is for it to count.
        every_steps: environment transitions between evaluations.
        episodes: of each evaluation.
        seed: of the first episode of each evaluation.

    Raises:
        ValueError: fewer than one step or episode.
    """

    def __init__(
        self,
        env: gym.Env[Any, np.ndarray],
        record: Record,
        every_steps: int,
        episodes: int = EPISODES,
        seed: int = EVALUATION_SEED,
    ) -> None:
        super().__init__()
        if every_steps < 1:
            raise ValueError(f"{every_steps} steps between evaluations are too few; use 1 or more")
        _check_episodes(episodes)
        self._env = env
        self._record = record
        self._every = every_steps
        self._episodes = episodes
        self._seed = seed
        self._last_step = -1

    def state_dict(self) -> EvaluationState:
        """Return what a resumed run must know, as JSON values."""
        return {"last_step": self._last_step}

    def load_state_dict(self, state: EvaluationState) -> None:
        """Take over what `state_dict` returned."""
        self._last_step = state["last_step"]

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        # Not equal rather than above: a second `learn` begins at step 0 again.
        if self.model.num_timesteps // self._every != self._last_step // self._every:
            self._evaluate()

    def _on_training_end(self) -> None:
        if self.model.num_timesteps != self._last_step:
            self._evaluate()

    def _evaluate(self) -> None:
        self._last_step = self.model.num_timesteps
        self._record(NAME, lambda _: outcome(self.model, self._env, self._episodes, self._seed))
