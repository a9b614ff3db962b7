"""The page of one run: what is wrong with it first, then its numbers."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goalscope.reports.claims.assessment import assess
from goalscope.reports.claims.success import run_success_sentence
from goalscope.reports.figures.plot import FigureFile, draw
from goalscope.reports.figures.run.figures import run_plots
from goalscope.reports.files import folder_for
from goalscope.reports.findings.diagnosis import Diagnosis, diagnose
from goalscope.reports.findings.words import as_json
from goalscope.reports.numbers.runs import Run, load_run
from goalscope.reports.numbers.tables import write_family_tables, write_rows
from goalscope.reports.numbers.warnings import run_warnings, times_warnings
from goalscope.reports.numbers.windows import TIMES, four_times
from goalscope.reports.pages.claims_files import write_claims_table, write_windows_table
from goalscope.reports.pages.templating import render, write_whole
from goalscope.reports.statistics.formatting import percent
from goalscope.reports.statistics.thresholds import Thresholds
from goalscope.reports.text.ablation import ablation_sentences
from goalscope.reports.text.inputs import input_sentences
from goalscope.reports.text.rules import SHARE
from goalscope.reports.text.sentences import one_seed_sentence, single_run_sentences

PAGE = "report.html"
ONE_RUN = "One seed is no test: these are the numbers of one run alone."
FINDINGS = "findings.json"
ROUTING_COLUMNS = (
    "network",
    "group",
    "parameters",
    "optimizer",
    "losses",
    "shared_with",
    "target",
)


@dataclass(frozen=True)
class RunPage:
    """The page of a run.

    Attributes:
        page: its path.
        diagnosis: what is wrong with the run, the first cause first.
        sentences: at initialisation, early, in the middle, late, and what one seed is worth.
        success: what its last evaluation came to, beside the floor.
        warnings: what is wrong with the record, one line each.
        nonfinite: metric key -> first update at which it was NaN or infinite.
    """

    page: Path
    diagnosis: Diagnosis
    sentences: tuple[str, ...]
    success: str
    warnings: tuple[str, ...]
    nonfinite: dict[str, int]


def write_report(
    run_folder: Path | str,
    thresholds: Thresholds | None = None,
    *,
    figures: Collection[FigureFile] = (),
) -> RunPage:
    """Write `report.html`, `findings.json` and `tables/` into a run folder.

    Args:
        run_folder: of a run that has ended, was cut off, or is still going.
        thresholds: drawn and printed; None takes the fixed ones.
        figures: also write the figures as files into `figures/`: "png", "csv", "pdf".

    Raises:
        RecordError: the folder is not a readable run.
        ReportError: its run.json is damaged, or nothing can be written there.
    """
    return page_of(load_run(run_folder), thresholds, figures=figures)


def page_of(
    run: Run,
    thresholds: Thresholds | None = None,
    *,
    figures: Collection[FigureFile] = (),
    redrawn_every: int | None = None,
) -> RunPage:
    """Write the page of a run that was read (`write_report`).

    Args:
        run: its tables.
        thresholds: drawn and printed; None takes the fixed ones.
        figures: also write the figures as files.
        redrawn_every: seconds after which an open page loads itself again; None for never.

    Raises:
        ReportError: its run.json is damaged, or nothing can be written to its folder.
    """
    folder = run.record.folder
    thresholds = thresholds or Thresholds()
    diagnosis = diagnose(run)
    arms = {run.arm: [run]}
    times = four_times([run], thresholds.early_updates, thresholds.late_part)
    assessment = assess(arms, times, thresholds)
    goals = run.observes_goal() is not False
    sentences = single_run_sentences(assessment, run) if goals else input_sentences(run, times)
    caveat = one_seed_sentence(run, thresholds) if goals else ONE_RUN
    success = run_success_sentence(run)
    broken, limits = run_warnings(run), times_warnings(times, [run])
    nonfinite = run.record.nonfinite()
    plots = run_plots(run, times, thresholds, assessment.study.family)
    tables = folder_for(folder, "tables")
    written = [path.name for path in write_family_tables(run, tables)]
    write_windows_table(arms, times, tables / "windows.csv")
    write_claims_table(assessment, tables / "claims.csv")
    routing = _routing(run)
    write_rows(tables / "routing.csv", routing, ROUTING_COLUMNS)
    page = render(
        "report.html",
        {
            "run": run,
            "redrawn_every": redrawn_every,
            "diagnosis": diagnosis,
            "notes": run.record.notes,
            "created": run.record.info.created,
            "command": run.record.info.command,
            "blocks": _blocks(run),
            "sentences": dict(zip(TIMES, sentences, strict=True)),
            "goals": goals,
            "share_is": SHARE,
            "caveat": caveat,
            "success": success,
            "played": ablation_sentences(run),
            "broken": broken,
            "limits": limits,
            "assessment": assessment,
            "times": TIMES,
            "routing": routing,
            "nonfinite": nonfinite,
            "figures": draw(plots, folder / "figures", figures),
            "tables": [*written, "windows.csv", "claims.csv", "routing.csv"],
        },
    )
    content = json.dumps(as_json(diagnosis), indent=1, allow_nan=False)
    write_whole(folder / FINDINGS, content + "\n")
    path = write_whole(folder / PAGE, page)
    warnings = (*broken, *limits)
    return RunPage(path, diagnosis, (*sentences, caveat), success, warnings, nonfinite)


def _routing(run: Run) -> list[dict[str, Any]]:
    """Return the routing table, the losses in words."""
    return [{**row, "losses": ", ".join(row["losses"])} for row in run.record.routing]


def _blocks(run: Run) -> list[dict[str, Any]]:
    """Return the blocks of every network in words, with their share of its dimensions."""
    found = []
    for network in run.section("networks"):
        blocks = run.blocks(network)
        total = sum(block.get("width", 0) for block in blocks)
        for block in blocks:
            width = block.get("width", 0)
            found.append(
                {
                    "network": network,
                    "name": f"{block['name']}{' (mixed)' if block.get('mixed') else ''}",
                    "keys": ", ".join(block.get("keys", [])) or "none",
                    "width": width,
                    "share": percent(width / total) if total else "not known",
                    "ends_in": (block.get("ends_in") or "–")
                    + (" after a normalisation" if block.get("normalised") else ""),
                }
            )
    return found
