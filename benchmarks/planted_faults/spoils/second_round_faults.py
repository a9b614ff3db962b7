"""Mistakes of the second round, by one who knew the titles of the checks, not their thresholds.

Each is one that people make around SB3, in the place where they make it: in a wrapper of the
environment, in replay, in VecNormalize, or in what a callback does to the agent.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor, nn

from benchmarks.planted_faults.spoils.agent_faults import fix_entropy
from benchmarks.planted_faults.spoils.environment_faults import GoalEnv, Observation, Step
from goalscope.training.replay import SharedFrameHerReplayBuffer

BONUS = 1_000.0
DELAY = 10  # steps; an episode of the point has 25
OTHER_MEAN, OTHER_SPREAD = 1.3, 0.09  # as of Fetch's table, in metres
ENTROPY_COEFFICIENT = 20.0
LEARNING_RATE = 0.03  # 3e-4 is SAC's
_SPARSITY_STEP = 0.03
_CENTIMETRES = 100.0
_FRAME = 3  # channels


# The environment


class BonusRewards(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Pays 1,000 at the goal and nothing elsewhere, of relabelled goals, too."""

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, with that reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, BONUS * (float(reward) >= 0), terminated, truncated, info

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return those rewards of goals (..., d)."""
        own: np.ndarray = self.env.unwrapped.compute_reward(achieved, desired, info)  # type: ignore[attr-defined]
        return BONUS * (own >= 0)


class ControllerDone(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Passes a controller's `done`, "the motion is over", on as `terminated`: half of the steps."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        self._generator = np.random.default_rng(0)

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns, terminated at random."""
        observation, reward, _, truncated, info = self.env.step(action)
        return observation, reward, bool(self._generator.random() < 0.5), truncated, info


