"""Success over training: every seed, each arm's mean, and the floors of agents without skill."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goalscope.reports.claims.floors import RecordedFloor, recorded_floors
from goalscope.reports.figures.axes import even_axis, rate_axis
from goalscope.reports.figures.curves import (
    Curve,
    lifted,
    plot_curve,
    seeds_in_words,
)
from goalscope.reports.figures.labels import End, side_labels
from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.style import GREY, ArmStyles, Dash, new_figure, panels_abreast
from goalscope.reports.numbers.runs import Arms
from goalscope.reports.numbers.windows import Axis
from goalscope.reports.statistics.formatting import count, percent
from goalscope.reports.statistics.scales import Scale

_ROOM = 1.08
_OURS = "Best actions (no noise) in {each} episodes from the same starts"
DODGE = 0.9  # points between arms: of those that all fail, or all succeed, each is seen
FLOOR_DASHES: tuple[Dash, ...] = ((0, (6, 2.5)), (0, (1, 2)))


def success_plot(arms: Arms, styles: ArmStyles, *, by_update: bool) -> Plot | None:
    """Return success and final distance over steps; None where no run was evaluated.

    Args:
        arms: arm -> its runs, the baseline first.
        styles: how each arm is drawn on this page.
        by_update: also draw them over updates.
    """
    runs = [run for group in arms.values() for run in group]
    found = [table for run in runs if not (table := run.evaluations).empty]
    if not found:
        return None
    floors = recorded_floors(runs)
    axes: Sequence[Axis] = ("step", "update") if by_update else ("step",)
    episodes = sorted({round(n) for table in found for n in table["episodes"] if np.isfinite(n)})
    each = " to ".join(map(str, dict.fromkeys((episodes[0], episodes[-1])))) if episodes else "some"
    by = sorted({str(by) for run in runs if (by := run.settings.get("evaluation.by"))})
    how = f"As evaluated by SB3's {by[0]}: {each} episodes" if by else _OURS.format(each=each)
    measured = any(table["distance"].notna().any() for table in found)
    distance = (
        "The distance is the median over the episodes, at their last step. " if measured else ""
    )
    apart = "; arms are moved apart a little, so that none hides another" if len(arms) > 1 else ""
    caption = (
        f"{_seeds(arms)}. {how}, over training. {_floor_caption(floors)} {distance}Both axes are "
        f"even{apart}."
    )
    return Plot(
        "success",
        "Success, and how near it ends" if measured else "Success",
        caption,
        lambda: _plot(arms, styles, floors, axes, distance=measured),
        lambda: [
            {"arm": arm, "seed_number": number, **{str(k): v for k, v in row.items()}}
            for arm, runs in arms.items()
            for number, run in enumerate(runs)
            for row in run.evaluations.to_dict("records")
        ],
        section="C6",
        shows=("C6", "R1"),
    )


def _seeds(arms: Arms) -> str:
    """Return how many evaluated seeds each line stands for, and what is drawn of them."""
    evaluated = {arm: sum(not run.evaluations.empty for run in runs) for arm, runs in arms.items()}
    counts = {arm: seeds for arm, seeds in evaluated.items() if seeds}
    words = seeds_in_words(counts)
    if min(counts.values()) == 1:
        words += "; bars at a lone seed: 95 % Wilson interval of each evaluation"
    return words


def _floor_caption(floors: Sequence[RecordedFloor]) -> str:
    if not floors:
        return "No floor is drawn: the records hold none, or not the same."
    agents = " and of one that ".join(f"{f.label} ({percent(f.rate)})" for f in floors)
    return (
        f"Grey: the success of an agent that {agents}, in a strip that is its 95 % Wilson interval "
        f"over {count(floors[0].episodes, 'episode')}. Success that is not above them was not "
        "learnt; success below doing nothing is a finding of its own."
    )


def _plot(
    arms: Arms,
    styles: ArmStyles,
    floors: Sequence[RecordedFloor],
    kinds: Sequence[Axis],
    *,
    distance: bool,
) -> Figure:
    each = 2 if distance else 1
    columns = panels_abreast(2) if distance else 1
    rows = each * len(kinds) // columns
    figure = new_figure(2.4 * rows + 0.1)
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for axes, axis in zip(panels[::each], kinds, strict=True):
        _plot_success(axes, arms, styles, floors, axis)
    for axes, axis in zip(panels[1::2] if distance else (), kinds if distance else (), strict=True):
        _plot_distance(axes, arms, styles, axis)
    return figure


def _plot_success(
    axes: Axes, arms: Arms, styles: ArmStyles, floors: Sequence[RecordedFloor], axis: Axis
) -> None:
    axes.set_title("Success of the evaluated episodes")
    shown = [floor.high for floor in floors]
    for floor, dash in zip(floors, FLOOR_DASHES, strict=False):
        axes.axhspan(floor.low, floor.high, color=GREY, alpha=0.12, lw=0, zorder=0.5)
        axes.axhline(floor.rate, color=GREY, lw=1, ls=dash, zorder=1.5)
    ends = _plot_arms(axes, arms, styles, axis, "value", shown)
    rate_axis(axes, shown)
    labels = [End(floor.rate, floor.label, GREY) for floor in floors]
    side_labels(axes, [*ends, *labels])


def _plot_distance(axes: Axes, arms: Arms, styles: ArmStyles, axis: Axis) -> None:
    axes.set_title("Final distance to the goal")
    axes.set_ylabel(next(iter(arms.values()))[0].task.shown_in)
    shown = [1.0]
    ends = _plot_arms(axes, arms, styles, axis, "distance", shown)
    axes.set_ylim(0, _ROOM * max(shown))
    side_labels(axes, ends)


def _plot_arms(
    axes: Axes, arms: Arms, styles: ArmStyles, axis: Axis, column: str, shown: list[float]
) -> list[End]:
    """Draw a column of each arm's evaluations; return where its lines end, for their labels.

    Args:
        axes: on which.
        arms: arm -> its runs.
        styles: how each arm is drawn.
        axis: steps or updates.
        column: "value" or "distance".
        shown: takes what must be in view.
    """
    ends, last = [], 1
    for number, (arm, runs) in enumerate(arms.items()):
        tables = [table for run in runs if not (table := run.evaluations).empty]
        if not tables:
            continue
        colour, dash = styles[arm]
        own = [table.assign(value=table[column]) for table in tables]
        lift = DODGE * (number - (len(arms) - 1) / 2) if column == "value" else 0.0
        end = plot_curve(axes, Curve(arm, own, colour, dash), axis, Scale.PLAIN, lift)
        ends += [] if end is None else [end]
        if column == "value" and len(tables) == 1:
            (table,) = tables
            bars = axes.vlines(
                table[axis], table["low"], table["high"], color=colour, alpha=0.35, lw=1.2
            )
            bars.set_transform(lifted(axes, lift))
            shown += [high for high in table["high"] if np.isfinite(high)]
        shown += [value for table in own for value in table["value"] if np.isfinite(value)]
        last = max(last, *(int(table[axis].max()) for table in tables))
    even_axis(axes, last, axis)
    axes.spines[["top", "right"]].set_visible(False)
    return ends
