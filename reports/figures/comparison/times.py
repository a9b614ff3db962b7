"""The deciding quantities at the four times: every seed, and each arm's mean and interval."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.claims.chain import CHAIN
from goalscope.reports.claims.deciding import NETWORKS
from goalscope.reports.claims.links import JudgedQuantity
from goalscope.reports.claims.wording import value_of
from goalscope.reports.figures.axes import value_axis
from goalscope.reports.figures.curves import inside
from goalscope.reports.figures.labels import End, side_labels
from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.style import GREY, SEED, ArmStyles, new_figure, panels_abreast
from goalscope.reports.numbers.windows import TIMES
from goalscope.reports.statistics.scales import Scale

_SHORT = {"initialisation": "init."}  # as long as its neighbours


def times_plot(assessment: Assessment, styles: ArmStyles) -> Plot | None:
    """Return a small panel for each deciding quantity; None if none was measured.

    Args:
        assessment: of the arms that are drawn.
        styles: how each arm is drawn on this page.
    """
    quantities = {
        judged.quantity.name: [
            other
            for time in TIMES
            for arm in assessment.arms
            for other in assessment.find(name, time, arm, network).quantities
            if other.quantity == judged.quantity
        ]
        for name in CHAIN
        for network in NETWORKS
        for judged in assessment.find(
            name, "initialisation", assessment.baseline, network
        ).quantities
    }
    shown = [own for own in quantities.values() if any(q.sample.numbers for q in own)]
    if not shown:
        return None
    return Plot(
        "four_times",
        "The quantities that decide, at the four times",
        "One dot for each seed: its update-weighted mean in the window. Bars: mean over seeds with "
        "its 95 % t-interval (two seeds give wide ones). The claim says that the baseline lies "
        "below the dashed line; the fix should lie above the baseline.",
        lambda: _plot(shown, assessment.arms, styles),
        lambda: [
            {
                "panel": f"{judged.quantity.link}: {judged.quantity.short}",
                "time": judged.time,
                "arm": judged.arm,
                "seed": seed,
                "value": value,
            }
            for own in shown
            for judged in own
            for seed, value in judged.sample.numbers.items()
        ],
        section="C5",
        shows=("C5",),
    )


def _plot(
    quantities: Sequence[Sequence[JudgedQuantity]], arms: Sequence[str], styles: ArmStyles
) -> Figure:
    columns = panels_abreast(2)
    rows = -(-len(quantities) // columns)
    figure = new_figure(2.0 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, own in zip(grid.flat, quantities, strict=False):
        alike = [other for other in quantities if _kind(other) == _kind(own)]
        _plot_quantity(axes, own, arms, styles, [v for other in alike for v in _shown(other)])
    for axes in grid.flat[len(quantities) :]:
        axes.set_visible(False)
    return figure


def _kind(own: Sequence[JudgedQuantity]) -> tuple[str, Scale]:
    """Return what panels of one range have in common."""
    return own[0].quantity.unit, own[0].quantity.scale


def _shown(own: Sequence[JudgedQuantity]) -> list[float]:
    """Return the finite numbers of a panel that must be in view."""
    threshold = own[0].quantity.threshold
    values = [value for judged in own for value in judged.sample.numbers.values()]
    return [*values, *([] if threshold is None else [threshold])]


def _plot_quantity(
    axes: Axes,
    own: Sequence[JudgedQuantity],
    arms: Sequence[str],
    styles: ArmStyles,
    shown: Sequence[float],
) -> None:
    """Draw a panel; `shown`: what its y axis spans."""
    quantity = own[0].quantity
    axes.set_title(f"{quantity.link}: {quantity.short}")
    axes.set_ylabel("goal's share" if quantity.unit == "share" else quantity.unit)
    ends: list[End] = []
    width = 0.7 / len(arms)
    for judged in own:
        colour, _ = styles[judged.arm]
        values = list(judged.sample.numbers.values())
        centre = TIMES.index(judged.time) + (arms.index(judged.arm) - (len(arms) - 1) / 2) * width
        if judged.interval is None:
            continue
        mean = float(judged.interval.mean)
        axes.plot([centre - width / 4, centre + width / 4], [mean, mean], color=colour, lw=2)
        if np.isfinite(judged.interval.low):
            axes.plot([centre] * 2, [judged.interval.low, judged.interval.high], color=colour, lw=1)
        places = [centre + width / 5] * len(values)
        seeds = inside(np.asarray(values, dtype=float), quantity.scale)
        axes.plot(places, seeds, color=colour, zorder=3, **SEED)
        ends = [end for end in ends if end.label != judged.arm]
        ends.append(End(mean, judged.arm, colour))
    value_axis(axes, quantity.scale, np.asarray(shown, dtype=float))
    if quantity.threshold is not None:
        label = value_of(quantity, quantity.threshold)
        axes.axhline(quantity.threshold, color=GREY, lw=1, ls=(0, (2, 2)), zorder=1.5)
        ends.append(End(quantity.threshold, f"below {label}?", GREY))
    axes.set_xticks(range(len(TIMES)), [_SHORT.get(time, time) for time in TIMES])
    axes.set_xlim(-0.6, len(TIMES) - 0.4)
    axes.grid(visible=False, axis="x")
    side_labels(axes, ends)
    axes.spines[["top", "right"]].set_visible(False)
