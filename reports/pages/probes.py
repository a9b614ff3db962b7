"""The page of a run's probes: what its agent owes to what, and what it knows."""

import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from goalscope.reports.figures.plot import FigureFile, Plot, draw
from goalscope.reports.figures.probes.figures import probe_sections
from goalscope.reports.files import folder_for
from goalscope.reports.numbers.probes import ProbedCheckpoint, Probes, load_probes
from goalscope.reports.numbers.tables import number, write_rows
from goalscope.reports.pages.run import PAGE as REPORT
from goalscope.reports.pages.templating import render, write_whole
from goalscope.reports.statistics.formatting import count
from goalscope.reports.text.probe_sentences import probe_sentences

PAGE = "probes.html"
TABLE = "probes.csv"
_COLUMNS = ("step", "update", "metric", "value")
_ABREAST = 7  # checkpoints in a table that a printed page holds
_NAMED = 5  # broken metrics that a warning lists


def write_probe_page(run_folder: Path | str, *, figures: Collection[FigureFile] = ()) -> Path:
    """Write `probes.html` and `tables/probes.csv` into a run folder.

    Args:
        run_folder: of a run whose checkpoints were probed.
        figures: also write the figures as files into `figures/`: "png", "csv", "pdf".

    Returns:
        The page.

    Raises:
        RecordError: the folder is not a readable run, or its arrays are damaged.
        ReportError: it was not probed, or nothing can be written there.
    """
    folder = Path(run_folder)
    probes = load_probes(folder)
    tables = folder_for(folder, "tables")
    write_rows(tables / TABLE, _rows(probes), _COLUMNS)
    sections = probe_sections(probes)
    plots = [section for section in sections if isinstance(section, Plot)]
    drawn = draw(plots, folder / "figures", figures)
    page = render(
        "probes.html",
        {
            "run": probes.run,
            "checkpoints": probes.checkpoints,
            "sentences": probe_sentences(probes),
            "warnings": _warnings(probes),
            "sections": sections,
            "saved": {figure.plot.name: figure for figure in drawn},
            "tables": [TABLE],
            "numbers": [(group, _families(group)) for group in _in_groups(probes.checkpoints)],
            "report": REPORT if (folder / REPORT).exists() else None,
        },
    )
    return write_whole(folder / PAGE, page)


def _rows(probes: Probes) -> list[dict[str, Any]]:
    return [
        {"step": c.step, "update": c.update, "metric": metric, "value": number(value)}
        for c in probes.checkpoints
        for metric, value in c.values.items()
    ]


def _warnings(probes: Probes) -> list[str]:
    """Return what the page cannot show, and which of its numbers are none."""
    found = []
    if len(probes.checkpoints) == 1:
        found.append("One checkpoint was probed: the page shows a state, not how it came about.")
    broken = list(
        dict.fromkeys(
            key for c in probes.checkpoints for key, v in c.values.items() if not math.isfinite(v)
        )
    )
    if broken:
        more = f" and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
        found.append(
            f"{count(len(broken), 'metric')} {'is' if len(broken) == 1 else 'are'} NaN or infinite "
            f"at some checkpoint: {', '.join(broken[:_NAMED])}{more}. Such values are "
            "marked by crosses at the foot of figures, and stand in the table below."
        )
    without = [c.update for c in probes.checkpoints if not c.arrays]
    if without and len(without) < len(probes.checkpoints):
        found.append(
            f"{count(len(without), 'checkpoint')} without arrays, left out of maps and saliency: "
            f"update {', '.join(f'{update:,}' for update in without)}."
        )
    return found


def _in_groups(checkpoints: Sequence[ProbedCheckpoint]) -> list[Sequence[ProbedCheckpoint]]:
    """Return the checkpoints in groups that fit side by side."""
    groups = math.ceil(len(checkpoints) / _ABREAST)
    size = math.ceil(len(checkpoints) / groups)
    return [checkpoints[i : i + size] for i in range(0, len(checkpoints), size)]


def _families(
    checkpoints: Sequence[ProbedCheckpoint],
) -> dict[str, list[tuple[str, list[float | None]]]]:
    """Return family -> (metric without its family, its value at each checkpoint or None)."""
    families: dict[str, list[tuple[str, list[float | None]]]] = {}
    for metric in dict.fromkeys(key for c in checkpoints for key in c.values):
        family, _, rest = metric.partition("/")
        values = [c.values.get(metric) for c in checkpoints]
        families.setdefault(family, []).append((rest, values))
    return families
