"""The picture that answers: does the arm learn, and how loud is its goal in either network?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from goalscope.diagnostics.record.keys import ACTOR, CRITIC
from goalscope.reports.claims.floors import RecordedFloor, recorded_floors
from goalscope.reports.claims.shares import heard_shares
from goalscope.reports.figures.axes import even_axis, percent_ticks, root_axis
from goalscope.reports.figures.curves import (
    Curve,
    Panel,
    curve_rows,
    plot_curve,
    seeds_drawn,
    seeds_in_words,
)
from goalscope.reports.figures.labels import End, side_labels
from goalscope.reports.figures.plot import ANSWER, Plot
from goalscope.reports.figures.points import seeds_side_by_side, thinned
from goalscope.reports.figures.style import (
    GREY,
    ArmStyles,
    Dash,
    arm_styles,
    new_figure,
    panels_abreast,
)
from goalscope.reports.figures.success import DODGE, FLOOR_DASHES
from goalscope.reports.numbers.changes import changed_by, changes_of
from goalscope.reports.numbers.rollouts import EPISODES, rollout_success
from goalscope.reports.numbers.runs import Arms
from goalscope.reports.numbers.windows import Axis
from goalscope.reports.statistics.formatting import count
from goalscope.reports.statistics.intervals import t_interval
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds

Shares = Mapping[str, Mapping[str, Sequence[pd.DataFrame]]]  # network -> arm -> a table per seed
_MOST_COLOURS = 5  # more cannot be told apart; further arms are grey
_PALE = "#b4b9bf"
_FIX = "norm"  # the plan's, coloured in any case
_ENDS = (0.01, 0.99)  # of the axis of shares: beyond, all are drowned alike, or alone
_SHARES = (0.01, 0.1, 0.5, 0.9, 0.99)
_LEFT = "success"
_HEIGHT = 3.1  # inches
_BELOW_EACH_OTHER = (2.7, 1.9, 1.9)  # inches: success and the two shares
_RATIOS = (1.25, 1.0)  # of widths: names of arms stand beside success


@dataclass(frozen=True)
class _Success:
    """Success over training: arm -> a table per seed, and how it was measured."""

    tables: Mapping[str, Sequence[pd.DataFrame]]
    title: str
    caption: str


def answer_plot(arms: Arms, thresholds: Thresholds) -> Plot | None:
    """Return success beside the goal's share in critic and actor; None where neither is known.

    Args:
        arms: arm -> its runs, the baseline first.
        thresholds: the plan's marks of success, and below which share the goal is
            outweighed, and drowned.
    """
    shares = {network: _share_curves(arms, network, thresholds) for network in (CRITIC, ACTOR)}
    shares = {network: curves for network, curves in shares.items() if curves}
    success = _success(arms)
    if not shares and success is None:
        return None
    floors = recorded_floors([run for runs in arms.values() for run in runs])
    styles = _styles(arms, success)
    # The plan's marks are of the plan's arms, and not of anyone's.
    marks = thresholds.success_marks if any(map(changes_of, arms.values())) else ()
    others = sum(colour == _PALE for colour, _ in styles.values())
    words = [
        f"{seeds_in_words(seeds_drawn(_panels(success, shares)))}.",
        f"In grey the {count(others, 'other arm')}, means alone." if others else "",
        success.caption if success else "Success was not measured in these runs: nothing is drawn.",
        f"Below {100 * thresholds.goal_share:g} % of the signal the goal is outweighed, below "
        f"{100 * thresholds.drowned_share:g} % drowned. Beside a dead encoder none is drawn. The "
        "axis of updates is even in their square root."
        if shares
        else "",
    ]
    return Plot(
        "answer",
        "Does it learn, and is the goal heard?" if success else "Is the goal heard?",
        " ".join(filter(None, words)),
        lambda: _plot(success, shares, floors, styles, marks, thresholds),
        lambda: curve_rows(_panels(success, shares)),
        ANSWER,
        ("C1", "C6"),
    )


def _share_curves(
    arms: Arms, network: str, thresholds: Thresholds
) -> dict[str, list[pd.DataFrame]]:
    found = {
        arm: [
            table
            for run in runs
            if (table := heard_shares(run, network, run.image_block(), thresholds)) is not None
            and len(table)
        ]
        for arm, runs in arms.items()
    }
    return {arm: tables for arm, tables in found.items() if tables}


def _success(arms: Arms) -> _Success | None:
    """Return evaluations, or where there are none the success of the episodes of training."""
    evaluated = _measured({arm: [r.evaluations for r in runs] for arm, runs in arms.items()})
    if evaluated:
        return _Success(evaluated, "Success", "Success: of evaluated episodes, without noise.")
    rolled = _measured({arm: [rollout_success(r) for r in runs] for arm, runs in arms.items()})
    if not rolled:
        return None
    return _Success(
        rolled,
        "Success while training",
        f"Success was never evaluated: drawn is that of the last {EPISODES} training episodes, "
        "with their noise.",
    )


def _measured(
    tables: Mapping[str, Sequence[pd.DataFrame | None]],
) -> dict[str, list[pd.DataFrame]]:
    """Return arm -> the tables that hold something; an arm without any is left out."""
    kept = {arm: [t for t in own if t is not None and len(t)] for arm, own in tables.items()}
    return {arm: own for arm, own in kept.items() if own}


def _styles(arms: Arms, success: _Success | None) -> ArmStyles:
    """Return how each arm is drawn: baseline, the plan's fix and those that end highest in colour.

    In the order of drawing: the baseline last, over the others.
    """
    baseline, *others = arms
    tables = {} if success is None else success.tables
    fix = changed_by(arms, _FIX)
    last = {a: [float(table["value"].iloc[-1]) for table in tables.get(a, ())] for a in others}
    best = sorted(others, key=lambda arm: (arm != fix, -float(np.mean(last[arm] or [-1.0]))))
    coloured = [baseline, *(arm for arm in others if arm in best[: _MOST_COLOURS - 1])]
    pale: dict[str, tuple[str, Dash]] = {a: (_PALE, "-") for a in others if a not in coloured}
    own = arm_styles(arms)
    return pale | {arm: own[arm] for arm in reversed(coloured)}


def _plot(
    success: _Success | None,
    shares: Shares,
    floors: Sequence[RecordedFloor],
    styles: ArmStyles,
    marks: Sequence[float],
    thresholds: Thresholds,
) -> Figure:
    names = list(shares)
    places: list[Any]  # as matplotlib types a mosaic
    if success is None:
        places = [names] if panels_abreast(2) > 1 else [[name] for name in names]
    elif panels_abreast(2) > 1 and names:
        places = [[_LEFT, name] for name in names]
    else:
        places = [[name] for name in (_LEFT, *names)]
    beside = success is not None and len(places[0]) > 1
    heights = [_HEIGHT / len(places)] * len(places) if len(places) < 3 else _BELOW_EACH_OTHER
    figure = new_figure(sum(heights))
    axes = figure.subplot_mosaic(
        places, width_ratios=_RATIOS if beside else None, height_ratios=heights
    )
    if success is not None:
        _plot_success(axes[_LEFT], success, floors, marks, styles)
    for name, curves in shares.items():
        ends = _plot_share(axes[name], name, curves, thresholds, styles)
        side_labels(axes[name], ends if success is None else [e for e in ends if e.colour == GREY])
        if success is not None and len(places) == 2 and name != names[-1]:
            axes[name].set_xlabel("")
    return figure


def _plot_success(
    axes: Axes,
    success: _Success,
    floors: Sequence[RecordedFloor],
    marks: Sequence[float],
    styles: ArmStyles,
) -> None:
    axes.set_title(success.title)
    even_axis(axes, max(int(t["step"].max()) for ts in success.tables.values() for t in ts), "step")
    axes.set_ylim(-0.04, 1.04)
    percent_ticks(axes.yaxis)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    for floor, dash in zip(floors, FLOOR_DASHES, strict=False):
        axes.axhline(floor.rate, color=GREY, lw=1, ls=dash, zorder=1.5)
    for mark in marks:
        axes.axhline(mark, color=GREY, lw=0.8, ls=(0, (1, 2)), zorder=1.5)
    labels = [End(floor.rate, floor.label, GREY) for floor in floors]
    labels += [End(mark, f"plan: {100 * mark:g} %", GREY) for mark in marks]
    drawn = [arm for arm in styles if arm in success.tables]
    named = [arm for arm in drawn if styles[arm][0] != _PALE]
    for arm in drawn:
        lift = DODGE * ((len(named) - 1) / 2 - named.index(arm)) if arm in named else 0.0
        end = _plot_arm(axes, arm, success.tables[arm], styles[arm], "step", Scale.PLAIN, lift)
        labels += [end] if end is not None and styles[arm][0] != _PALE else []
    side_labels(axes, labels)
    axes.spines[["top", "right"]].set_visible(False)


def _plot_share(
    axes: Axes,
    network: str,
    curves: Mapping[str, Sequence[pd.DataFrame]],
    thresholds: Thresholds,
    styles: ArmStyles,
) -> list[End]:
    """Draw the goal's share in one network; return what its margin says, and where."""
    axes.set_title(f"Goal's share of the {network}'s signal")
    root_axis(axes, 0, max(int(t["update"].max()) for ts in curves.values() for t in ts), "update")
    axes.set_yscale("logit")
    axes.set_ylim(*_ENDS)
    axes.yaxis.set_major_locator(FixedLocator(_SHARES))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _share_tick(value)))
    ends = []
    for low, high, strength, words in (
        (thresholds.drowned_share, thresholds.goal_share, 0.08, "outweighed"),
        (_ENDS[0], thresholds.drowned_share, 0.2, "drowned"),
    ):
        axes.axhspan(low, high, color=GREY, alpha=strength, lw=0, zorder=0.5)
        ends_there = Scale.LOGIT.forward(np.array([low, high]))
        middle = float(Scale.LOGIT.backward(ends_there.mean(keepdims=True))[0])
        ends.append(End(middle, words, GREY))
    for arm in styles:
        if arm in curves:
            end = _plot_arm(axes, arm, curves[arm], styles[arm], "update", Scale.LOGIT)
            ends += [end] if end is not None and styles[arm][0] != _PALE else []
    axes.spines[["top", "right"]].set_visible(False)
    return ends


