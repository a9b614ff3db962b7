"""A check: a number of a run, the side and the threshold at which it speaks, and what it means."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from goalscope.diagnostics.record import Task
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import Reading
from goalscope.reports.numbers.runs import Run
from goalscope.reports.numbers.windows import TIMES, Time, Window
from goalscope.reports.statistics.scales import Scale

Side = Literal["above", "below"]
Kind = Literal["fault", "limit"]


@dataclass(frozen=True)
class Check:
    """A number that says what is wrong where it lies on one side of its threshold.

    The texts may name the network as {network}, the block of images as {block}, and whose
    position images have to tell as {target}.

    Attributes:
        name: of the check.
        topic: what part of the run it is about.
        label: what is measured, in words.
        unit: of the number; "share" is shown in percent.
        scale: of its interval over seeds.
        read: the number over a run.
        side: on which side of the threshold it speaks.
        threshold: beyond which no healthy run was seen, or can be; NaN where it is a distance of
            the task.
        usual: what it is in healthy runs, in words.
        says: what is wrong.
        causes: what that probably causes.
        change: what to change.
        test: where to look in one's own code, or what tells whether this is it.
        arms: changes of arms that test it, each alone, in the order in which to try them.
        networks: which it is asked of, each by itself; ("",) for the run as a whole.
        kind: a limit is common in healthy runs, and told only of long runs that fail.
        needs: what a run must have for it to be asked.
        times: at which it can be judged.
        spares: whether a run that learns shows it without harm, and is spared it.
        patient: whether it must last; False for what is measured once, or by probes.
        explains: names of checks that speak with it and mean nothing more.
        leads_to: names of checks that mean nothing more where they were silent when it began; else
            they are the likelier cause.
        distance: the distance of the task that is the threshold, in the unit the task is shown in.
    """

    name: str
    topic: str
    label: str
    unit: str
    scale: Scale
    read: Reading
    side: Side
    threshold: float
    usual: str
    says: str
    causes: str
    change: str
    test: str
    arms: tuple[str, ...] = ()
    networks: tuple[str, ...] = ("",)
    kind: Kind = "fault"
    needs: tuple[Need, ...] = ()
    times: tuple[Time, ...] = TIMES
    spares: bool = False
    patient: bool = True
    explains: tuple[str, ...] = ()
    leads_to: tuple[str, ...] = ()
    distance: Literal["tolerance", "goal_range"] | None = None

    @property
    def at_start(self) -> bool:
        """Whether it is asked of the state before training alone."""
        return self.times == ("initialisation",)

    def of(self, task: Task) -> "Check":
        """Return the check as a task makes it: with its distance as the threshold."""
        distance = None if self.distance is None else getattr(task, self.distance)
        if distance is None:
            return self
        return replace(self, unit=task.shown_in, threshold=task.shown(distance))

    def applies(self, run: Run) -> bool:
        """Whether a run has all that it needs."""
        return all(need.met(run) for need in self.needs)

    def mean(self, run: Run, network: str, window: Window | None) -> float | None:
        """Return the number of a network in a window; None where there is none."""
        if window is None or not window.reaches(run):
            return None
        series = self.read(run, network)
        return None if series is None else series.mean(window)

    def speaks(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which values lie on the side that speaks; NaN does not."""
        return values > self.threshold if self.side == "above" else values < self.threshold
