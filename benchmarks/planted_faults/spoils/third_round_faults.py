"""Mistakes of the third round, by one who knew what the checks measure, not their thresholds.

Many begin, or grow, in the middle of training, as what breaks in a running project does.
"""

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor, nn

from benchmarks.planted_faults.grounds import STARTS
from benchmarks.planted_faults.spoils.environment_faults import GoalEnv, Observation, Step
from goalscope.training.agents.extractors import FusionExtractor
from goalscope.training.replay import SharedFrameHerReplayBuffer

BEGINS = STARTS + 100  # steps, of which each makes an update but the first hundred
TOLERANCE_FACTOR = 100.0  # centimetres read as metres
BOX = 0.015  # metres around where the gripper starts; goals lie within 0.15
DOUBLING = 5  # updates after which the loss scale doubles
FIRST_RATE, LAST_RATE = 1e-5, 1.0  # of a learning-rate finder
_LARGEST_NOISE = 3.0  # standard deviation; actions lie in -1..1
_DRIFT = 0.002  # of the range of goals, each step
_WEIGHT_DECAY = 0.1  # as AdamW is given it, which does not add it to the gradient


# The environment


class StalledCamera(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Shows one image for ever from some step on, as a camera does whose stream has stalled."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        self._shown = 0
        self._last = np.empty(0, np.uint8)

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with the image that the camera gives."""
        if self._shown < BEGINS:
            self._last = observation["pixels"]
        self._shown += 1
        return {**observation, "pixels": self._last}


class OneSeed(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Seeds every episode alike, to be reproducible: all have the same start and goal."""

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start the episode."""
        return self.env.reset(**{**options, "seed": 0})


class SafetyBox(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Refuses moves that lead out of a box around the start, a tenth as wide as the goals lie."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        self._start = self._position = np.zeros(0)

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode, and the box around where it starts."""
        observation, info = self.env.reset(**options)
        self._start = self._position = observation["achieved_goal"]
        return observation, info

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns that makes the allowed moves."""
        offset = self._position - self._start
        moves = action[: len(offset)]
        refused = (np.abs(offset) > BOX) & (moves * offset > 0)
        allowed = np.concatenate([np.where(refused, 0, moves), action[len(offset) :]])
        result = self.env.step(allowed.astype(action.dtype))
        self._position = result[0]["achieved_goal"]
        return result


class GrowingNoise(gym.ActionWrapper[Observation, np.ndarray, np.ndarray]):
    """Adds noise to what is carried out that should fade in the course of training, and grows."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        self._generator = np.random.default_rng(0)
        self._steps = 0

    def action(self, action: np.ndarray) -> np.ndarray:
        """Return the action that is carried out."""
        self._steps += 1
        spread = _LARGEST_NOISE * min(1.0, self._steps / BEGINS)
        noisy = action + self._generator.normal(0, spread, action.shape)
        return np.clip(noisy, -1, 1).astype(action.dtype)


class DriftingTracker(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Gives achieved goals of a tracker that drifts with every step and is never set right."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        self._drift = 0.0
        self._each = _DRIFT * float(env.get_wrapper_attr("goal_task").goal_range)

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with what the tracker says; rewards stay those of the truth."""
        self._drift += self._each
        achieved = observation["achieved_goal"]
        return {**observation, "achieved_goal": (achieved + self._drift).astype(achieved.dtype)}


class GoalOfLastEpisode(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Shows the goal of the episode before: the observation is made before a goal is drawn."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        self._shown = np.empty(0)
        self._asked: np.ndarray | None = None

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode; rewards are those of the goal that it asks for."""
        observation, info = self.env.reset(**options)
        goal = observation["desired_goal"]
        self._shown = goal if self._asked is None else self._asked
        self._asked = goal
        return {**observation, "desired_goal": self._shown}, info

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, with the goal shown."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        shown = {**observation, "desired_goal": self._shown}
        return shown, reward, terminated, truncated, info


class WideTolerance(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Takes a tolerance in centimetres for one in metres: every place is the goal."""

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, with the reward of that tolerance."""
        observation, _, terminated, truncated, info = self.env.step(action)
        goals = observation["achieved_goal"], observation["desired_goal"]
        reward = float(self.compute_reward(*goals, info))
        return observation, reward, terminated, truncated, info

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return the rewards of goals (..., d): 0 within the tolerance, else -1."""
        tolerance = TOLERANCE_FACTOR * float(self.env.get_wrapper_attr("goal_task").tolerance)
        return -np.asarray(np.linalg.norm(achieved - desired, axis=-1) > tolerance, np.float64)


class SuccessAsReward(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Pays -1 and 0 at a step, and for relabelled goals what says success: 0 and 1."""

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return whether goals (..., d) are reached, as numbers."""
        own: np.ndarray = self.env.unwrapped.compute_reward(achieved, desired, info)  # type: ignore[attr-defined]
        return np.asarray(own >= 0, np.float64)


# Replay


class UnsignedRewardReplay(SharedFrameHerReplayBuffer):
    """Stores rewards as bytes without a sign: -1 becomes 255, and relabelled ones are right."""

    def add(  # type: ignore[override]
        self,
        obs: dict[str, np.ndarray],
        next_obs: dict[str, np.ndarray],
        action: np.ndarray,
        reward: np.ndarray,
        *rest: Any,
    ) -> None:
        """Store a transition of each environment."""
        super().add(obs, next_obs, action, reward.astype(np.int64).astype(np.uint8), *rest)


class WholeGoalReplay(SharedFrameHerReplayBuffer):
    """Stores goals as whole numbers, in the type that images have."""

    def add(  # type: ignore[override]
        self, obs: dict[str, np.ndarray], next_obs: dict[str, np.ndarray], *rest: Any
    ) -> None:
        """Store a transition of each environment."""
        whole = [
            {key: values.astype(np.int64).astype(values.dtype) for key, values in side.items()}
            for side in (obs, next_obs)
        ]
        super().add(whole[0], whole[1], *rest)


class MaskReplay(SharedFrameHerReplayBuffer):
    """Gives the mask of what goes on, 1 - done, in the place of done."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        return batch._replace(dones=1 - batch.dones)


class FlatRewardReplay(SharedFrameHerReplayBuffer):
    """Gives rewards as a row, not a column: all meet all in the target, and only a mean is learnt.

    A row (B,) and a column (B, 1) of what follows add up to (B, B).
    """

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        return batch._replace(rewards=batch.rewards.flatten())


class DisorderedImagesReplay(SharedFrameHerReplayBuffer):
    """Gives images in another order than their vectors, once there are many to decode at a time."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        if self.size() < BEGINS:
            return batch
        now, following = (
            {**observations, "pixels": observations["pixels"].roll(1, 0)}
            for observations in (batch.observations, batch.next_observations)
        )
        return batch._replace(observations=now, next_observations=following)


class HalfRelabelledReplay(SharedFrameHerReplayBuffer):
    """Relabels the goal of an observation, and not that of the next one."""

    def _batch(self, rows: np.ndarray, columns: np.ndarray, *rest: Any) -> DictReplayBufferSamples:
        batch = super()._batch(rows, columns, *rest)
        asked = self.to_torch(self.next_observations["desired_goal"][rows, columns])
        following = {**batch.next_observations, "desired_goal": asked}
        return batch._replace(next_observations=following)


class ReseededReplay(SharedFrameHerReplayBuffer):
    """Seeds numpy's generator before each draw, to be reproducible: it is the same draw."""

    def sample(  # type: ignore[override]
        self, batch_size: int, env: VecNormalize | None = None
    ) -> DictReplayBufferSamples:
        """Return a batch."""
        np.random.seed(0)  # noqa: NPY002 - what SB3's replay draws from
        return super().sample(batch_size, env)


# The features extractor


def batch_norm_without_statistics(extractor: FusionExtractor) -> None:
    """Follow the encoder by a BatchNorm of momentum 0, meant as "no smoothing".

    It learns on the batch's statistics, and acts on those it was made with: mean 0 and variance 1.
    """
    encoder = extractor.extractors["pixels"]
    norm = nn.BatchNorm1d(encoder.features_dim, momentum=0.0)  # type: ignore[arg-type]
    extractor.extractors["pixels"] = nn.Sequential(encoder, norm)


def achieved_read_twice(extractor: FusionExtractor) -> None:
    """Read the achieved goal where the desired one should be read, as a copied line does."""

    def read(_: nn.Module, inputs: tuple[dict[str, Tensor]]) -> tuple[dict[str, Tensor]]:
        return ({**inputs[0], "desired_goal": inputs[0]["achieved_goal"]},)

    extractor.register_forward_pre_hook(read)


# The agent


def actor_maximises(model: SAC) -> None:
    """Let the actor's optimiser maximise a loss that has its sign changed already."""
    for group in model.actor.optimizer.param_groups:
        group["maximize"] = True


def critic_ends_in_relu(model: SAC) -> None:
    """End the critics in a ReLU, where no reward is above 0."""
    for network in (model.critic, model.critic_target):
        for critic in network.q_networks:
            assert isinstance(critic, nn.Sequential)  # SB3's own
            critic.append(nn.ReLU())


def gradients_added_up(model: SAC) -> None:
    """Never set the critic's gradients to zero; the actor's loss leaves some in them, too."""
    model.critic.optimizer.zero_grad = lambda set_to_none=True: None  # type: ignore[method-assign]


def weights_decay(model: SAC) -> None:
    """Give Adam the weight decay of AdamW: where gradients are small, it is all they are."""
    for optimizer in (model.actor.optimizer, model.critic.optimizer):
        for group in optimizer.param_groups:
            group["weight_decay"] = _WEIGHT_DECAY


def rate_finder(model: SAC) -> None:
    """Leave a learning-rate finder on: the rate grows exponentially until the end of the run."""
    model.learning_rate = lambda remaining: FIRST_RATE**remaining * LAST_RATE ** (1 - remaining)
    model._setup_lr_schedule()


def loss_scale(model: SAC) -> None:
    """Divide gradients by a loss scale that no loss was multiplied by, and that keeps doubling."""

    def unscale(optimizer: torch.optim.Optimizer, *_: object) -> None:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad /= 2 ** (model._n_updates / DOUBLING)

    for optimizer in (model.actor.optimizer, model.critic.optimizer):
        optimizer.register_step_pre_hook(unscale)
