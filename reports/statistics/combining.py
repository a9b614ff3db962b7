"""How verdicts on parts become one on the whole: all parts needed, or one of them enough."""

from collections.abc import Sequence
from dataclasses import replace

from goalscope.reports.statistics.outcomes import OPPOSITE, OTHER_WAY, Outcome, Verdict, Way

_NAMED = 2  # more would drown the reason


def conjunction(verdicts: Sequence[tuple[str, Verdict]]) -> Verdict:
    """Return the outcome of a claim that needs all its parts.

    Contradicted when any part is; supported when all are. Else a part that leans against decides
    (the claim then leans against, whatever the others say), and after it the weakest part: not
    tested, undecided, leaning for.

    Its p-value is the largest of its parts' (all of them must hold: intersection-union), where it
    is contradicted the smallest one times their number (one of them is enough: Bonferroni).

    Args:
        verdicts: name and verdict of each; at least one.
    """
    ranking: tuple[tuple[Outcome, Way | None], ...] = (
        (Outcome.CONTRADICTED, None),
        (Outcome.LEANING, "against"),
        (Outcome.NOT_TESTED, None),
        (Outcome.UNDECIDED, None),
        (Outcome.LEANING, "for"),
    )
    for outcome, way in ranking:
        named = [(n, v) for n, v in verdicts if v.outcome is outcome and v.way == way]
        if named:
            p_value = _joint_p([verdict for _, verdict in verdicts], outcome)
            return Verdict(outcome, _joint_reason(named, len(verdicts)), way, p_value)
    p_value = _joint_p([verdict for _, verdict in verdicts], Outcome.SUPPORTED)
    return Verdict(Outcome.SUPPORTED, _joint_reason(verdicts, len(verdicts)), p_value=p_value)


def _joint_p(verdicts: Sequence[Verdict], outcome: Outcome) -> float | None:
    known = [v.p_value for v in verdicts if v.p_value is not None]
    if outcome is Outcome.CONTRADICTED:
        own = [v.p_value for v in verdicts if v.outcome is outcome and v.p_value is not None]
        return min(1.0, min(own) * len(verdicts)) if own else None
    tested = outcome in (Outcome.SUPPORTED, Outcome.UNDECIDED)
    return max(known) if tested and len(known) == len(verdicts) else None


def _joint_reason(named: Sequence[tuple[str, Verdict]], count: int) -> str:
    reasons = list(dict.fromkeys(verdict.reason for _, verdict in named))
    if len(named) <= _NAMED and (len(reasons) > 1 or len(named) < count):
        return "; ".join(f"{name}: {verdict.reason}" for name, verdict in named)
    which = "all parts" if len(named) == count else f"{len(named)} of {count} parts"
    return f"{which}: {'; '.join(reasons)}"


def disjunction(verdicts: Sequence[tuple[str, Verdict]]) -> Verdict:
    """Return the outcome of a rival of which one part is enough: what is left when none can be.

    A part that was not tested leaves "contradicted" out of reach, and takes nothing from one that
    speaks.
    """
    return flipped(conjunction([(name, flipped(verdict)) for name, verdict in verdicts]))


def flipped(verdict: Verdict) -> Verdict:
    """Return the verdict on the opposite of what was claimed."""
    return replace(
        verdict,
        outcome=OPPOSITE.get(verdict.outcome, verdict.outcome),
        way=None if verdict.way is None else OTHER_WAY[verdict.way],
    )
