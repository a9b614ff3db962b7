"""Q against the distance to the goal: the front of this curve is how far success has spread."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goalscope.diagnostics.record.keys import Family
from goalscope.diagnostics.record.metrics import LARGEST_DISTANCE, Q_AT_DISTANCE
from goalscope.reports.figures.curves import seeds_in_words
from goalscope.reports.figures.labels import End, side_labels
from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.style import ArmStyles, new_figure, panels_abreast
from goalscope.reports.numbers.runs import Arms, Run
from goalscope.reports.numbers.windows import TIMES, Time, Times, window_numbers

BINS = 8


def q_distance_plot(
    arms: Arms, styles: ArmStyles, times: Times, family: Family | None
) -> Plot | None:
    """Return Q over distance at the four times, a line for each arm; None if not measured.

    Args:
        arms: arm -> its runs, the baseline first.
        styles: how each arm is drawn on this page.
        times: the windows whose means are drawn.
        family: record family of goal sensitivity.
    """
    if family is None:
        return None
    drawn = {
        arm: sum(any(_curve(run, times, family, time) for time in TIMES) for run in runs)
        for arm, runs in arms.items()
    }
    counts = {arm: seeds for arm, seeds in drawn.items() if seeds}
    if not counts:
        return None
    seeds = f"{seeds_in_words(counts, band=False)}."
    return Plot(
        "q_distance",
        "Q against the distance to the goal",
        f"{seeds} Mean Q over states and a grid of goals, in eight bins of distance from the "
        "achieved to the desired goal, in units of return. The mean of the bins is taken off: the "
        "level of Q drifts with training, its slope is what counts. A critic that understands its "
        "goal falls from left to right; to one with a flat line all goals are alike.",
        lambda: _plot(arms, styles, times, family),
        lambda: [
            {"time": time, "arm": arm, "seed_number": number, "distance": distance, "value": value}
            for time in TIMES
            for arm, runs in arms.items()
            for number, run in enumerate(runs)
            for distance, value in zip(*(_curve(run, times, family, time) or ((), ())), strict=True)
        ],
        section="C4",
        shows=("C4",),
    )


def bin_centres(run: Run, family: Family) -> list[float] | None:
    """Return the middle of each distance bin in goal units; None where the record does not say."""
    largest = run.metrics.get(LARGEST_DISTANCE.within(family).key())
    if largest is None:
        return None
    upper = float(largest["value"].iloc[0])
    return [upper * (number - 0.5) / BINS for number in range(1, BINS + 1)]


def _curve(
    run: Run, times: Times, family: Family, time: Time
) -> tuple[list[float], list[float]] | None:
    """Return distances, and Q minus its mean, of the bins that hold goals; None without any."""
    centres = bin_centres(run, family)
    window = times.windows[time]
    if centres is None or window is None:
        return None
    distances, values = [], []
    bins = [Q_AT_DISTANCE.within(family).key(bin=n) for n in range(1, len(centres) + 1)]
    for centre, value in zip(centres, window_numbers(run, bins, window), strict=True):
        if value is not None and np.isfinite(value):
            distances.append(run.task.shown(centre))
            values.append(value)
    if not values:
        return None
    middle = float(np.mean(values))
    return distances, [value - middle for value in values]


def _plot(arms: Arms, styles: ArmStyles, times: Times, family: Family) -> Figure:
    columns = panels_abreast(len(TIMES))
    rows = len(TIMES) // columns
    figure = new_figure(2.2 * rows + 0.2)  # one below the other, a page of a paper has room for
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    unit = next(iter(arms.values()))[0].task.shown_in
    for axes, time in zip(grid.flat, TIMES, strict=True):
        axes.set_title(time)
        axes.set_xlabel(f"distance ({unit})" if axes in grid[-1] else "")
        ends = []
        for arm, runs in arms.items():
            curves = [c for run in runs if (c := _curve(run, times, family, time))]
            if curves:
                colour, dash = styles[arm]
                ends.append(End(_plot_arm(axes, curves, colour, dash), arm, colour))
        if not ends:
            axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes)
        if time == TIMES[-1] and len(arms) > 1:
            side_labels(axes, ends)
    grid[0, 0].set_ylabel("Q minus mean (return)")
    return figure


def _plot_arm(
    axes: Axes, curves: Sequence[tuple[list[float], list[float]]], colour: str, dash: object
) -> float:
    """Draw each seed and, over equal bins, their mean; return where the line ends."""
    alone = len(curves) == 1
    for distances, values in curves:
        axes.plot(
            distances,
            values,
            color=colour,
            lw=1.6 if alone else 0.7,
            alpha=1 if alone else 0.55,
            marker="o" if alone else "",
            markersize=2.5,
        )
    if not alone and len({tuple(distances) for distances, _ in curves}) == 1:
        mean = np.mean([values for _, values in curves], axis=0)
        axes.plot(curves[0][0], mean, color=colour, lw=2, ls=dash)
        return float(mean[-1])
    return float(np.mean([values[-1] for _, values in curves]))
