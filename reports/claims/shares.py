"""Whether a network has a share of the goal to judge at all."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from goalscope.diagnostics.record.keys import ACTOR, GOAL, before_normalisation
from goalscope.diagnostics.record.metrics import SIGNAL_SHARE, ZERO_FRACTION
from goalscope.reports.claims.deciding import Study
from goalscope.reports.numbers.runs import Run
from goalscope.reports.numbers.windows import Window, window_number
from goalscope.reports.statistics.thresholds import Thresholds


def without_share(
    runs: Sequence[Run],
    network: str,
    window: Window | None,
    study: Study,
    thresholds: Thresholds,
) -> dict[str, str]:
    """Return run label -> why the network's share says nothing in a window; empty where all do.

    A share is of what a network hears. One whose encoder is dead hears the goal alone, and one
    whose output ignores the goal makes nothing of it: neither is balanced. Before training no
    output reacts to much, and the share is that of the first weights.
    """
    trained = window is not None and window.time != "initialisation"
    found = {}
    for run in runs:
        dead = _zero_fraction(run, network, study.image, window)
        reaction = window_number(run, study.output_reaction(network), window)
        if dead is not None and dead > thresholds.dead_encoder:
            found[run.label] = f"the {network}'s encoder is dead"
        elif trained and reaction is not None and reaction < thresholds.ignored_goal:
            what = "the action" if network == ACTOR else "Q"
            found[run.label] = f"{what} ignores the goal altogether"
    return found


def heard_shares(run: Run, network: str, image: str, thresholds: Thresholds) -> pd.DataFrame | None:
    """Return the goal's shares of a network's signal without those beside a dead encoder.

    Args:
        run: whose.
        network: the critic or the actor.
        image: the block of its image features.
        thresholds: from how many zeros on an encoder is dead.

    Returns:
        Rows of the record, maybe none; None where no share was measured.
    """
    shares = run.metrics.get(SIGNAL_SHARE.key(network, GOAL))
    zeros = run.metrics.get(_zeros_key(run, network, image))
    if shares is None or zeros is None:
        return shares
    places = np.searchsorted(zeros["update"], shares["update"], side="right") - 1
    is_dead = (places >= 0) & (zeros["value"].to_numpy()[places] > thresholds.dead_encoder)
    return shares[~is_dead]


def _zero_fraction(run: Run, network: str, image: str, window: Window | None) -> float | None:
    """Return the part of exact zeros in the image features, before any normalisation of theirs."""
    return window_number(run, _zeros_key(run, network, image), window)


def _zeros_key(run: Run, network: str, image: str) -> str:
    under = ZERO_FRACTION.key(network, before_normalisation(image))
    return under if under in run.metrics else ZERO_FRACTION.key(network, image)
