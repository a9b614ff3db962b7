"""Whether a network has a share of the goal to judge at all."""

from collections.abc import Sequence

from goalscope.diagnostics.record.keys import ACTOR, before_normalisation
from goalscope.diagnostics.record.metrics import ZERO_FRACTION
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


def _zero_fraction(run: Run, network: str, image: str, window: Window | None) -> float | None:
    """Return the part of exact zeros in the image features, before any normalisation of theirs."""
    under = ZERO_FRACTION.key(network, before_normalisation(image))
    key = under if under in run.metrics else ZERO_FRACTION.key(network, image)
    return window_number(run, key, window)
