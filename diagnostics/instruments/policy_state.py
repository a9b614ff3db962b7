"""What an actor makes of a batch of replay: its actions, and how it draws them."""

import torch
from torch import Tensor

from goalscope.diagnostics.record.keys import ACTOR
from goalscope.diagnostics.record.transition_metrics import (
    ACTION_SPREAD,
    CUT_OFF_FRACTION,
    DENSITY_ERROR,
    LEAST_SPREAD,
    SATURATED_ACTIONS,
)
from goalscope.probes import (
    Network,
    action_spread,
    cut_off_fraction,
    density_error,
    least_spread,
    saturated_fraction,
    squashed_draw,
)
from goalscope.probes.isolation import evaluation_mode, isolated_generators


def policy_state(actor: Network, features: Tensor, seed: int) -> dict[str, Tensor]:
    """Return record key -> scalar.

    Args:
        actor: which.
        features: float (B, D), its fused features.
        seed: of what it draws.
    """
    with torch.no_grad(), evaluation_mode(actor.module), isolated_generators(seed):
        actions = actor.mean_actions(features)
        draw = squashed_draw(actor, features)
    results = {
        SATURATED_ACTIONS.key(): saturated_fraction(actions),
        CUT_OFF_FRACTION.key(): cut_off_fraction(actions, features),
        ACTION_SPREAD.key(ACTOR): action_spread(actions),
    }
    if draw is None:
        return results
    results[LEAST_SPREAD.key()] = least_spread(draw)
    error = density_error(draw)
    return results if error is None else {**results, DENSITY_ERROR.key(): error}