def _plot_arm(
    axes: Axes,
    arm: str,
    tables: Sequence[pd.DataFrame],
    style: tuple[str, Dash],
    axis: Axis,
    scale: Scale,
    lift: float = 0.0,
) -> End | None:
    """Draw an arm, the later the nearer to the front: of those in no colour, the mean alone."""
    curve = Curve(arm, thinned(tables, axis), *style)
    joined = seeds_side_by_side(curve.tables, axis)
    if style[0] == _PALE and len(joined):
        means = [t_interval(row, scale).mean for row in joined.to_numpy(dtype=float).tolist()]
        table = pd.DataFrame({axis: joined.index.to_numpy(), "value": means})
        curve = Curve(arm, [table], *style)
    return plot_curve(axes, curve, axis, scale, lift, _ENDS[0])


def _share_tick(value: float) -> str:
    """Return a tick in words: at the ends of the axis lies all that is beyond them."""
    low, high = _ENDS
    beyond = "≤ " if value <= low * 1.01 else "≥ " if value >= high * 0.999 else ""
    return f"{beyond}{100 * value:.0f} %"


def _panels(success: _Success | None, shares: Shares) -> list[Panel]:
    """Return what is drawn, as panels whose numbers and seeds can be told."""
    panels = [
        Panel(f"goal's share, {network}", "share of signal", _curves(curves))
        for network, curves in shares.items()
    ]
    if success is not None:
        panels.insert(0, Panel(success.title, "of episodes", _curves(success.tables)))
    return panels


def _curves(tables: Mapping[str, Sequence[pd.DataFrame]]) -> list[Curve]:
    return [Curve(arm, own, _PALE) for arm, own in tables.items()]
