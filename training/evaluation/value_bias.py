"""Does the value say what will come? Q where episodes start, against the return that followed."""

import math
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit
from stable_baselines3.common.policies import BasePolicy

from goalscope.diagnostics.record.keys import CRITIC
from goalscope.diagnostics.record.metrics import FOLLOWING_RETURN, VALUE_BIAS
from goalscope.probes import Network, view_networks
from goalscope.probes.isolation import evaluation_mode, isolated_generators
from goalscope.training.envs.keeping import layers
from goalscope.training.evaluation.ablation import mean_with_interval

_WEIGHT_LEFT = 0.05  # of what is not played any more


def value_bias(
    policy: BasePolicy, env: gym.Env[Any, Any], gamma: float, episodes: int, seed: int
) -> dict[str, float]:
    """Return record key -> value: the bias of Q against the discounted return of the same start.

    Q of the best action at each start (V, of a critic that reads no action), minus the discounted
    rewards that best actions then earn; the mean over episodes, with its 95 % t interval. SB3's
    targets look past a time limit, and so does this: gymnasium's TimeLimit is played over, until
    what would follow weighs less than 5 %.

    Args:
        policy: of the agent.
        env: that nobody else uses.
        gamma: the agent's discount per step.
        episodes: how many, at least 2.
        seed: of the first; episode i starts from seed + i.

    Returns:
        Empty where something else than TimeLimit cuts an episode off, or nothing is discounted.
    """
    if gamma >= 1:
        return {}
    steps = max(1, math.ceil(math.log(_WEIGHT_LEFT) / math.log(gamma)))
    returns, values = [], []
    with isolated_generators(seed % 2**32), evaluation_mode(policy), torch.no_grad():
        critic = view_networks(policy)[CRITIC]
        for number in range(episodes):
            observation, _ = env.reset(seed=seed + number)
            values.append(_value(policy, critic, observation))
            following = _return(policy, env, observation, gamma, steps)
            if following is None:
                return {}
            returns.append(following)
    return bias_values(values, returns)


def bias_values(values: Sequence[float], returns: Sequence[float]) -> dict[str, float]:
    """Return record key -> value of values at some starts, and the returns that followed."""
    bias = mean_with_interval([v - r for v, r in zip(values, returns, strict=True)])
    found = {VALUE_BIAS.key(end=end): value for end, value in bias.items()}
    return found | {FOLLOWING_RETURN.key(): float(np.mean(returns))}


def _value(policy: BasePolicy, critic: Network, observation: dict[str, np.ndarray]) -> float:
    shown, _ = policy.obs_to_tensor(observation)
    assert isinstance(shown, dict)  # view_networks checked
    features = critic.fused_features(shown)
    if not critic.reads_action:
        return float(critic.q_values(features, None))
    action, _ = policy.predict(observation, deterministic=True)
    if isinstance(policy.action_space, spaces.Box):
        action = policy.scale_action(action)
    actions = torch.as_tensor(action, device=policy.device).reshape(1, -1)
    return float(critic.q_values(features, actions))


def _return(
    policy: BasePolicy,
    env: gym.Env[Any, Any],
    observation: dict[str, np.ndarray],
    gamma: float,
    steps: int,
) -> float | None:
    """Return the discounted return of best actions; None where the episode was cut off."""
    limited = any(isinstance(layer, TimeLimit) for layer in layers(env))
    total = 0.0
    for step in range(steps):
        action, _ = policy.predict(observation, deterministic=True)
        observation, reward, terminated, truncated, _ = env.step(action)
        total += gamma**step * float(reward)
        if terminated:
            return total
        if truncated and not limited and step + 1 < steps:
            return None
    return total
