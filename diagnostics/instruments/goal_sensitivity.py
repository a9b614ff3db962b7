"""The instrument of sensitivity: on the fixed probe set, and on a batch of experience."""

import numpy as np
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import Tensor

from goalscope.diagnostics.instruments.instrument import Context, Instrument, Moment
from goalscope.diagnostics.instruments.replay_state import replay_keys, replay_state
from goalscope.diagnostics.material.experience import experience
from goalscope.diagnostics.material.run_probe_set import goal_batch
from goalscope.diagnostics.record.keys import ACTOR, CRITIC, Family, prefixed
from goalscope.diagnostics.record.metrics import Q_AT_DISTANCE
from goalscope.probes import DISTANCE_BINS, example_goal_batch, goal_sensitivity

REPLAY_ROWS = 128
_FAMILIES = (Family.SENSITIVITY, Family.SENSITIVITY_REPLAY)


class GoalInstrument(Instrument):
    """Measures how much critic and actor listen to goal and blocks, and what replay shows them."""

    name = "goal_sensitivity"
    moment = Moment.STATE
    asks_probe_set = True

    def measure(self, context: Context) -> dict[str, Tensor]:
        """Return the metrics of both batches, and those of replay where there is one."""
        model, networks = context.model, context.networks
        actor, critic = networks.get(ACTOR), networks[CRITIC]
        fixed = context.probe_set.batch(model)
        met = experience(model, REPLAY_ROWS)
        drawn = goal_batch(model, met.observations, met.actions, fixed.goals, critic.goal_keys)
        results: dict[str, Tensor] = {}
        for family, batch in zip(_FAMILIES, (fixed, drawn), strict=True):
            # One derangement for the whole run: a change between updates is the network's.
            values = goal_sensitivity(actor, critic, batch, np.random.default_rng(0))
            results |= prefixed(family, values)
        if met.replayed is None or not isinstance(model, OffPolicyAlgorithm):
            return results
        return results | replay_state(model, networks, met.replayed, context.update)

    def keys(self, context: Context) -> list[str]:
        """Return every record key it can write, from a dry run on a made-up batch."""
        actor, critic = context.networks.get(ACTOR), context.networks[CRITIC]
        batch = example_goal_batch(critic)
        values = goal_sensitivity(actor, critic, batch, np.random.default_rng(0))
        found: dict[str, None] = {}
        for family in _FAMILIES:
            found |= dict.fromkeys(prefixed(family, values))
            bins = Q_AT_DISTANCE.within(family)
            if any(bins.match(key) for key in found):  # one that is empty now may not be later
                found |= dict.fromkeys(bins.key(bin=n) for n in range(1, DISTANCE_BINS + 1))
        if isinstance(context.model, OffPolicyAlgorithm):
            found |= dict.fromkeys(replay_keys(map(critic.block_of, batch.observations)))
        return list(found)
