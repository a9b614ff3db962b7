"""Every arm at a glance: how loud its goal is, how much Q reacts to it, how often it succeeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goalscope.diagnostics.record.keys import CRITIC, Family
from goalscope.diagnostics.record.metrics import Q_GOAL_SWAP, SIGNAL_SHARE
from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.claims.floors import highest_floor
from goalscope.reports.claims.success import arm_successes, last_evaluations, mean_success
from goalscope.reports.figures.axes import LOWEST_SHARE, percent_ticks, value_axis
from goalscope.reports.figures.labels import wrap
from goalscope.reports.figures.plot import ARMS, Plot
from goalscope.reports.figures.style import (
    GREY,
    SEED,
    ArmStyles,
    arm_styles,
    new_figure,
    panels_abreast,
)
from goalscope.reports.numbers.runs import Arms
from goalscope.reports.numbers.windows import Time, Times, window_number
from goalscope.reports.statistics.intervals import Interval, t_interval
from goalscope.reports.statistics.scales import Array, Scale

_ROW = 0.3  # inches an arm


@dataclass(frozen=True)
class _Column:
    """A panel: arm -> one number per seed."""

    title: str
    unit: str
    scale: Scale
    numbers: Mapping[str, Sequence[float]]
    reference: float | None = None
    known: Mapping[str, Interval | None] = field(default_factory=dict)

    def shown(self) -> list[float]:
        """Return the numbers that must be in view."""
        values = [value for values in self.numbers.values() for value in values]
        return values if self.reference is None else [*values, self.reference]

    def interval(self, arm: str) -> Interval:
        """Return an arm's mean and interval; of rates the one that is known, else the mean alone.

        Of rates at 0 and 1 a t-interval would say nothing, or leave what is possible.
        """
        values = self.numbers[arm]
        if self.scale is not Scale.PLAIN:
            return t_interval(values, self.scale)
        return self.known.get(arm) or Interval(float(np.mean(values)), nan, nan, len(values))


def arms_plot(arms: Arms, assessment: Assessment) -> Plot | None:
    """Return a row for each arm, a panel for each number; None for fewer than three arms."""
    columns = _columns(arms, assessment.times, assessment)
    if len(arms) < 3 or not columns:
        return None
    return Plot(
        "arms",
        "Every arm at a glance",
        "One dot for each seed, the bar their mean with its 95 % t-interval: of shares on a logit "
        "scale, of the swap on the log scale. Of success at the last evaluation it is the range of "
        "the t-interval and of Wilson's over all episodes, as in the tables. Of success over "
        "training the mean stands alone. Blue: the baseline; an arm has the same colour in all "
        "figures. No share is drawn of a seed whose encoder is dead, or whose Q ignores the goal. "
        "Dashed: the claim's thresholds and, for success, the floor. Windows: early, "
        f"{assessment.times.windows['early']}; late, {assessment.times.windows['late']}.",
        lambda: _plot(columns, arm_styles(arms)),
        lambda: [
            {"panel": column.title, "arm": arm, "seed_number": number, "value": value}
            for column in columns
            for arm, values in column.numbers.items()
            for number, value in enumerate(values)
        ],
        ARMS,
        ("C5", "C7", "R12"),
    )


def _columns(arms: Arms, times: Times, assessment: Assessment) -> list[_Column]:
    thresholds = assessment.thresholds

    def of(key: str, time: str) -> dict[str, list[float]]:
        window = times.windows[time]  # type: ignore[index]
        found = {
            arm: [window_number(run, key, window) for run in runs] for arm, runs in arms.items()
        }
        return {
            arm: [v for v in values if v is not None and np.isfinite(v)]
            for arm, values in found.items()
        }

    def shares(time: Time) -> dict[str, list[float]]:
        samples = {
            arm: assessment.find("C1", time, arm, CRITIC).of(SIGNAL_SHARE).sample for arm in arms
        }
        return {arm: [] if s.silent else [*s.numbers.values()] for arm, s in samples.items()}

    swap = Q_GOAL_SWAP.within(assessment.study.family or Family.SENSITIVITY).key()
    columns = [
        _Column(
            "Goal's share\nof the critic's\nsignal, early",
            "share",
            Scale.LOGIT,
            shares("early"),
            thresholds.goal_share,
        ),
        _Column("the same,\nlate", "share", Scale.LOGIT, shares("late"), thresholds.goal_share),
        _Column(
            "Q, goal\nexchanged, late",
            "std of Q",
            Scale.LOG,
            of(swap, "late"),
            thresholds.q_goal_swap,
        ),
    ]
    rows = last_evaluations(arms)
    if rows:
        highest = highest_floor([run for runs in arms.values() for run in runs])
        floor = highest.rate if highest else None
        last = {arm: [float(r["value"]) for r in rows if r["arm"] == arm] for arm in arms}
        area = {arm: [v for (a, _), v in mean_success(arms).items() if a == arm] for arm in arms}
        columns.append(
            _Column(
                "Success, last\nevaluation",
                "of episodes",
                Scale.PLAIN,
                last,
                floor,
                {a: s.interval for a, s in arm_successes(arms, thresholds).items()},
            )
        )
        columns.append(
            _Column("Success, mean\nover training", "of episodes", Scale.PLAIN, area, floor)
        )
    return [column for column in columns if any(column.numbers.values())]


def _plot(columns: Sequence[_Column], styles: ArmStyles) -> Figure:
    abreast = len(columns) if panels_abreast(2) > 1 else 2
    rows = -(-len(columns) // abreast)
    figure = new_figure((0.85 + _ROW * len(styles)) * rows)
    grid = figure.subplots(rows, abreast, sharey=True, squeeze=False)
    for axes, column in zip(grid.flat, columns, strict=False):
        alike = [c for c in columns if (c.unit, c.scale) == (column.unit, column.scale)]
        _plot_column(axes, column, styles, [v for other in alike for v in other.shown()])
    for axes in grid.flat[len(columns) :]:
        axes.set_visible(False)
    grid[0, 0].set_yticks(range(len(styles)), [wrap(arm, 18) for arm in styles])
    grid[0, 0].set_ylim(len(styles) - 0.5, -0.5)
    return figure


def _plot_column(axes: Axes, column: _Column, styles: ArmStyles, shown: Sequence[float]) -> None:
    """Draw a panel; `shown`: what its axis spans."""
    axes.set_title(column.title, fontsize=8)
    for row, (arm, (colour, _)) in enumerate(styles.items()):
        values = list(column.numbers.get(arm, ()))
        if not values:
            continue
        interval = column.interval(arm)
        dots, mean, low, high = (
            _inside(np.asarray(number, dtype=float), column.scale)
            for number in (values, interval.mean, interval.low, interval.high)
        )
        axes.plot([mean] * 2, [row - 0.28, row + 0.28], color=colour, lw=2, clip_on=False)
        if np.isfinite(interval.low) and len(values) > 2:
            axes.plot([low, high], [row, row], color=colour, lw=1)
        places = [row + 0.18] * len(values)
        axes.plot(dots, places, color=colour, zorder=3, clip_on=False, **SEED)
    if column.reference is not None:
        axes.axvline(column.reference, color=GREY, lw=1, ls=(0, (2, 2)), zorder=1.5)
    if column.scale is Scale.PLAIN:
        axes.set_xlim(-0.04, 1.04)
        percent_ticks(axes.xaxis)
        axes.set_xticks([0, 0.5, 1])
    else:
        value_axis(axes, column.scale, np.asarray(shown, dtype=float), along="x")
    axes.set_xlabel(column.unit)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="x", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def _inside(values: Array, scale: Scale) -> Array:
    """Return values where their axis can show them: a share of all of it has no logit."""
    if scale is Scale.LOGIT:
        return np.clip(values, LOWEST_SHARE, 1 - LOWEST_SHARE)
    return np.clip(values, 0, 1) if scale is Scale.PLAIN else values
