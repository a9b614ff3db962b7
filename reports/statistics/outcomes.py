"""The five outcomes, and the one rule by which tests that stand together become one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from goalscope.reports.statistics.formatting import count
from goalscope.reports.statistics.seed_tests import SeedTest, Way
from goalscope.reports.statistics.thresholds import Thresholds


class Outcome(Enum):
    """What a study can say of a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    LEANING = "leaning"
    UNDECIDED = "undecided"
    NOT_TESTED = "not tested"


@dataclass(frozen=True)
class Verdict:
    """An outcome with its reason.

    Attributes:
        outcome: one of the five.
        reason: why, in words.
        way: which way it leans; None unless it does.
        p_value: of its test alone, two-sided; None without a test.
        adjusted_p: the same among all tests of its family, which decides.
    """

    outcome: Outcome
    reason: str
    way: Way | None = None
    p_value: float | None = None
    adjusted_p: float | None = None

    def __str__(self) -> str:
        return f"leaning {self.way}" if self.way else self.outcome.value

    @property
    def speaks(self) -> Way | None:
        """The side it takes, decided or leaning; None where it takes none."""
        sides: dict[Outcome, Way] = {Outcome.SUPPORTED: "for", Outcome.CONTRADICTED: "against"}
        return sides.get(self.outcome, self.way)


def not_tested(reason: str) -> Verdict:
    """Return that a study cannot say, and why."""
    return Verdict(Outcome.NOT_TESTED, reason)


def decide(tests: Sequence[SeedTest], thresholds: Thresholds) -> list[Verdict]:
    """Return the outcome of each test of a family, under a false discovery rate.

    Benjamini and Hochberg's adjusted p-values over all of the family's tests. With every one of at
    least five seeds, an adjusted p below 0.05 decides, by the side of the mean; with fewer seeds,
    or where some have no number, one below 0.10 leans. Where nothing is there, a family decides
    anything in at most 5 % of studies, and leans anywhere in at most 10 %.

    Args:
        tests: of one page, judged together.
        thresholds: seeds needed, and both rates.
    """
    tested = [test.p_value for test in tests if test.p_value is not None]
    adjusted = iter(_adjusted(tested))
    return [
        _outcome(test, None if test.p_value is None else next(adjusted), thresholds)
        for test in tests
    ]


def _adjusted(p_values: list[float]) -> list[float]:
    if not p_values:
        return []
    from scipy.stats import false_discovery_control  # takes half a second: when needed

    return list(map(float, false_discovery_control(p_values)))


def _outcome(test: SeedTest, adjusted: float | None, thresholds: Thresholds) -> Verdict:
    if test.p_value is None or adjusted is None:
        return not_tested(test.reason)
    decides = test.whole and test.seeds >= thresholds.seeds_to_test
    limit = thresholds.false_discoveries if decides else thresholds.false_leanings
    if adjusted >= limit:
        reason = f"{test.reason}; chance is not ruled out (adjusted p {adjusted:.2g})"
        return Verdict(Outcome.UNDECIDED, reason, None, test.p_value, adjusted)
    reason = f"{test.reason} (adjusted p {adjusted:.2g})"
    if decides:
        outcome = Outcome.SUPPORTED if test.side == "for" else Outcome.CONTRADICTED
        return Verdict(outcome, reason, None, test.p_value, adjusted)
    needed = thresholds.seeds_to_test
    why = f"a test needs {needed}" if test.seeds < needed else "a test needs every seed"
    reason = f"{reason}; {count(test.seeds, 'seed')}, and {why}"
    return Verdict(Outcome.LEANING, reason, test.side, test.p_value, adjusted)
