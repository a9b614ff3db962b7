"""What replay's newest episodes look like: a batch of all of replay tells what has been, too."""

from collections.abc import Callable

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import Tensor

from goalscope.diagnostics.instruments.replay_state import as_probed
from goalscope.diagnostics.material.replay import (
    Episodes,
    Indices,
    by_block,
    dict_buffer,
    stored_transitions,
)
from goalscope.diagnostics.record.transition_metrics import NEWEST_EFFECT_R2, NEWEST_OVER_GOALS
from goalscope.probes import (
    ReplayBatch,
    action_effect_r2,
    action_over_goals,
    action_spread,
    moving_steps,
    newest_count,
)
from goalscope.probes.blocks import GOAL_KEYS, GoalKeys
from goalscope.probes.swaps import rms

FEWEST_STEPS = 96  # of fewer a ridge tells less than of a batch, and that would be no finding
_AS_VARIED = 0.5  # of the spread of all actions in replay: what hardly varies tells nothing


def newest_state(
    model: OffPolicyAlgorithm,
    stored: ReplayBatch,
    episodes: Episodes,
    goal_keys: GoalKeys,
    name_of: Callable[[str], str],
    seed: int,
) -> dict[str, Tensor]:
    """Return record key -> scalar of the newest steps that move what is achieved.

    As many as a batch has; {} where there are fewer than 96, without goals, where actions are no
    box, and where these actions vary by less than half of what all in replay do.

    Args:
        model: the agent.
        stored: a batch from all of replay, as it is stored, by the names of blocks.
        episodes: that replay holds.
        goal_keys: what the achieved and the desired goal are called in replay.
        name_of: observation key -> the name of its block.
        seed: decides which of the steps.
    """
    achieved = goal_keys[0]
    boxed = isinstance(model.action_space, spaces.Box)
    if not boxed or achieved is None or not set(GOAL_KEYS) <= set(stored.observations):
        return {}
    if not len(episodes):
        return {}
    rows, columns = _newest_rows(model, episodes, achieved)
    if len(rows) < FEWEST_STEPS:
        return {}
    most = min(len(stored.actions), len(rows))
    chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:most])
    sample = stored_transitions(model, rows[chosen], columns[chosen], normalised=False)
    real = torch.zeros(most, dtype=torch.bool)
    newest = as_probed(by_block(sample, name_of), real)
    if not action_spread(newest.actions) > _AS_VARIED * action_spread(stored.actions):
        return {}
    step = action_over_goals(newest)
    if step is not None:  # as far as actions go that are as large as those of all replay
        step = step * rms(stored.actions) / rms(newest.actions)
    found = {NEWEST_EFFECT_R2.key(): action_effect_r2(newest), NEWEST_OVER_GOALS.key(): step}
    return {key: value for key, value in found.items() if value is not None}


def _newest_rows(
    model: OffPolicyAlgorithm, episodes: Episodes, achieved: str
) -> tuple[Indices, Indices]:
    """Return rows and columns of the newest episodes' steps that move what is achieved."""
    buffer = dict_buffer(model)
    rows, columns, numbers = episodes.transitions()
    newest = numbers >= len(episodes) - newest_count(len(episodes))
    rows, columns = rows[newest], columns[newest]
    before, after = (
        side[achieved][rows, columns].reshape(len(rows), -1).astype(np.float64)
        for side in (buffer.observations, buffer.next_observations)
    )
    moving = moving_steps(after - before)
    return rows[moving], columns[moving]
