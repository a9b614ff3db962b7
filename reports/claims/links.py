"""The links of the claim, judged: each at one time, of one arm and network, by some quantities."""

from dataclasses import dataclass

from goalscope.diagnostics.record.keys import Metric, parse
from goalscope.reports.claims.quantities import LINKS, LinkName, Quantity
from goalscope.reports.numbers.windows import Time
from goalscope.reports.statistics.equivalence import Equivalence
from goalscope.reports.statistics.intervals import Interval
from goalscope.reports.statistics.outcomes import Verdict
from goalscope.reports.statistics.paired import PairedDifference
from goalscope.reports.statistics.samples import Sample
from goalscope.reports.statistics.seed_tests import SeedTest
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
        test: against the quantity's threshold, for C5 whether it rises; None where the quantity
            decides nothing.
        difference: to the baseline, paired by seed; only for C5.
        equivalence: whether the difference is as good as none; only where C5 had seeds for a test.
        unpaired: the same without pairs; only where the two arms did not run the same seeds.
        points: the runs that were ranked; only for C7.
    """

    quantity: Quantity
    time: Time
    arm: str
    sample: Sample
    interval: Interval | None
    test: SeedTest | None = None
    difference: PairedDifference | None = None
    equivalence: Equivalence | None = None
    unpaired: Unpaired | None = None
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Link:
    """A link of the claim at one time, of one arm and network.

    Attributes:
        name: C1 to C7.
        network: critic or actor; None for C6 and C7.
        time: when.
        arm: whose; for C5 the arm that is compared with the baseline; for C7, which is about all
            arms, the baseline.
        test: of all its quantities together, by itself.
        verdict: the outcome, among all links of the page.
        quantities: that it was judged by.
        beside: those shown with it.
        drowned_test: C1 and C2: of whether the share lies below the lower grade, too; None where
            its mean does not.
        drowned: the outcome of that one.
        half: of C7: "sensitivity" or "success".
        counter_examples: of C7: arms that break the rule, in words.
        lost: of C5: whether a share of the baseline's is below that at which it is outweighed.
        restores: of C5: whether none of the arm's own is.
    """

    name: LinkName
    network: str | None
    time: Time
    arm: str
    test: SeedTest
    verdict: Verdict
    quantities: tuple[JudgedQuantity, ...]
    beside: tuple[JudgedQuantity, ...] = ()
    drowned_test: SeedTest | None = None
    drowned: Verdict | None = None
    half: str | None = None
    counter_examples: tuple[str, ...] = ()
    lost: bool = False
    restores: bool = False

    @property
    def title(self) -> str:
        """The link in words."""
        return LINKS[self.name]

    @property
    def grade(self) -> str:
        """What a side that the outcome takes says, in a few words; empty where it takes none."""
        way = self.verdict.speaks
        if way is None:
            return ""
        if self.name in ("C1", "C2"):
            drowned = self.drowned is not None and self.drowned.speaks == "for"
            return ("drowned" if drowned else "outweighed") if way == "for" else "balanced or above"
        if self.name == "C5" and way == "for":
            if not self.restores:
                return "raises it, does not restore it"
            return "restores it" if self.lost else "raises it (it was balanced already)"
        return ""

    def of(self, metric: Metric) -> JudgedQuantity:
        """Return the quantity that is a metric, of whichever network and family.

        Raises:
            KeyError: the link is not judged by it, nor is it shown beside.
        """
        for judged in (*self.quantities, *self.beside):
            if parse(judged.quantity.key).name == metric.name:
                return judged
        raise KeyError((self.name, metric.name))
