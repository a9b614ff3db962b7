"""The instrument of goal sensitivity: on the fixed probe set, and on a replay batch."""

from collections.abc import Mapping

import numpy as np
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from goalscope.diagnostics.instruments.replay_state import FAMILY as REPLAY_FAMILY
from goalscope.diagnostics.instruments.replay_state import replay_keys, replay_state
from goalscope.diagnostics.isolation import isolated_generators
from goalscope.diagnostics.probe_set import ProbeSet, probe_set_from_replay
from goalscope.diagnostics.schedule import Schedule
from goalscope.probes import (
    DISTANCE_BINS,
    GoalBatch,
    Network,
    example_goal_batch,
    goal_sensitivity,
)

REPLAY_ROWS = 128
PROBE_ROWS = 128  # as many states as a gathered probe set has
FAMILIES = ("sensitivity", REPLAY_FAMILY)


class GoalInstrument:
    """Measures how much the critic and the actor listen to the goal.

    Args:
        schedule: when it is due.
        probe_set: the fixed observations; None takes them from the replay buffer at the first
            measurement and keeps them.
    """

    name = "goal_sensitivity"

    def __init__(self, schedule: Schedule, probe_set: ProbeSet | None) -> None:
        self.schedule = schedule
        self.probe_set = probe_set

    def metric_keys(self, networks: Mapping[str, Network]) -> list[str]:
        """Return every record key it can produce, from a rehearsal on random numbers."""
        actor, critic = networks["actor"], networks["critic"]
        batch = example_goal_batch(critic)
        values = dict.fromkeys(goal_sensitivity(actor, critic, batch, np.random.default_rng(0)))
        if any(".q_at_distance_" in key for key in values):  # a bin may be empty now and not later
            bins = range(1, DISTANCE_BINS + 1)
            values |= dict.fromkeys(f"critic.goal.q_at_distance_{number}" for number in bins)
        return [
            *(f"{family}/{key}" for family in FAMILIES for key in values),
            *replay_keys(batch.observations),
        ]

    def measure(
        self, model: OffPolicyAlgorithm, networks: Mapping[str, Network], update: int
    ) -> dict[str, Tensor]:
        """Return record key -> scalar tensor; every shared generator is left as it was."""
        buffer = model.replay_buffer
        assert buffer is not None  # there has been an update
        actor, critic = networks["actor"], networks["critic"]
        with isolated_generators(seed=update):
            if self.probe_set is None:
                rows = buffer.sample(PROBE_ROWS, env=model._vec_normalize_env)
                self.probe_set = probe_set_from_replay(_with_goals(rows))
            sample = _with_goals(buffer.sample(REPLAY_ROWS, env=model._vec_normalize_env))
            fixed = self.probe_set.batch(model.device)
            drawn = GoalBatch(sample.observations, sample.actions, fixed.goals)
            results: dict[str, Tensor] = {}
            # One derangement for the whole run: a change between updates is the network's.
            for family, batch in zip(FAMILIES, (fixed, drawn), strict=True):
                values = goal_sensitivity(actor, critic, batch, np.random.default_rng(0))
                results |= {f"{family}/{key}": value for key, value in values.items()}
            results |= replay_state(model, networks, sample, update)
        return results


def _with_goals(sample: object) -> DictReplayBufferSamples:
    if not isinstance(sample, DictReplayBufferSamples):
        raise TypeError("goal sensitivity needs a replay buffer of Dict observations")
    return sample
