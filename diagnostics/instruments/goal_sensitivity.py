"""The instrument of goal sensitivity: on the fixed probe set, and on a replay batch."""

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import Tensor

from goalscope.diagnostics.instruments.instrument import Context, Instrument, Moment
from goalscope.diagnostics.instruments.replay_state import replay_keys, replay_state
from goalscope.diagnostics.material.replay import replay_batch
from goalscope.diagnostics.material.run_probe_set import goal_batch
from goalscope.diagnostics.record.keys import Family, prefixed
from goalscope.diagnostics.record.metrics import Q_AT_DISTANCE
from goalscope.probes import DISTANCE_BINS, example_goal_batch, goal_sensitivity
from goalscope.probes.blocks import GOAL_KEYS

REPLAY_ROWS = 128
_FAMILIES = (Family.SENSITIVITY, Family.SENSITIVITY_REPLAY)


class GoalInstrument(Instrument):
    """Measures how much the critic and the actor listen to the goal, and what replay shows them."""

    name = "goal_sensitivity"
    moment = Moment.STATE
    asks_probe_set = True

    def applies(self, model: OffPolicyAlgorithm) -> bool:
        """Whether the agent observes goals."""
        space = model.observation_space
        return isinstance(space, spaces.Dict) and set(GOAL_KEYS) <= set(space.spaces)

    def measure(self, context: Context) -> dict[str, Tensor]:
        """Return the metrics of both batches, and those of replay."""
        model, networks = context.model, context.networks
        actor, critic = networks["actor"], networks["critic"]
        fixed = context.probe_set.batch(model)
        sample = replay_batch(model, REPLAY_ROWS)
        drawn = goal_batch(model, sample.observations, sample.actions, fixed.goals)
        results: dict[str, Tensor] = {}
        for family, batch in zip(_FAMILIES, (fixed, drawn), strict=True):
            # One derangement for the whole run: a change between updates is the network's.
            values = goal_sensitivity(actor, critic, batch, np.random.default_rng(0))
            results |= prefixed(family, values)
        return results | replay_state(model, networks, sample, context.update)

    def keys(self, context: Context) -> list[str]:
        """Return every record key it can write, from a dry run on a made-up batch."""
        actor, critic = context.networks["actor"], context.networks["critic"]
        batch = example_goal_batch(critic)
        values = goal_sensitivity(actor, critic, batch, np.random.default_rng(0))
        found: dict[str, None] = {}
        for family in _FAMILIES:
            found |= dict.fromkeys(prefixed(family, values))
            bins = Q_AT_DISTANCE.within(family)
            if any(bins.match(key) for key in found):  # one that is empty now may not be later
                found |= dict.fromkeys(bins.key(bin=n) for n in range(1, DISTANCE_BINS + 1))
        return [*found, *replay_keys(batch.observations)]
