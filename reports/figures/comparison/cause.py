"""C7: does the goal's share order the arms? Each arm's mean and seeds, sensitivity and success."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.claims.links import JudgedQuantity, Point
from goalscope.reports.claims.success import SUCCESS
from goalscope.reports.figures.axes import LOWEST_SHARE, value_axis
from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.style import ArmStyles, arm_styles, new_figure, panels_abreast
from goalscope.reports.numbers.windows import TIMES
from goalscope.reports.statistics.formatting import plain
from goalscope.reports.statistics.scales import Scale

_MARKS = ("o", "s", "^", "v", "D", "P", "X", "<", ">", "*", "h", "p", "d")


def cause_plot(assessment: Assessment) -> Plot | None:
    """Return goal's share against sensitivity and success at each time; None where not ranked."""
    shown = [
        judged
        for time in TIMES
        for half in ("sensitivity", "success")
        for judged in assessment.find("C7", time, assessment.baseline, half=half).quantities
        if len({point.arm for point in judged.points}) >= assessment.thresholds.arms_to_rank
    ]
    if not shown:
        return None
    return Plot(
        "cause",
        "C7: are the arms with a louder goal those that react to it and succeed?",
        "Small marks are seeds, large ones an arm's mean; blue circle: the baseline. A share of "
        "all is drawn at 99.99 %. The number above a panel is the mean over seeds of the rank "
        "correlation over arms, with its interval: the claim needs it above 0. A cloud without a "
        "slope says that the share does not order the arms.",
        lambda: _plot(shown, assessment),
        lambda: [
            {
                "time": judged.time,
                "outcome": judged.quantity.label,
                "arm": p.arm,
                "seed": p.seed,
                "goal_share": p.predictor,
                "value": p.outcome,
            }
            for judged in shown
            for p in judged.points
        ],
        "C7",
        ("C7",),
    )


def _plot(quantities: Sequence[JudgedQuantity], assessment: Assessment) -> Figure:
    columns = panels_abreast(2)
    rows = -(-len(quantities) // columns)
    abreast = 2 * columns  # names of arms below the panels
    figure = new_figure(2.3 * rows + 0.25 * -(-len(assessment.arms) // abreast))
    grid = figure.subplots(rows, columns, squeeze=False)
    styles = arm_styles(assessment.arms)
    for axes, judged in zip(grid.flat, quantities, strict=False):
        alike = [q for q in quantities if q.quantity.orders == judged.quantity.orders]
        _plot_judged(
            axes,
            judged,
            styles,
            [p.predictor for q in quantities for p in _finite(q)],
            [p.outcome for q in alike for p in _finite(q)],
        )
    for axes in grid.flat[len(quantities) :]:
        axes.set_visible(False)
    marks = [
        Line2D([], [], ls="", marker=_mark(index), color=colour, ms=5, label=arm)
        for index, (arm, (colour, _)) in enumerate(styles.items())
    ]
    figure.legend(
        handles=marks, loc="outside lower center", ncols=abreast, frameon=False, fontsize=7.5
    )
    return figure


def _finite(judged: JudgedQuantity) -> list[Point]:
    return [p for p in judged.points if np.isfinite([p.predictor, p.outcome]).all()]


def _plot_judged(
    axes: Axes,
    judged: JudgedQuantity,
    styles: ArmStyles,
    shares: Sequence[float],
    outcomes: Sequence[float],
) -> None:
    """Draw a panel; `shares` and `outcomes`: what its axes span."""
    success = judged.quantity.orders == SUCCESS
    interval = judged.interval
    words = ""
    if interval is not None:
        words = f": {plain(interval.mean)}"
        if np.isfinite(interval.low):
            words += f" [{plain(interval.low)} to {plain(interval.high)}]"
    axes.set_title(f"{judged.time.capitalize()}{words}")
    axes.set_xlabel("goal's share of the critic's signal")
    axes.set_ylabel("success, mean over training" if success else "Q, goal exchanged (std of Q)")
    points = _finite(judged)
    if not points:
        return
    value_axis(axes, Scale.LOGIT, np.array(shares), along="x")
    value_axis(axes, Scale.PLAIN if success else Scale.LOG, np.array(outcomes))
    for index, (arm, (colour, _)) in enumerate(styles.items()):
        own = [point for point in points if point.arm == arm]
        if not own:
            continue
        x, y = np.array([[p.predictor, p.outcome] for p in own]).T
        mark = _mark(index)
        axes.scatter(
            np.clip(x, LOWEST_SHARE, 1 - LOWEST_SHARE),
            y,
            s=8,
            marker=mark,
            color=colour,
            alpha=0.5,
            lw=0,
        )
        axes.scatter(
            [float(np.clip(x.mean(), LOWEST_SHARE, 1 - LOWEST_SHARE))],
            [float(y.mean())],
            s=38,
            marker=mark,
            color=colour,
            edgecolor="white",
            lw=0.6,
            zorder=3,
        )


def _mark(index: int) -> str:
    return _MARKS[index % len(_MARKS)]
