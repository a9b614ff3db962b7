"""What makes a fault begin in the middle of training, and faults that are of that kind alone."""

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.spaces.utils import flatdim
from stable_baselines3 import SAC
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor, nn

from benchmarks.planted_faults.fault import Wrapper
from benchmarks.planted_faults.grounds import STARTS
from benchmarks.planted_faults.spoils.environment_faults import (
    GoalEnv,
    Observation,
    Step,
    rewards_of,
)
from benchmarks.planted_faults.spoils.extractor_faults import relu_killed
from benchmarks.planted_faults.spoils.fourth_round_agent_faults import GAIN
from benchmarks.planted_faults.spoils.replay_faults import Replay
from benchmarks.planted_faults.spoils.second_round_faults import (
    OTHER_MEAN,
    OTHER_SPREAD,
    after_updates,
)
from goalscope.training.replay import SharedFrameHerReplayBuffer

BEGINS = 200  # updates
DECAY = 0.8  # at each update
PULL = 1.0  # on what the critics answer: half of it is what each target is missed by
SpoilAgent = Callable[[Any], None]


class LaterEnv(gym.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """The environment as it is, and from some episode on as a fault makes it.

    Args:
        env: without the fault.
        spoil: wraps it with the fault.
        begins: the update before which no episode is spoilt, where each step makes one.
    """

    def __init__(self, env: GoalEnv, spoil: Wrapper, begins: int = BEGINS) -> None:
        super().__init__(env)
        self._begins = STARTS + begins
        self._spoilt = spoil(env)
        self._now: GoalEnv = env
        self._steps = 0

    def reset(self, **options: Any) -> tuple[Observation, dict[str, Any]]:
        """Start an episode, with the fault once enough steps were taken."""
        if self._steps >= self._begins:
            self._now = self._spoilt
        return self._now.reset(**options)

    def step(self, action: np.ndarray) -> Step:
        """Return what the step returns."""
        self._steps += 1
        return self._now.step(action)

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> np.ndarray:
        """Return the rewards of goals (..., d), as they are computed now."""
        compute = getattr(self._now, "compute_reward", partial(rewards_of, self))
        rewards: np.ndarray = compute(achieved, desired, info)
        return rewards


class _LaterReplay(SharedFrameHerReplayBuffer):
    """Draws as it should, and from some row on as the next class in the order of bases does."""

    def _batch(self, *args: Any) -> DictReplayBufferSamples:
        if self.size() < STARTS + BEGINS:
            return SharedFrameHerReplayBuffer._batch(self, *args)
        return super()._batch(*args)


def replay_later(spoilt: Replay) -> Replay:
    """Return replay whose draws get the fault in the middle of training."""
    return type("LaterReplay", (_LaterReplay, spoilt), {})


def agent_later(spoil: SpoilAgent) -> SpoilAgent:
    """Return what plants the fault between two updates in the middle of training."""

    def plant(model: SAC) -> None:
        train = model.train
        waiting = [spoil]

        def spoil_and_train(*args: Any, **options: Any) -> None:
            if waiting and model._n_updates >= BEGINS:
                with torch.no_grad():
                    waiting.pop()(model)
            train(*args, **options)

        model.train = spoil_and_train  # type: ignore[method-assign]

    return plant


# What to give to `agent_later`


def actor_encoder_dies(model: SAC) -> None:
    """Kill the units of the actor's encoder alone, as one step that is too large does."""
    relu_killed(model.actor.features_extractor)


def critic_encoder_dies(model: SAC) -> None:
    """Kill the units of the critics' encoder alone."""
    for network in (model.critic, model.critic_target):
        relu_killed(network.features_extractor)


def encoder_forgets(model: SAC) -> None:
    """Make all filters of each convolution alike: they tell one number of each place."""
    for network in (model.actor, model.critic, model.critic_target):
        for layer in network.features_extractor.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.copy_(layer.weight.mean(0, keepdim=True).expand_as(layer.weight))


def actor_sees_black(model: SAC) -> None:
    """Show the actor black images, as a mask does that covers everything."""

    def cover(_: nn.Module, inputs: tuple[dict[str, Tensor]]) -> tuple[dict[str, Tensor]]:
        return ({**inputs[0], "pixels": torch.zeros_like(inputs[0]["pixels"])},)

    model.actor.features_extractor.register_forward_pre_hook(cover)


def actor_saturates(model: SAC) -> None:
    """Scale the actor's last layer up, until its Tanh lets no gradient through."""
    model.actor.mu.weight.mul_(GAIN**2)


def goal_fades(model: SAC) -> None:
    """Let the weights that read the desired goal decay, as a term for sparse inputs does."""
    goal = flatdim(model.observation_space["achieved_goal"])  # stands in front of it
    heads = (model.actor.latent_pi, *model.critic.q_networks, *model.critic_target.q_networks)

    def decay() -> None:
        for head in heads:
            head[0].weight[:, goal : 2 * goal] *= DECAY

    after_updates(model, decay)


def encoder_cut_off(model: SAC) -> None:
    """Detach the image features."""
    for encoder in _encoders(model):
        encoder.register_forward_hook(lambda _, __, features: features.detach())


def images_scaled_again(model: SAC) -> None:
    """Divide images by 255 that SB3 has divided already."""
    for encoder in _encoders(model):
        encoder.register_forward_pre_hook(lambda _, images: (images[0] / 255,))


def relabelling_stops(model: SAC) -> None:
    """Relabel nothing any more."""
    _replay(model).her_ratio = 0.0


def all_relabelled(model: SAC) -> None:
    """Relabel every transition."""
    _replay(model).her_ratio = 1.0


def statistics_of_another_run(model: SAC) -> None:
    """Load the statistics of another task into VecNormalize, and change them no more."""
    env = model.get_env()
    assert isinstance(env, VecNormalize)
    assert isinstance(env.obs_rms, dict)
    for statistics in env.obs_rms.values():
        statistics.mean[:] = OTHER_MEAN
        statistics.var[:] = OTHER_SPREAD**2
    env.training = False


def critic_pulled_up(model: SAC) -> None:
    """Add a term to the critics' loss that raises every answer, as optimism is added."""
    _pull(model, -PULL)


def critic_pulled_down(model: SAC) -> None:
    """Add a term to the critics' loss that lowers every answer, as a penalty on Q does."""
    _pull(model, PULL)


def _encoders(model: SAC) -> list[nn.Module]:
    networks = (model.actor, model.critic, model.critic_target)
    return [network.features_extractor.extractors["pixels"] for network in networks]


def _pull(model: SAC, slope: float) -> None:
    """Add a slope to each answer's gradient in the critics' loss; the actor's acts as before."""

    def pull(_: nn.Module, inputs: tuple[Any, Tensor], answers: tuple[Tensor, ...]) -> None:
        if inputs[1].requires_grad:  # the actor's own action
            return
        for answer in answers:
            if answer.requires_grad:
                answer.register_hook(lambda gradient: gradient + slope / len(gradient))

    model.critic.register_forward_hook(pull)


def _replay(model: SAC) -> SharedFrameHerReplayBuffer:
    assert isinstance(model.replay_buffer, SharedFrameHerReplayBuffer)
    return model.replay_buffer
