"""Is an input used? What episodes come to with it withheld, against the same ones untouched."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goalscope.reports.figures.axes import percent_ticks
from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.style import GREY, block_style, new_figure
from goalscope.reports.numbers.ablation import Ablation, Measured, Withheld, ablation_of
from goalscope.reports.numbers.runs import Run
from goalscope.reports.statistics.formatting import in_words

_ROW, _ROOM = 0.24, 1.1  # inches


def ablation_plot(run: Run) -> Plot | None:
    """Return success and loss of return with each input withheld; None where none was."""
    found = ablation_of(run)
    if found is None or not found.withheld:
        return None
    told = (
        "Loss of return"
        if found.success is None
        else "Left: success with its 95 % Wilson interval, the band that of the same starts "
        "untouched. Right: loss of return"
    )
    caption = (
        f"One run, so one seed: {found.episodes} episodes of its best actions at update "
        f"{found.update:,}. {told} against the same starts untouched, with the 95 % "
        "t interval of the mean. Shuffled: another moment's, anew at each step; blanked: the mean; "
        "delayed: of five steps before. That an input is used is shown where withholding it costs."
    )
    return Plot(
        "ablation",
        "Is it used? Episodes with an input withheld",
        caption,
        lambda: _plot(found),
        lambda: _rows(found),
    )


def _plot(found: Ablation) -> Figure:
    figure = new_figure(_ROOM + _ROW * len(found.withheld))
    inputs = list(dict.fromkeys(each.name for each in found.withheld))
    success = found.success
    panels = figure.subplots(1, 1 if success is None else 2, sharey=True, squeeze=False)[0]
    loss = panels[-1]
    for place, each in enumerate(found.withheld):
        colour, _ = block_style(each.name, inputs)
        _point(loss, place, each.loss, colour)
        if each.success is not None:
            _point(panels[0], place, each.success, colour)
    loss.axvline(0, color=GREY, lw=0.9)
    loss.set_title("loss of return")
    loss.set_xlabel("reward")
    if success is not None:
        panels[0].axvspan(success.low, success.high, color=GREY, alpha=0.15, lw=0)
        panels[0].axvline(success.value, color=GREY, lw=0.9)
        panels[0].set_title("success")
        panels[0].set_xlim(-0.02, 1.02)
        percent_ticks(panels[0].xaxis)
    labels = [f"{in_words(each.name)}, {each.way}" for each in found.withheld]
    panels[0].set_yticks(range(len(labels)), labels)
    panels[0].set_ylim(len(labels) - 0.5, -0.5)
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _point(axes: Axes, place: int, measured: Measured, colour: str) -> None:
    axes.plot([measured.low, measured.high], [place, place], color=colour, lw=1.6)
    axes.plot(measured.value, place, "o", color=colour, ms=4.5)


def _rows(found: Ablation) -> Sequence[dict[str, Any]]:
    return [_row(each) for each in found.withheld]


def _row(each: Withheld) -> dict[str, Any]:
    row: dict[str, Any] = {"input": each.name, "way": each.way}
    for name, measured in (("loss", each.loss), ("success", each.success)):
        if measured is not None:
            row |= {
                name: measured.value,
                f"{name}_low": measured.low,
                f"{name}_high": measured.high,
            }
    return row
