"""The page of a run's probes: what was found of each checkpoint, in words, figures and numbers."""

import math
from pathlib import Path

from goalscope.diagnostics.record import read_arrays
from goalscope.reports.errors import ReportError
from goalscope.reports.figures.drawing import save
from goalscope.reports.figures.probe_figures import probe_drawings
from goalscope.reports.pages.rendering import make_folders, render, write_whole
from goalscope.reports.records.tables import Run, load_run, number, write_rows
from goalscope.reports.verdict.readings import position
from goalscope.reports.verdict.words import percent, plain

PAGE = "probes.html"
_COLUMNS = ("step", "update", "metric", "value")


def write_probe_page(run_folder: Path | str) -> Path:
    """Write `probes.html`, its figures and `tables/probes.csv` into a run folder; return the page.

    Args:
        run_folder: of a run whose checkpoints were probed.

    Raises:
        RecordError: the folder is not a readable run, or its arrays are damaged.
        ReportError: it was not probed, or nothing can be written there.
    """
    folder = Path(run_folder)
    run = load_run(folder)
    if not run.record.probes:
        raise ReportError(f"{folder} has not been probed; probe it first: goalscope probe {folder}")
    figures, tables = make_folders(folder)
    lines = run.record.probes
    rows = [
        {"step": line.step, "update": line.update, "metric": key, "value": number(value)}
        for line in lines
        for key, value in line.values.items()
    ]
    write_rows(tables / "probes.csv", rows, _COLUMNS)
    metrics = list(dict.fromkeys(key for line in lines for key in line.values))
    content = {
        "run": run,
        "lines": lines,
        "metrics": metrics,
        "sentences": probe_sentences(run),
        "figures": save(probe_drawings(run, read_arrays(folder)), figures),
        "tables": ["probes.csv"],
    }
    return write_whole(folder / PAGE, render("probes.html", content))


def probe_sentences(run: Run) -> list[str]:
    """Return what the probes found at the last checkpoint, a sentence each; one seed is no test."""
    last = run.record.probes[-1]
    values, image = last.values, run.image_block()

    def share(key: str) -> str:
        value = values.get(key, math.nan)
        return "an amount that could not be measured" if math.isnan(value) else percent(value)

    found = []
    for network, what in (("critic", "Q"), ("actor", "the action")):
        goal, seen = (f"attribution/{network}.{b}.shapley_share" for b in ("goal", image))
        if goal in values:
            pixels = f" and {share(seen)} to {image}" if seen in values else ""
            found.append(
                f"{what[:1].upper()}{what[1:]} owes {share(goal)} of what moves it to the goal"
                f"{pixels} (Shapley shares)."
            )
    alignment = values.get("goal_map/actor.goal.action_alignment", math.nan)
    if not math.isnan(alignment):
        found.append(
            f"Actions point from the achieved to the desired goal with a mean cosine of "
            f"{plain(alignment)} (1: straight at it; pushing an object needs none)."
        )
    what = position(run)
    errors = [
        values.get(f"content/critic.{image}.{p}{what}_cm", math.nan) for p in ("", "raw_", "fresh_")
    ]
    if not any(map(math.isnan, errors)):
        own, raw, fresh = map(plain, errors)
        found.append(
            f"The {what}'s position can be read from the critic's image features to {own} cm, from "
            f"raw pixels to {raw} cm, from a fresh encoder to {fresh} cm; the tolerance is 5 cm."
        )
    leak = values.get(f"content/critic.{image}.raw_desired_goal_r2", math.nan)
    if not math.isnan(leak):
        found.append(
            f"The desired goal can be read from the image with an R² of {plain(leak)}: above 0.5 "
            "the image shows a goal that relabelling does not move."
        )
    for name, words in (("", "is"), ("would_be_", "would be")):
        noise = values.get(f"augmentation/critic.{image}.{name}augmentation_over_signal", math.nan)
        if not math.isnan(noise):
            shift = values.get("augmentation/camera.shift_cm", math.nan)
            span = "" if math.isnan(shift) else f" (up to {plain(shift)} cm of the world)"
            found.append(
                f"DrQ's shift{span} {words} {plain(noise)} times as loud in the image features as "
                "the difference between two observations."
            )
    return found
