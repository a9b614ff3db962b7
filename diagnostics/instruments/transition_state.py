"""What a batch of replay looks like."""

from collections.abc import Callable

from gymnasium import spaces
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from goalscope.diagnostics.instruments.replay_state import as_probed, relabelled_rows
from goalscope.diagnostics.material.replay import by_block, dict_buffer, replay_batch
from goalscope.diagnostics.record.keys import Family, prefixed
from goalscope.diagnostics.record.transition_metrics import (
    ACTION_EFFECT_R2,
    ACTION_OVER_GOALS,
    ACTION_SPREAD,
    GOAL_CHANGE_FRACTION,
    GOAL_OFFSET,
    REDRAWN_FRACTION,
    REWARDS_PER_TARGET,
    STEP_OVER_SPREAD,
    TERMINATED_FRACTION,
    UNCHANGED_FRACTION,
)
from goalscope.probes import (
    ReplayBatch,
    action_effect_r2,
    action_over_goals,
    action_spread,
    goal_change_fraction,
    goal_offset,
    own_motion,
    reward_statistics,
    rewards_per_target,
    same_share,
    step_over_spread,
    unchanged_fraction,
)
from goalscope.probes.isolation import isolated_generators

REDRAWN_ROWS = 16


def stored_and_seen(
    model: OffPolicyAlgorithm, rows: int, seed: int, name_of: Callable[[str], str]
) -> tuple[ReplayBatch, DictReplayBufferSamples]:
    """Return the same transitions as they are stored, and as the networks see them.

    As stored, observations go by the names of their blocks.

    Args:
        model: the agent.
        rows: how many.
        seed: decides which.
        name_of: observation key -> the name of its block.
    """
    samples = []
    for normalised in (False, True) if model._vec_normalize_env is not None else (False,):
        with isolated_generators(seed):
            samples.append(replay_batch(model, rows, normalised=normalised))
    stored, seen = samples[0], samples[-1]
    relabelled = relabelled_rows(dict_buffer(model), len(stored.actions))
    return as_probed(by_block(stored, name_of), relabelled), seen


def transition_state(
    model: OffPolicyAlgorithm, stored: ReplayBatch, seen: DictReplayBufferSamples
) -> dict[str, Tensor]:
    """Return record key -> scalar of what `stored_and_seen` returned.

    Args:
        model: the agent.
        stored: the batch as it is stored.
        seen: as the networks see it.
    """
    results = {
        UNCHANGED_FRACTION.key(): unchanged_fraction(stored),
        TERMINATED_FRACTION.key(): stored.dones.mean(),
        REWARDS_PER_TARGET.key(): rewards_per_target(seen.rewards, seen.dones),
        **prefixed(Family.TRANSITIONS, reward_statistics(seen.rewards), "replay"),
    }
    optional = {
        STEP_OVER_SPREAD.key(): step_over_spread(stored),
        GOAL_OFFSET.key(): goal_offset(stored),
        GOAL_CHANGE_FRACTION.key(): goal_change_fraction(stored),
    }
    if isinstance(model.action_space, spaces.Box):
        # The number of a discrete action measures nothing.
        optional[ACTION_SPREAD.key("replay")] = action_spread(stored.actions)
        optional[ACTION_OVER_GOALS.key()] = action_over_goals(stored)
        optional[ACTION_EFFECT_R2.key()] = action_effect_r2(stored)
        if (model.action_space.low == -model.action_space.high).all():
            # Elsewhere 0 is another action than the middle, which replay scales to 0.
            results |= prefixed(Family.TRANSITIONS, own_motion(stored), "replay")
    return results | {key: value for key, value in optional.items() if value is not None}


def redrawn(model: OffPolicyAlgorithm, seed: int) -> dict[str, Tensor]:
    """Return record key -> the share of rows that two draws have alike, row by row.

    Each draw is made from generators of another seed, so that replay as large as a few batches has
    next to none; where something seeds them inside the draw, all rows are.
    """
    draws = []
    for other in (seed, seed + 1):
        with isolated_generators(other):
            draw = replay_batch(model, REDRAWN_ROWS, normalised=False)
        draws.append([draw.actions, draw.rewards.reshape(-1, 1), *draw.observations.values()])
    return {REDRAWN_FRACTION.key(): same_share(*draws)}
