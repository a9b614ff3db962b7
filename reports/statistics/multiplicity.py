"""Claims that are tested at once: Holm over the links of a time."""

from collections.abc import Sequence

import numpy as np

from goalscope.reports.statistics.formatting import count
from goalscope.reports.statistics.outcomes import Outcome, Verdict
from goalscope.reports.statistics.thresholds import Thresholds

_DECIDED = (Outcome.SUPPORTED, Outcome.CONTRADICTED)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for testing all of them at once (Holm 1979), in the same order."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return [float(value) for value in adjusted]


def after_holm(
    verdicts: Sequence[Verdict], thresholds: Thresholds
) -> list[tuple[Verdict, float | None]]:
    """Return verdicts that stand when all of them are tested at once, each with its adjusted p.

    By Holm over those with a p-value. A decided one whose adjusted p-value is not below
    1 - confidence becomes undecided; what leans or is not tested stays as it is, without one.
    """
    adjusted = iter(holm([v.p_value for v in verdicts if v.p_value is not None]))
    links = sum(verdict.p_value is not None for verdict in verdicts)
    found: list[tuple[Verdict, float | None]] = []
    for verdict in verdicts:
        p_value = None if verdict.p_value is None else next(adjusted)
        if (
            verdict.outcome in _DECIDED
            and p_value is not None
            and p_value > 1 - thresholds.confidence
        ):
            reason = (
                f"not after Holm over {count(links, 'link')} (p {verdict.p_value:.2g}, adjusted "
                f"{p_value:.2g}); before it {verdict.outcome.value}, {verdict.reason}"
            )
            verdict = Verdict(Outcome.UNDECIDED, reason, p_value=verdict.p_value)
        found.append((verdict, p_value))
    return found
