"""How well a policy solves its task: episodes in an environment of its own, beside training."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import PolicyPredictor
from torch import nn

from goalscope.diagnostics.instruments.instrument import Context
from goalscope.diagnostics.material.declared_task import declared_task
from goalscope.diagnostics.record import Task
from goalscope.diagnostics.record.metrics import (
    EVALUATION_RETURN,
    FINAL_DISTANCE,
    FINAL_DISTANCE_MEAN,
)
from goalscope.diagnostics.successes import Successes
from goalscope.errors import UserError
from goalscope.probes.blocks import evaluation_mode
from goalscope.probes.isolation import isolated_generators

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
            the task is shown in; one per episode, in their order.
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
            FINAL_DISTANCE.key(unit=self.task.key_unit): self.final_distance,
            FINAL_DISTANCE_MEAN.key(unit=self.task.key_unit): self.final_distance_mean,
            EVALUATION_RETURN.key(): self.mean_return,
        }


def evaluate(
    policy: PolicyPredictor | BaseAlgorithm,
    env: gym.Env[Any, np.ndarray],
    episodes: int = EPISODES,
    seed: int = EVALUATION_SEED,
) -> Evaluation:
    """Return what the policy's best actions come to; training is left as it was found.

    Episode i starts from seed + i, so that each evaluation meets the same starts. No shared
    generator moves, and no module changes between training and evaluation mode.

    Args:
        policy: an agent, a policy, or whatever else has SB3's `predict`.
        env: a goal environment that nobody else uses, observed as the policy is used to.
        episodes: how many, at least 1.
        seed: of the first episode.

    Raises:
        ValueError: fewer than one episode.
        NotEvaluable: the environment does not report `is_success`, or goals.
    """
    _check_episodes(episodes)
    ends = []
    task = declared_task(env)
    root = policy.policy if isinstance(policy, BaseAlgorithm) else policy
    mode = evaluation_mode(root) if isinstance(root, nn.Module) else nullcontext()
    with isolated_generators(seed % 2**32), mode:
        for number in range(episodes):
            ends.append(_run_episode(policy, env, seed + number))
    successes, distances, returns = zip(*ends, strict=True)
    shown = tuple(map(task.shown, distances))
    return Evaluation(sum(successes), episodes, shown, float(np.mean(returns)), task)


def _check_episodes(episodes: int) -> None:
    if episodes < 1:
        raise ValueError(f"{episodes} episodes say nothing of a policy; use 1 or more")


def _run_episode(
    policy: PolicyPredictor | BaseAlgorithm, env: gym.Env[Any, np.ndarray], seed: int
) -> tuple[bool, float, float]:
    """Return success, final distance (goal units) and return of the episode from a seed."""
    observation, _ = env.reset(seed=seed)
    total, ended = 0.0, False
    while not ended:
        action, _ = policy.predict(observation, deterministic=True)
        observation, reward, terminated, truncated, info = env.step(action)
        total += float(reward)
        ended = terminated or truncated
    try:
        success, distance = bool(info["is_success"]), _distance(observation, info)
    except KeyError as error:
        raise NotEvaluable(
            "success cannot be evaluated: the environment needs info['is_success'], and "
            "achieved_goal and desired_goal in its observation; use one of goalscope's own"
        ) from error
    return success, distance, total


def _distance(observation: Mapping[str, np.ndarray], info: Mapping[str, Any]) -> float:
    """Return how far the achieved goal is from the desired one, goal units."""
    if "desired_goal" not in observation:  # an arm that does not observe its goals
        return float(info["goal_distance"])
    apart = observation["achieved_goal"] - observation["desired_goal"]
    return float(np.linalg.norm(apart))


class EvaluationCallback(BaseCallback):
    """Evaluates the agent as training goes on: at its start, every so many steps, and at its end.

    Due is the first rollout that starts at or after a multiple of `every_steps`. There, after an
    update and before the next step, the agent is whole. Put it before the callback that records,
    whose last line says that the run ended.

    Args:
        env: a goal environment of its own; the caller closes it.
        record: takes a name and what measures, such as `ModalityDiagnostics.record`; an evaluation
            that raises is for it to count.
        every_steps: environment transitions between evaluations.
        episodes: of each evaluation.
        seed: of the first episode of each evaluation.

    Raises:
        ValueError: fewer than one step or episode.
    """

    model: OffPolicyAlgorithm

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

    def state_dict(self) -> dict[str, int]:
        """Return what a resumed run must know, as JSON values."""
        return {"last_step": self._last_step}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
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
        self._record(
            NAME, lambda _: evaluate(self.model, self._env, self._episodes, self._seed).metrics()
        )