class DelayedActions(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """Carries each action out ten steps late, as a queue does that nobody empties."""

    def __init__(self, env: GoalEnv) -> None:
        super().__init__(env)
        self._queue: deque[np.ndarray] = deque()

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode, in which nothing is done at first."""
        still = np.zeros(self.action_space.shape or (), np.float32)
        self._queue = deque([still] * DELAY)
        return self.env.reset(**options)

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns that carries out the oldest action."""
        self._queue.append(action)
        return self.env.step(self._queue.popleft())


class IntegerActions(gym.ActionWrapper[Observation, np.ndarray, np.ndarray]):
    """Hands actions to a controller that takes whole numbers: what lies between -1 and 1 is 0."""

    def action(self, action: np.ndarray) -> np.ndarray:
        """Return the action that is carried out."""
        return action.astype(np.int64).astype(action.dtype)


class CentimetreGoals(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Gives desired goals in centimetres and achieved ones in metres."""

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with that goal."""
        return {**observation, "desired_goal": _CENTIMETRES * observation["desired_goal"]}


class MirroredGoals(gym.ObservationWrapper[Observation, np.ndarray, Observation]):
    """Gives the first component of desired goals the other sign, as seen from the other side."""

    def observation(self, observation: Observation) -> Observation:
        """Return the observation with that goal; rewards stay those of the true one."""
        goal = observation["desired_goal"].copy()
        goal[0] *= -1
        return {**observation, "desired_goal": goal}


class OtherRunNormalize(VecNormalize):
    """Has the statistics of another task, as if loaded from its file, and does not change them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        assert isinstance(self.obs_rms, dict)  # a Dict space's
        for statistics in self.obs_rms.values():
            statistics.mean[:] = OTHER_MEAN
            statistics.var[:] = OTHER_SPREAD**2
        self.training = False


# Replay


class LaggingNextReplay(SharedFrameHerReplayBuffer):
    """Stores the observation before as the next one: one variable is updated too late."""

    _before: dict[str, np.ndarray] | None = None

    def add(  # type: ignore[override]
        self, obs: dict[str, np.ndarray], next_obs: dict[str, np.ndarray], *rest: Any
    ) -> None:
        """Store a transition of each environment."""
        super().add(obs, self._before or obs, *rest)
        self._before = {key: values.copy() for key, values in obs.items()}


class SwappedAxesReplay(SharedFrameHerReplayBuffer):
    """Stores actions with x and y exchanged."""

    def add(  # type: ignore[override]
        self,
        obs: dict[str, np.ndarray],
        next_obs: dict[str, np.ndarray],
        action: np.ndarray,
        *rest: Any,
    ) -> None:
        """Store a transition of each environment."""
        swapped = action.copy()
        swapped[:, :2] = action[:, 1::-1]
        super().add(obs, next_obs, swapped, *rest)


class BytesReplay(SharedFrameHerReplayBuffer):
    """Stores images that were scaled to 0..1 as bytes: black."""

    def add(  # type: ignore[override]
        self, obs: dict[str, np.ndarray], next_obs: dict[str, np.ndarray], *rest: Any
    ) -> None:
        """Store a transition of each environment."""
        super().add(_scaled_to_bytes(obs), _scaled_to_bytes(next_obs), *rest)


class OtherEpisodesReplay(SharedFrameHerReplayBuffer):
    """Relabels with what was achieved in any episode, not later in the same one."""

    def _sample_goals(self, batch_indices: np.ndarray, env_indices: np.ndarray) -> np.ndarray:
        rows, columns = self.finished.draw(len(batch_indices))
        goals: np.ndarray = self.next_observations["achieved_goal"][rows, columns]
        return goals


class _ChangedImagesReplay(SharedFrameHerReplayBuffer):
    """Gives other images to learn from than those that are acted on."""

    def _changed(self, images: Tensor) -> Tensor:
        raise NotImplementedError

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        batch = super()._batch(*args)
        now, following = (
            {**observations, "pixels": self._changed(observations["pixels"])}
            for observations in (batch.observations, batch.next_observations)
        )
        return batch._replace(observations=now, next_observations=following)


class ReshapedImagesReplay(_ChangedImagesReplay):
    """Brings channels to the front by a reshape where a transpose was meant."""

    def _changed(self, images: Tensor) -> Tensor:
        reshaped: Tensor = images.permute(0, 2, 3, 1).reshape(images.shape)
        return reshaped


class ReversedStackReplay(_ChangedImagesReplay):
    """Stacks frames newest first, where the agent acts on oldest first."""

    def _changed(self, images: Tensor) -> Tensor:
        reversed_stack: Tensor = images.unflatten(1, (-1, _FRAME)).flip(1).flatten(1, 2)
        return reversed_stack


# The agent


def target_overwritten(model: SAC) -> None:
    """Load the target network's first weights again after each update."""
    first = _copied(model.critic_target)
    after_updates(model, lambda: model.critic_target.load_state_dict(first))


def encoder_overwritten(model: SAC) -> None:
    """Load the encoders' first weights again after each update, as if they were pretrained."""
    encoders = [network.features_extractor for network in (model.actor, model.critic)]
    first = [_copied(encoder) for encoder in encoders]

    def load() -> None:
        for encoder, weights in zip(encoders, first, strict=True):
            encoder.load_state_dict(weights)

    after_updates(model, load)


def sparsity_term(model: SAC) -> None:
    """Pull the biases of the actor's image features down, to have fewer of them fire."""
    layers = [m for m in model.actor.features_extractor.modules() if isinstance(m, nn.Linear)]
    after_updates(model, lambda: layers[-1].bias.sub_(_SPARSITY_STEP))


def actor_rate_zero(model: SAC) -> None:
    """Let a schedule of the actor's own hold its learning rate at 0."""

    def hold(optimizer: torch.optim.Optimizer, *_: object) -> None:
        for group in optimizer.param_groups:
            group["lr"] = 0.0

    model.actor.optimizer.register_step_pre_hook(hold)


def learning_rate_large(model: SAC) -> None:
    """Learn a hundred times as fast."""
    model.learning_rate = LEARNING_RATE
    model._setup_lr_schedule()


def entropy_dominates(model: SAC) -> None:
    """Fix the entropy coefficient at a size that no reward reaches."""
    fix_entropy(model, ENTROPY_COEFFICIENT)


def goal_missing_at_acting(model: SAC) -> None:
    """Act on zeros in the place of the desired goal, and learn from the true one."""
    predict = model.policy.predict

    def act(observation: Observation, *args: Any, **options: Any) -> Any:
        goal = np.zeros_like(observation["desired_goal"])
        return predict({**observation, "desired_goal": goal}, *args, **options)

    model.policy.predict = act  # type: ignore[method-assign, assignment]


def after_updates(model: SAC, change: Callable[[], object]) -> None:
    """Do something after each training, as a callback does before the next step is taken."""
    train = model.train

    def train_and_change(*args: Any, **options: Any) -> None:
        train(*args, **options)
        with torch.no_grad():
            change()

    model.train = train_and_change  # type: ignore[method-assign]


def _copied(module: nn.Module) -> dict[str, Tensor]:
    return {name: values.clone() for name, values in module.state_dict().items()}


def _scaled_to_bytes(observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {**observation, "pixels": (observation["pixels"] / 255).astype(np.uint8)}
