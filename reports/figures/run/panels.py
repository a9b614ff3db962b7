"""Panels of one run: a line for each block, or for each of some metrics."""

from collections.abc import Mapping, Sequence

from goalscope.diagnostics.record.keys import Metric
from goalscope.diagnostics.record.metrics import DIMENSION_SHARE
from goalscope.reports.figures.curves import Curve, Panel, Reference, curve_rows, curves_figure
from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.style import block_style
from goalscope.reports.numbers.runs import BLOCK_ORDER, Run, told_apart
from goalscope.reports.statistics.scales import Scale

ONE_SEED = "One run, so one seed. "
_UNKNOWN_PLACE = 4  # of a block that is not in the order


def panel_of(
    run: Run,
    metric: Metric,
    owner: str,
    title: str,
    unit: str,
    scale: Scale,
    references: Sequence[Reference] = (),
) -> Panel:
    """Return a panel with a line for each block of which the run has the metric."""
    keys = told_apart(metric.by_block(run.metrics, owner))
    blocks = sorted(
        keys, key=lambda b: (BLOCK_ORDER.index(b) if b in BLOCK_ORDER else _UNKNOWN_PLACE, b)
    )
    curves = []
    for block in blocks:
        colour, dash = block_style(block, blocks)
        curves.append(Curve(block, [run.metrics[keys[block]]], colour, dash))
    return Panel(title, unit, curves, scale, references)


def panel_of_keys(
    run: Run,
    keys: Mapping[str, str],
    title: str,
    unit: str,
    scale: Scale = Scale.PLAIN,
    references: Sequence[Reference] = (),
    *,
    rate: bool = False,
) -> Panel:
    """Return a panel with a line for each key that the run has.

    Args:
        run: whose.
        keys: label -> record key.
        title: what is shown.
        unit: of the y axis.
        scale: of the y axis.
        references: lines across it.
        rate: whether its values are rates in 0..1, drawn in percent.
    """
    curves = []
    for label, key in keys.items():
        if key in run.metrics:
            colour, dash = block_style(label, list(keys))
            curves.append(Curve(label, [run.metrics[key]], colour, dash))
    return Panel(title, unit, curves, scale, references, rate=rate)


def figure_of(name: str, title: str, caption: str, panels: Sequence[Panel]) -> Plot | None:
    """Return a figure of the panels that have a line, None if none has."""
    plotted = [panel for panel in panels if panel.curves]
    if not plotted:
        return None
    return Plot(name, title, caption, lambda: curves_figure(plotted), lambda: curve_rows(plotted))


def dimension_share(run: Run, network: str, block: str) -> float | None:
    """Return a block's share of the network's fused features, 0..1; None if it is unknown."""
    table = run.metrics.get(DIMENSION_SHARE.key(network, block))
    return None if table is None else float(table["value"].iloc[0])
