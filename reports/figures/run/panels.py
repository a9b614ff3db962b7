"""Panels of one run: a line for each block, or for each of some metrics."""

from collections.abc import Mapping, Sequence

from goalscope.reports.figures.drawing import (
    Curve,
    Drawing,
    Panel,
    Reference,
    curve_rows,
    curves_figure,
)
from goalscope.reports.figures.style import block_style
from goalscope.reports.numbers.tables import Run, parse_key
from goalscope.reports.statistics.intervals import Scale

ONE_SEED = "One run, so one seed. "
BLOCK_ORDER = ("pixels", "goal", "desired_goal", "achieved_goal", "proprioception", "action")


def panel_of(
    run: Run,
    prefix: str,
    name: str,
    title: str,
    unit: str,
    scale: Scale,
    references: Sequence[Reference] = (),
) -> Panel:
    """Return a panel with a line for each block that has the metric `<prefix>.<block>.<name>`."""
    family, _, network = prefix.partition("/")
    keys = {
        part.block: key
        for key, part in ((key, parse_key(key)) for key in run.metrics)
        if (part.family, part.network, part.name) == (family, network, name)
    }
    blocks = sorted(
        (block for block in keys if block),
        key=lambda b: (BLOCK_ORDER.index(b) if b in BLOCK_ORDER else 4, b),
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
    include: Sequence[float] = (),
) -> Panel:
    """Return a panel with a line for each key that the run has; keys: label -> record key."""
    curves = []
    for label, key in keys.items():
        if key in run.metrics:
            colour, dash = block_style(label, list(keys))
            curves.append(Curve(label, [run.metrics[key]], colour, dash))
    return Panel(title, unit, curves, scale, references, include)


def figure_of(name: str, title: str, caption: str, panels: Sequence[Panel]) -> Drawing | None:
    """Return a figure of the panels that have a line, None if none has."""
    drawn = [panel for panel in panels if panel.curves]
    if not drawn:
        return None
    return Drawing(name, title, caption, lambda: curves_figure(drawn), lambda: curve_rows(drawn))


def dimension_share(run: Run, network: str, block: str) -> float | None:
    """Return a block's share of the network's fused features, 0..1; None if it is unknown."""
    table = run.metrics.get(f"features/{network}.{block}.dimension_share")
    return None if table is None else float(table["value"].iloc[0])
