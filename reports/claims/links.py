"""The links of the claim, judged: each at one time and for one arm, by some quantities."""

from dataclasses import dataclass

from goalscope.diagnostics.record.keys import Metric, parse
from goalscope.reports.claims.quantities import LINKS, LinkName, Quantity
from goalscope.reports.numbers.windows import Time
from goalscope.reports.statistics.equivalence import Equivalence
from goalscope.reports.statistics.intervals import Interval
from goalscope.reports.statistics.outcomes import Sample, Verdict
from goalscope.reports.statistics.paired import PairedDifference
from goalscope.reports.statistics.unpaired import Unpaired


@dataclass(frozen=True)
class Point:
    """A run among the arms that are ranked, for a figure.

    Attributes:
        arm: of the run.
        seed: its label.
        predictor: what should order the arms, such as the goal's share; NaN where it failed.
        outcome: what should be ordered by it.
    """

    arm: str
    seed: str
    predictor: float
    outcome: float


@dataclass(frozen=True)
class JudgedQuantity:
    """One quantity of one arm at one time.

    Attributes:
        quantity: what.
        time: when.
        arm: whose.
        sample: its number for each seed.
        interval: mean and interval over the seeds, None without any number.
        verdict: against the quantity's threshold, for C5 whether it rises; None where the quantity
            decides nothing.
        difference: to the baseline, paired by seed; only for C5.
        holm_p: the difference's permutation p adjusted over the quantities of its comparison.
        equivalence: whether the difference is as good as none; only where C5 had seeds for a test.
        unpaired: the same without pairs; only where the two arms did not run the same seeds.
        points: the runs that were ranked; only for C7.
    """

    quantity: Quantity
    time: Time
    arm: str
    sample: Sample
    interval: Interval | None
    verdict: Verdict | None = None
    difference: PairedDifference | None = None
    holm_p: float | None = None
    equivalence: Equivalence | None = None
    unpaired: Unpaired | None = None
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Link:
    """A link of the claim at one time, for one arm.

    Attributes:
        name: C1 to C7.
        time: when.
        arm: whose; for C5 the arm that is compared with the baseline; for C7, which is about all
            arms, the baseline.
        verdict: the outcome of all its quantities together, after Holm over the links of its time.
        quantities: that it was judged by.
        beside: those shown with it.
        holm_p: the verdict's p-value adjusted over the links of its time; None where it has none,
            or is only shown beside the claim: C1 to C4 of an arm that is not the baseline.
    """

    name: LinkName
    time: Time
    arm: str
    verdict: Verdict
    quantities: tuple[JudgedQuantity, ...]
    beside: tuple[JudgedQuantity, ...] = ()
    holm_p: float | None = None

    @property
    def deciding(self) -> list[str]:
        """The quantities whose outcome became the link's, where they are not all of them."""
        names = [q.quantity.short for q in self.quantities if str(q.verdict) == str(self.verdict)]
        return names if len(names) < len(self.quantities) else []

    @property
    def title(self) -> str:
        """The link in words."""
        return LINKS[self.name]

    def of(self, metric: Metric, owner: str) -> JudgedQuantity:
        """Return the quantity that is a metric of a network or loss, whatever it is divided by.

        Args:
            metric: in whichever family.
            owner: network or loss.

        Raises:
            KeyError: the link is not judged by it.
        """
        for judged in self.quantities:
            key = parse(judged.quantity.key)
            if (key.owner, key.name) == (owner, metric.name):
                return judged
        raise KeyError((self.name, metric.name, owner))
