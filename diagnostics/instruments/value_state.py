"""Where Q lies: within what rewards allow, and against what stored episodes returned."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from goalscope.diagnostics.instruments.instrument import Context
from goalscope.diagnostics.instruments.replay_state import entropy_coefficient
from goalscope.diagnostics.material.replay import Episodes, dict_buffer, stored_transitions
from goalscope.diagnostics.record.keys import ACTOR, CRITIC
from goalscope.diagnostics.record.transition_metrics import (
    ENTROPY_OVER_REWARDS,
    NEWEST_Q_BIAS,
    Q_BIAS,
    Q_EXCESS,
)
from goalscope.probes import (
    ValueBounds,
    gathered_entropy,
    horizon,
    learnt_share,
    newest_count,
    q_bias,
    q_excess,
    value_bounds,
)
from goalscope.probes.isolation import evaluation_mode

EPISODES = 32


@dataclass
class GatheredEntropy:
    """How much entropy Q can have gathered, from one measurement to the next.

    Attributes:
        update: of the last measurement.
        coefficient: the entropy coefficient then; None before the first.
        gathered: the entropy, in the unit of Q.
    """

    update: int = 0
    coefficient: float | None = None
    gathered: float = 0.0

    def at(self, context: Context, steps: float) -> float:
        """Return it at this measurement; an agent that is met in training has gathered it all."""
        model = context.model
        assert isinstance(model, OffPolicyAlgorithm)  # it has a replay buffer
        now = float(entropy_coefficient(model))
        largest = now if self.coefficient is None else max(now, self.coefficient)
        per_step = largest * context.networks[CRITIC].action_width
        updates = context.update - self.update
        if self.coefficient is None and updates:
            self.gathered = per_step * steps
        else:
            self.gathered = gathered_entropy(self.gathered, per_step, updates, model.tau, steps)
        self.update, self.coefficient = context.update, now
        return self.gathered

    def state_dict(self) -> dict[str, Any]:
        """Return its attributes, as JSON values."""
        return asdict(self)


def value_state(
    context: Context,
    model: OffPolicyAlgorithm,
    seen: DictReplayBufferSamples,
    features: Tensor,
    episodes: Episodes,
    entropy: GatheredEntropy,
) -> dict[str, Tensor]:
    """Return record key -> scalar of Q; {} where nothing bounds a return.

    Args:
        context: of the measurement.
        model: the agent.
        seen: a replay batch as the networks see it.
        features: float (B, D), the critic's fused features of it.
        episodes: those that replay holds.
        entropy: what Q had gathered at the measurement before; brought up to date.
    """
    critic = context.networks[CRITIC]
    longest = int(episodes.lengths.max()) if len(episodes) else None
    steps = horizon(model.gamma, longest)
    if steps is None:
        return {}
    rewards = _reward_range(model, seen.rewards)
    bounds = value_bounds(*rewards, steps, entropy.at(context, steps))
    if not bool(bounds.width > 0):
        return {}
    paid = max(rewards[1], 0) - min(rewards[0], 0)
    if paid > 0:
        coefficient = torch.as_tensor(float(entropy_coefficient(model)))
        results = {ENTROPY_OVER_REWARDS.key(): coefficient / paid}
    else:
        results = {}
    # As the agent acts, and so that a BatchNorm learns no statistics from what is asked here.
    with torch.no_grad(), evaluation_mode(critic.module):
        learnt = learnt_share(context.update, model.tau, steps)
        results[Q_EXCESS.key()] = q_excess(critic.q_values(features, seen.actions), bounds)
        # Without an actor the target is a copy, made every so many steps: what Q can have learnt
        # by then does not follow from tau.
        if len(episodes) and ACTOR in context.networks:
            newest = len(episodes) - newest_count(len(episodes))
            for metric, first in ((Q_BIAS, 0), (NEWEST_Q_BIAS, newest)):
                results[metric.key()] = _bias(context, model, episodes, first, bounds, learnt)
    return results


def _reward_range(model: OffPolicyAlgorithm, drawn: Tensor) -> tuple[float, float]:
    """Return the least and the largest reward stored or drawn, as the critic learns from them."""
    buffer = dict_buffer(model)
    rewards = buffer.rewards[: buffer.size()]
    ends = buffer._normalize_reward(
        np.array([rewards.min(), rewards.max()]), model._vec_normalize_env
    )
    return min(float(ends[0]), float(drawn.min())), max(float(ends[1]), float(drawn.max()))


def _bias(
    context: Context,
    model: OffPolicyAlgorithm,
    episodes: Episodes,
    first: int,
    bounds: ValueBounds,
    learnt: float,
) -> Tensor:
    """Return Q's bias at the first step of some episodes, drawn at random from the first one on."""
    buffer = dict_buffer(model)
    generator = np.random.default_rng(context.update)
    chosen = first + generator.permutation(len(episodes) - first)[:EPISODES]
    columns, lasts = episodes.columns[chosen], episodes.lasts[chosen]
    returns = []
    for episode, column in zip(chosen, columns, strict=True):
        rewards = buffer.rewards[episodes.rows(episode), column]
        rewards = buffer._normalize_reward(rewards, model._vec_normalize_env)
        returns.append(float(rewards @ model.gamma ** np.arange(len(rewards))))
    ended = buffer.dones[lasts, columns] * (1 - buffer.timeouts[lasts, columns])
    remaining = (1 - ended) * model.gamma ** episodes.lengths[chosen]
    firsts = stored_transitions(model, episodes.starts[chosen], columns)
    critic = context.networks[CRITIC]
    q_values = critic.q_values(critic.fused_features(firsts.observations), firsts.actions)
    rewarded, rest = (torch.as_tensor(values).to(q_values) for values in (returns, remaining))
    return q_bias(q_values, rewarded, rest, bounds, learnt)
