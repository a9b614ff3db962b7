"""What replay's newest episodes look like: a batch of all of replay tells what has been, too."""

from collections.abc import Callable
from dataclasses import replace

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
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.probes.swaps import rms

FEWEST_STEPS = 32  # that move what is achieved
_AS_VARIED = 0.5  # of the spread of all actions in replay: what hardly varies tells nothing


def newest_state(
    model: OffPolicyAlgorithm,
    stored: ReplayBatch,
    episodes: Episodes,
    name_of: Callable[[str], str],
) -> dict[str, Tensor]:
    """Return record key -> scalar of as many of the newest transitions as a batch has.

    Of those that move what is achieved: a wall that a policy has come to answers to no action. None
    where there are too few, or their actions vary by less than half of what all in replay do.

    Args:
        model: the agent.
        stored: a batch from all of replay, as it is stored, by the names of blocks.
        episodes: that replay holds.
        name_of: observation key -> the name of its block.
    """
    if not isinstance(model.action_space, spaces.Box) or not set(GOAL_KEYS) <= set(
        stored.observations
    ):
        return {}
    rows, columns = newest_rows(episodes, len(stored.actions))
    if len(rows) < FEWEST_STEPS:
        return {}
    sample = by_block(stored_transitions(model, rows, columns, normalised=False), name_of)
    nothing = torch.zeros(len(rows), dtype=torch.bool, device=sample.actions.device)
    newest = moving_steps(replace(as_probed(dict_buffer(model), sample), relabelled=nothing))
    if len(newest.actions) < FEWEST_STEPS:
        return {}
    if action_spread(newest.actions) < _AS_VARIED * action_spread(stored.actions):
        return {}
    step = action_over_goals(newest)
    if step is not None:  # as far as actions go that are as large as those of all replay
        step = step * rms(stored.actions) / rms(newest.actions)
    found = {NEWEST_EFFECT_R2.key(): action_effect_r2(newest), NEWEST_OVER_GOALS.key(): step}
    return {key: value for key, value in found.items() if value is not None}


def newest_rows(episodes: Episodes, most: int) -> tuple[Indices, Indices]:
    """Return rows and columns of transitions of the newest episodes, int64 (n,) each, n <= most.

    Evenly spaced over as many of the episodes that began last as `newest_count` tells.

    Args:
        episodes: that replay holds.
        most: transitions to return.
    """
    rows, columns, numbers = episodes.transitions()
    chosen = np.flatnonzero(numbers >= len(episodes) - newest_count(len(episodes)))
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(most, len(chosen)), dtype=np.int64)]
    return rows[chosen], columns[chosen]
