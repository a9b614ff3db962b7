"""The goal-response map: what Q and the action become when the goal is put elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke

from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.probes.goal_plane import GoalPlane, goal_plane
from goalscope.reports.figures.probes.sections import Absent, Section, side_by_side, spread_places
from goalscope.reports.figures.run.panels import ONE_SEED
from goalscope.reports.figures.style import figure_width, new_figure
from goalscope.reports.numbers.probes import ProbedCheckpoint, Probes
from goalscope.reports.statistics.formatting import plain
from goalscope.reports.statistics.scales import Array
from goalscope.reports.text.probe_sentences import NO_MAP

_NAME, _TITLE = "probe_goal_map", "Goal-response map: what if the goal were elsewhere?"
_NEEDED = ("map.goals", "map.q", "map.actions", "map.achieved", "drawn")
_STATES, _STATES_ALONE = 2, 3  # rows; columns where there is one checkpoint
_INK = "#1f2328"
_MARKS: dict[str, dict[str, Any]] = {
    "achieved goal": {"marker": "o", "markersize": 10, "markerfacecolor": "none"},
    "gripper": {"marker": "+", "markersize": 9},
    "object": {"marker": "s", "markersize": 4, "markerfacecolor": _INK},
}


@dataclass(frozen=True, eq=False)
class _Cell:
    """A state at a checkpoint: one pair of axes."""

    checkpoint: ProbedCheckpoint
    place: int  # among the drawn states
    plane: GoalPlane

    @property
    def state(self) -> int:
        return int(self.checkpoint.arrays["drawn"][self.place])

    @property
    def q(self) -> Array:
        """Q over the plane, float (ny, nx)."""
        return np.asarray(self.checkpoint.arrays["map.q"][self.state, self.plane.rows], float)

    @property
    def response(self) -> Array:
        """Q minus its mean over the plane."""
        return np.asarray(self.q - self.q.mean())

    @property
    def actions(self) -> Array:
        """The actions over the plane, float (ny, nx, A)."""
        return np.asarray(self.checkpoint.arrays["map.actions"][self.state, self.plane.rows], float)

    def places(self) -> dict[str, Array]:
        """Return what is marked: name -> position."""
        arrays = self.checkpoint.arrays
        found = {"achieved goal": arrays["map.achieved"][self.state]}
        for name in ("gripper", "object"):
            truth = arrays.get(f"truth.{name}")
            if truth is not None and truth.shape[1] >= 2:
                found[name] = truth[self.place]
        return found


def map_section(probes: Probes) -> Section:
    """Return Q and the action over the grid of goals, or why they cannot be drawn."""
    checkpoints = probes.with_arrays(*_NEEDED)
    if not checkpoints:
        return Absent(_NAME, _TITLE, NO_MAP)
    cells = _cells(side_by_side(checkpoints))
    if cells is None:
        return Absent(_NAME, _TITLE, "its goals do not form a grid on a plane that can be drawn")
    unit = probes.run.task.unit
    return Plot(
        _NAME,
        _TITLE,
        _caption(cells, probes),
        lambda: _plot(cells, unit),
        lambda: [row for line in cells for cell in line for row in _rows_of(cell)],
    )


def _cells(checkpoints: Sequence[ProbedCheckpoint]) -> list[list[_Cell]] | None:
    """Return the cells, row by row; None where the goals are no grid on a plane.

    A row is a state over checkpoints; where there is one checkpoint, it is that over states.
    """
    drawn = checkpoints[0].arrays["drawn"]
    alone = len(checkpoints) == 1
    found = []
    for place in spread_places(len(drawn), _STATES_ALONE if alone else _STATES):
        row = []
        for checkpoint in checkpoints:
            arrays = checkpoint.arrays
            plane = goal_plane(arrays["map.goals"], arrays["map.achieved"][int(drawn[place])])
            if plane is None:
                return None
            row.append(_Cell(checkpoint, place, plane))
        found.append(row)
    return [[row[0] for row in found]] if alone else found


def _caption(cells: Sequence[Sequence[_Cell]], probes: Probes) -> str:
    first = cells[0][0]
    total = len(first.checkpoint.arrays["map.q"])
    goals = len(first.checkpoint.arrays["map.goals"])
    shown = sorted({cell.place: None for row in cells for cell in row})
    levels = first.plane.levels
    slices = (
        f"Of goals at {levels} heights those at the one nearest to what the state has achieved are "
        "drawn; z, beside the state, is their height. "
        if levels > 1
        else ""
    )
    pushed = (
        "as a rule, but an object is pushed from behind"
        if any("object" in cell.places() for row in cells for cell in row)
        else "if the policy heads for its goals"
    )
    return (
        f"{ONE_SEED}{len(shown)} of {total} labelled states; of each, Q and the action with every "
        f"one of {goals} goals in place of its own, nothing else changed. {slices}A cell is a "
        "goal. "
        "Colour: Q minus its mean over the cells, so that the level of Q, which drifts with "
        "training, does not hide the response; one scale for a row. Arrow: the action's x and y "
        "were that cell the goal, a full action as long as a cell. A critic that knows its goal is "
        "warmest at the circle and cools with distance from it; arrows point from the circle to "
        f"their own cell {pushed}. One colour all over: Q does not hear the goal. Coordinates "
        f"are {'metres in the world' if probes.run.task.unit == 'm' else 'in goal units'}."
    )


def _rows_of(cell: _Cell) -> list[dict[str, Any]]:
    width = min(2, cell.actions.shape[2])
    return [
        {
            "step": cell.checkpoint.step,
            "update": cell.checkpoint.update,
            "state": cell.state,
            "goal_x": float(cell.plane.x[column]),
            "goal_y": float(cell.plane.y[row]),
            "goal_z": "" if cell.plane.height is None else cell.plane.height,
            "q": float(cell.q[row, column]),
            **{
                f"action_{name}": float(cell.actions[row, column, number])
                for number, name in enumerate("xy"[:width])
            },
        }
        for row, column in np.ndindex(cell.q.shape)
    ]


def _plot(cells: Sequence[Sequence[_Cell]], unit: str) -> Figure:
    columns = len(cells[0])
    box = _box([cell for row in cells for cell in row])
    ratio = (box[3] - box[2]) / (box[1] - box[0])
    panel = (figure_width() - 1.7) / columns  # inches; the rest is for labels and the colour bar
    height = len(cells) * (min(panel * ratio, 3.2) + 0.55) + (1.0 if len(cells) == 1 else 0.6)
    figure = new_figure(height)
    grid = figure.subplots(len(cells), columns, squeeze=False, sharex=True, sharey=True)
    for row, line in zip(grid, cells, strict=True):
        largest = max(np.abs(c.response[np.isfinite(c.response)]).max(initial=0) for c in line)
        for axes, cell in zip(row, line, strict=True):
            mesh = _plot_cell(axes, cell, largest or 1.0)
            axes.set_xlim(box[0], box[1])
            axes.set_ylim(box[2], box[3])
            if len(cells) == 1:
                axes.set_title(f"{_state(cell, unit)}\n{axes.get_title(loc='left')}")
        label = f"y ({unit})"
        row[0].set_ylabel(label if len(cells) == 1 else f"{_state(line[0], unit)}\n{label}")
        bar = figure.colorbar(mesh, ax=list(row), aspect=22, pad=0.015)
        bar.set_label("Q minus its mean (return)")
        bar.outline.set_visible(False)
    for axes in grid[-1]:
        axes.set_xlabel(f"x ({unit})")
    _legend(figure, [cell for row in cells for cell in row])
    return figure


def _state(cell: _Cell, unit: str) -> str:
    height = "" if cell.plane.levels == 1 else f", z = {cell.plane.height:.2f} {unit}"
    return f"State {cell.state + 1}{height}"


def _plot_cell(axes: Axes, cell: _Cell, largest: float) -> Any:
    plane = cell.plane
    mesh = axes.pcolormesh(
        plane.x,
        plane.y,
        np.ma.masked_invalid(cell.response),
        cmap="RdBu_r",
        vmin=-largest,
        vmax=largest,
        shading="nearest",
        edgecolors="white",
        linewidth=0.4,
    )
    if cell.actions.shape[2] >= 2:
        axes.quiver(
            plane.x,
            plane.y,
            cell.actions[..., 0],
            cell.actions[..., 1],
            angles="xy",
            scale_units="xy",
            scale=1 / (0.9 * min(np.diff(plane.x).min(), np.diff(plane.y).min())),
            pivot="mid",
            color=_INK,
            edgecolor="white",
            linewidth=0.5,
            width=0.014,
            headwidth=3.6,
            headlength=3.8,
            headaxislength=3.4,
            minlength=0.5,
        )
    for name, where in cell.places().items():
        axes.plot(where[0], where[1], **_mark(name))
    axes.set_aspect("equal", adjustable="box")
    axes.grid(visible=False)
    mean = plain(float(cell.q.mean()))
    axes.set_title(f"update {cell.checkpoint.update:,}\nmean Q {mean}", loc="left")
    return mesh


def _mark(name: str) -> dict[str, Any]:
    halo = [Stroke(linewidth=3.2, foreground="white"), Normal()]
    style = {"color": _INK, "markeredgewidth": 1.5, "ls": "", "path_effects": halo}
    return {**style, **_MARKS[name]}


def _legend(figure: Figure, cells: Sequence[_Cell]) -> None:
    named = [name for name in _MARKS if any(name in cell.places() for cell in cells)]
    handles = [Line2D([], [], label=name, **_mark(name)) for name in named]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=8
    )


def _box(cells: Sequence[_Cell]) -> tuple[float, float, float, float]:
    """Return limits of x and y that hold every cell and every mark."""
    ends = []
    for along in (0, 1):
        values: list[float] = []
        for cell in cells:
            centres = cell.plane.x if along == 0 else cell.plane.y
            half = float(np.diff(centres).min()) / 2
            values += [float(centres[0]) - half, float(centres[-1]) + half]
            margin = half / 2  # so that a mark outside the grid is not cut
            for where in cell.places().values():
                values += [float(where[along]) - margin, float(where[along]) + margin]
        ends += [min(values), max(values)]
    return ends[0], ends[1], ends[2], ends[3]
