"""The deciding quantities at the three times: every seed, and each arm's mean and interval."""

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.claims.chain import CHAIN
from goalscope.reports.claims.parts import Part
from goalscope.reports.claims.wording import value_of
from goalscope.reports.figures.drawing import LAYOUT, WIDTH, Drawing
from goalscope.reports.figures.labels import side_labels
from goalscope.reports.figures.style import GREY, arm_style, value_axis
from goalscope.reports.numbers.windows import TIMES


def times_drawing(assessment: Assessment) -> Drawing | None:
    """Return a small panel for each deciding quantity; None if none was measured."""
    quantities = {
        part.quantity.name: [
            p
            for time in TIMES
            for arm in assessment.arms
            for p in assessment.find(part.quantity.link, time, arm).parts
            if p.quantity == part.quantity
        ]
        for link in CHAIN
        for part in assessment.find(link, "initialisation", assessment.baseline).parts
    }
    shown = [parts for parts in quantities.values() if any(p.sample.numbers for p in parts)]
    if not shown:
        return None
    return Drawing(
        "three_times",
        "The quantities that decide, at the three times",
        "One dot for each seed: its update-weighted mean in the window. Bars: mean over seeds with "
        "its 95 % t-interval (two seeds give wide ones). The claim says that the baseline lies "
        "below the dashed line; the fix should lie above the baseline.",
        lambda: _draw(shown, assessment.arms),
    )


def _draw(quantities: Sequence[Sequence[Part]], arms: Sequence[str]) -> Figure:
    columns = 2
    rows = -(-len(quantities) // columns)
    figure = Figure(figsize=(WIDTH, 2.0 * rows), layout=LAYOUT)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, parts in zip(grid.flat, quantities, strict=False):
        _draw_quantity(axes, parts, arms)
    for axes in grid.flat[len(quantities) :]:
        axes.set_visible(False)
    return figure


def _draw_quantity(axes: Axes, parts: Sequence[Part], arms: Sequence[str]) -> None:
    quantity = parts[0].quantity
    axes.set_title(f"{quantity.link}: {quantity.short}")
    axes.set_ylabel("goal's share" if quantity.unit == "share" else quantity.unit)
    shown = [] if quantity.threshold is None else [quantity.threshold]
    ends: list[tuple[float, str, str]] = []
    width = 0.7 / len(arms)
    for part in parts:
        colour, _ = arm_style(part.arm, arms)
        values = list(part.sample.numbers.values())
        shown += values
        centre = TIMES.index(part.time) + (arms.index(part.arm) - (len(arms) - 1) / 2) * width
        if part.interval is None:
            continue
        mean = float(part.interval.mean)
        axes.plot([centre - width / 4, centre + width / 4], [mean, mean], color=colour, lw=2)
        if np.isfinite(part.interval.low):
            axes.plot([centre] * 2, [part.interval.low, part.interval.high], color=colour, lw=1)
        sns.scatterplot(
            x=[centre + width / 5] * len(values), y=values, color=colour, s=14, ax=axes, zorder=3
        )
        ends = [end for end in ends if end[1] != part.arm] + [(mean, part.arm, colour)]
    value_axis(axes, quantity.scale, np.asarray(shown, dtype=float))
    if quantity.threshold is not None:
        label = value_of(quantity, quantity.threshold)
        axes.axhline(quantity.threshold, color=GREY, lw=1, ls=(0, (2, 2)), zorder=1.5)
        ends.append((quantity.threshold, f"below {label}?", GREY))
    axes.set_xticks(range(len(TIMES)), TIMES)
    axes.set_xlim(-0.6, len(TIMES) - 0.4)
    axes.grid(visible=False, axis="x")
    side_labels(axes, ends)
    sns.despine(ax=axes)
