"""A check: a reading of a run, a side, and a threshold."""

from dataclasses import dataclass
from typing import Literal

from goalscope.reports.numbers.runs import Run
from goalscope.reports.numbers.windows import TIMES, Time, Window
from goalscope.reports.rivals.readings import Reading
from goalscope.reports.statistics.scales import Scale

Side = Literal["above", "below"]


@dataclass(frozen=True)
class Check:
    """A number that speaks for a rival when it lies on one side of its threshold.

    Attributes:
        name: of the check.
        rival: which rival it belongs to, "R1" to "R12"; "B" for the basics: a run that is broken.
        label: what is measured, in words.
        unit: of the number; "share" is shown in percent.
        scale: of its interval over seeds.
        reading: of a run.
        speaks: on which side of the threshold it speaks for the rival.
        threshold: fixed before anyone looks; set on planted faults (benchmarks/planted_faults).
        says: what is wrong then, in words.
        times: at which it is judged.
        explains: names of the checks that speak with it and mean nothing more.
        lasting: whether once is enough: what it reads does not heal.
        ends_in: what the image encoder must end in for the check to apply; None applies to all.
    """

    name: str
    rival: str
    label: str
    unit: str
    scale: Scale
    reading: Reading
    speaks: Side
    threshold: float
    says: str
    times: tuple[Time, ...] = TIMES
    explains: tuple[str, ...] = ()
    lasting: bool = False
    ends_in: str | None = None

    def applies(self, run: Run) -> bool:
        """Whether the check can say anything of a run."""
        if self.ends_in is None:
            return True
        return bool(run.block("critic", run.image_block()).get("ends_in") == self.ends_in)

    def read(self, run: Run, window: Window | None) -> float | None:
        """Return the number of a run in a window; None where it was not measured."""
        return self.reading.number(run, window)

    def spoken(self, value: float) -> bool:
        """Whether a number lies on the side that speaks for the rival; NaN does not."""
        return value > self.threshold if self.speaks == "above" else value < self.threshold
