"""The page of results: what was measured, with the command that measured it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from benchmarks.planted_faults.agent import BATCH, ENVIRONMENT, STARTS
from benchmarks.planted_faults.faults import FAULTS
from benchmarks.planted_faults.sets import SEEDS, UPDATES, SetName

COMMAND = "python -m benchmarks.planted_faults"
_SCORES = {
    "named_first": "a planted fault is named first",
    "named_among_two": "one is among the first two named",
    "false_alarms": "something is named in a healthy control",
    "both_before_all_else": "both are named before everything else",
    "both_named": "both are named",
}


def results_page(
    scored: Mapping[str, Any],
    combined: Mapping[str, Any] | None,
    learning: pd.DataFrame | None,
    missing: Mapping[str, int],
) -> str:
    """Return the page as Markdown.

    Args:
        scored: as `scoring.scores` returns them.
        combined: as `scoring.combination_scores` returns them; None where there were no such runs.
        learning: columns `control`, `seed`, `step`, `success_rate`; None where none was trained.
        missing: set -> runs that have not been made, which a reader must know of.
    """
    seconds = scored["seconds"]
    lines = [
        "# Planted faults: does the diagnosis diagnose?",
        "",
        f"Made by `{COMMAND}`. One known fault is planted in an agent that learns without it (SAC "
        f"and hindsight, {ENVIRONMENT.id} from {ENVIRONMENT.image_size}x{ENVIRONMENT.image_size} "
        f"images, batch {BATCH}, {STARTS} steps and then {UPDATES} updates), the run is watched "
        "as a user's would be, and the record alone is asked what is wrong. Thresholds were set on "
        f"seeds {_seeds('setting')} (`ranges.csv`) and are scored here on seeds "
        f"{_seeds('scoring')}.",
        *(
            f"\n**{number} runs of the {name} set are missing.**"
            for name, number in missing.items()
        ),
        "",
        *_score_table(scored, ("named_first", "named_among_two", "false_alarms")),
        "",
        f"A run takes {seconds['processor_median']:.0f} s of processor time (median; at most "
        f"{seconds['processor_most']:.0f} s).",
        "",
        "![What was planted against what was named first](confusion.png)",
        "",
        "## Fault by fault",
        "",
        "| fault | what is wrong | check that should name it | named first | among two |",
        "|---|---|---|---|---|",
        *_fault_rows(scored["per_fault"]),
    ]
    if combined is not None:
        names = ("named_first", "named_among_two", "both_before_all_else", "both_named")
        where = f"Seeds {_seeds('combinations')}; every run is in `combinations.csv`."
        lines += ["", "## Two faults at once", "", where, "", *_score_table(combined, names)]
    if learning is not None:
        lines += ["", "## Do the controls learn?", "", *_learning(learning)]
    return "\n".join([*lines, ""])


def learning_summary(learning: pd.DataFrame) -> pd.DataFrame:
    """Return control -> steps trained, and least and mean success at the last evaluation."""
    last = learning[learning["step"] == learning.groupby("control")["step"].transform("max")]
    return last.groupby("control", sort=False).agg(
        step=("step", "max"),
        seeds=("seed", "nunique"),
        least=("success_rate", "min"),
        mean=("success_rate", "mean"),
    )


def _score_table(found: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    rows = ["| score | runs | measured | 95 % interval | goal |", "|---|---|---|---|---|"]
    for name in names:
        score = found[name]
        if not score["runs"]:
            rows.append(f"| {_SCORES[name]} | 0 | not measured | | |")
            continue
        interval = f"{_percent(score['low'])} to {_percent(score['high'])}"
        goal = ""
        if "goal" in score:
            side = "at most" if name == "false_alarms" else "at least"
            met = "met" if score["met"] else "NOT met"
            goal = f"{side} {_percent(score['goal'])}: {met}"
        share = f"{_percent(score['share'])} ({score['count']} of {score['runs']})"
        rows.append(f"| {_SCORES[name]} | {score['runs']} | {share} | {interval} | {goal} |")
    return rows


def _fault_rows(per_fault: Mapping[str, Mapping[str, int]]) -> list[str]:
    rows = []
    for name, found in per_fault.items():
        fault = FAULTS[name]
        first, two = (f"{found[k]} of {found['runs']}" for k in ("named_first", "named_among_two"))
        check = "none" if fault.check is None else f"`{fault.check}`"
        rows.append(f"| `{name}` | {fault.summary} | {check} | {first} | {two} |")
    return rows


def _learning(learning: pd.DataFrame) -> list[str]:
    rows = [
        f"| `{control}` | {row['seeds']:.0f} | {row['step']:,.0f} | {_percent(row['mean'])} | "
        f"{_percent(row['least'])} |"
        for control, row in learning_summary(learning).iterrows()
    ]
    return [
        f"The same agents, trained longer (`{COMMAND} --learning`; every evaluation is in "
        "`learning.csv`).",
        "",
        "| control | seeds | steps | success, mean over seeds | least |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "![Success of the healthy controls](learning.png)",
    ]


def _seeds(name: SetName) -> str:
    seeds = SEEDS[name]
    return f"{seeds[0]} to {seeds[-1]}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
