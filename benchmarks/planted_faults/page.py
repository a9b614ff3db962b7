"""The page of results: what was measured, with the command that measured it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.planted_faults.diagnosis import ASKED_EVERY
from benchmarks.planted_faults.fault import Fault
from benchmarks.planted_faults.faults import FAULTS
from benchmarks.planted_faults.grounds import BATCH, GROUNDS, STARTS
from benchmarks.planted_faults.ranges import CheckRange
from benchmarks.planted_faults.scoring import MOST_FALSE, SOON
from benchmarks.planted_faults.sets import SetName
from benchmarks.planted_faults.told import DEVELOPING, EARLIER

COMMAND = "python -m benchmarks.planted_faults"
Scores = Mapping[str, Any]


class Made(NamedTuple):
    """How many runs of a set there are.

    Attributes:
        there: runs made.
        planned: runs that the set has.
        older: of those made, records from before the numbers that the newest checks read.
    """

    there: int
    planned: int
    older: int = 0


def results_page(
    scores: Scores,
    learning: pd.DataFrame,
    ranges: Sequence[CheckRange],
    made: Mapping[SetName, Made],
) -> str:
    """Return the page as Markdown.

    Args:
        scores: "blind", "known", "developing", "controls" and "combinations", as `scoring`
            returns them, "rounds" of blind faults that are known since, and "seconds" of processor
            time of a run.
        learning: as `learning_table` returns it.
        ranges: of the checks, in controls and known faults.
        made: set -> how many runs of it there are.
    """
    lines = [
        "# Planted faults: does the diagnosis diagnose?",
        "",
        f"Made by `{COMMAND}`. A fault is planted in an agent that is otherwise healthy, the run "
        "is watched as a user's would be, and the record alone is asked what is wrong. Of the "
        "*known* faults there are runs that thresholds may be set on; no threshold was set on a "
        "run of a *blind* one. Blind ones were written by one who knew the names and one-line "
        "titles of the checks, and neither their thresholds nor what they say of these runs.",
        "",
        EARLIER,
        "",
        _made(made),
        "",
        *_missing(made),
        "| score | measured | 95 % interval | goal |",
        "|---|---|---|---|",
        *(
            row
            for name, one in scores["rounds"].items()
            for row in _fault_scores(f"blind faults of the {name} round, while blind,", one, None)
        ),
        *_fault_scores("blind faults", scores["blind"], made.get("blind")),
        *_fault_scores("known faults", scores["known"], made.get("known")),
        *_fault_scores("developing faults", scores["developing"], made.get("developing")),
        *_named_before(scores["developing"]),
        *_control_score(scores["controls"], made.get("controls")),
        "",
        "A check that reads the very number its fault planted is a tautology: it is marked, and "
        "left out of the score unless the row says otherwise. Runs of one fault are alike, so a "
        "kind counts once: as named where more than half of its runs are. Intervals are Wilson's, "
        "over kinds, and over runs for the controls.",
        "",
        f"The time to a finding is the first update at which the record so far names the check, "
        f"asked every {ASKED_EVERY} updates; where the fault begins in a run, counted from there. "
        "Most checks wait for 100 updates before they speak; what offline probes measure is known "
        "at the end of a run.",
        "",
        "![What was planted against what was named first](confusion.png)",
        *_faults("Blind faults", scores["blind"]),
        *_faults("Known faults", scores["known"]),
        *_faults("Faults that develop in the middle of training", scores["developing"], DEVELOPING),
        *_controls(scores["controls"]),
        *_learning(learning),
        *_combinations(scores["combinations"]),
        *_ranges(ranges),
        "",
        "## What they are planted in",
        "",
        "SAC or TD3 with hindsight, goal vectors standardised; from images of 36x36 pixels or from "
        f"the simulator's state. {STARTS} steps, and then an update for each step.",
        "",
        "| name | task | observed | algorithm | batch | updates |",
        "|---|---|---|---|---|---|",
        *(
            f"| `{name}` | {ground.environment.id} | "
            f"{'pixels' if ground.environment.pixels else 'state'} | {ground.algorithm.__name__} | "
            f"{ground.agent.get('batch_size', BATCH)} | {ground.updates:,} |"
            for name, ground in GROUNDS.items()
        ),
        "",
        f"A run takes {scores['seconds']['median']:.0f} s of processor time (median; at most "
        f"{scores['seconds']['most']:.0f} s). What every run was named is in `diagnoses.csv`.",
    ]
    return "\n".join([*lines, ""])


def _made(made: Mapping[SetName, Made]) -> str:
    """Return how many runs of each set are scored, in a sentence."""
    parts = [f"{one.there} of the set {name}" for name, one in made.items() if one.there]
    older = [f"{one.older} of the set {name}" for name, one in made.items() if one.older]
    told = (
        f" Of these, {', '.join(older)} were made before the newest checks' numbers were recorded, "
        "and of them those checks can say nothing, right or wrong."
    )
    return f"Runs that are scored here: {', '.join(parts) or 'none'}.{told if older else ''}"


def _missing(made: Mapping[SetName, Made]) -> list[str]:
    """Return what a reader must know of the runs that have not been made."""
    parts = [
        f"{one.planned - one.there} of {one.planned} of the set {name}"
        for name, one in made.items()
        if one.there < one.planned
    ]
    return [f"**Runs that are not made yet: {', '.join(parts)}.**", ""] if parts else []


def _judged(goal: str, met: bool, made: Made | None) -> str:
    """Return a goal and whether it is met; a set that is not whole meets none, and misses none."""
    if made and made.there < made.planned:
        return f"{goal}: not measured yet ({made.there} of {made.planned})"
    return f"{goal}: {'met' if met else 'NOT met'}"


def _fault_scores(faults: str, scores: Scores, made: Made | None) -> list[str]:
    words = {
        "named_first": "are named first",
        "named_at_all": "are named at all",
        "with_tautologies": "are named first, tautologies counted",
    }
    rows: list[str] = []
    if made and not made.planned:
        return rows  # none are blind any more
    for name, said in words.items():
        score = scores[name]
        if not score["kinds"]:
            rows.append(f"| {faults} that {said} | not measured | | |")
            continue
        goal = ""
        if "goal" in score:
            goal = _judged(f"at least {_percent(score['goal'])}", score["met"], made)
        rows.append(
            f"| {faults} that {said} | {_percent(score['share'])} "
            f"({score['count']} of {score['kinds']} kinds) | {_interval(score)} | {goal} |"
        )
    kinds = scores["named_first"]["kinds"]
    if kinds and "median_updates_to_finding" in scores:
        median = scores["median_updates_to_finding"]
        met = median is not None and median < SOON
        shown = "more than half were never named" if median is None else f"{median:,.0f}"
        rows.append(
            f"| {faults} updates until one is named, median of {kinds} kinds, the "
            f"{kinds - scores['kinds_found']} that never were last | {shown} | | "
            f"{_judged(f'below {SOON:,}', met, made)} |"
        )
    return rows


def _named_before(scores: Scores) -> list[str]:
    if not scores["runs"]:
        return []
    count = f"{scores['runs_named_before']} of {scores['runs']} runs"
    return [f"| developing faults with something named before they begin | {count} | | |"]


def _control_score(scores: Scores, made: Made | None) -> list[str]:
    said = "healthy controls in which something is named"
    if not scores["runs"]:
        return [f"| {said} | not measured | | |"]
    goal = _judged(f"at most {_percent(MOST_FALSE)}", scores["met"], made)
    return [
        f"| {said} | {_percent(scores['share'])} ({scores['count']} of {scores['runs']} runs) | "
        f"{_interval(scores)} | {goal} |"
    ]


def _faults(title: str, scores: Scores, told: str = "") -> list[str]:
    if not scores["per_fault"]:
        return []
    rows = [
        "",
        f"## {title}",
        "",
        *([told, ""] if told else []),
        "| fault | what is wrong | check that should name it | named first | at all | "
        "from update | else named first |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in scores["per_fault"].items():
        since = "" if row["since"] is None else f"{row['since']:,.0f}"
        instead = ", ".join(
            f"`{check}`" if check != "nothing" else check for check in row["instead"]
        )
        rows.append(
            f"| `{name}` | {FAULTS[name].summary} | {_check(FAULTS[name])} | "
            f"{row['named_first']} of {row['runs']} | {row['named_at_all']} of {row['runs']} | "
            f"{since} | {instead} |"
        )
    return rows


def _check(fault: Fault) -> str:
    checks = [f"`{fault.check}`" if fault.check else "none is made"]
    checks += [f"or `{check}`" for check in fault.also]
    return ", ".join(checks) + (" (tautology)" if fault.tautology else "")


def _controls(scores: Scores) -> list[str]:
    if not scores["runs"]:
        return []
    rows = [
        "",
        "## Healthy controls",
        "",
        "Runs as short as these are asked for faults alone: limits are told of long ones.",
        "",
        "| control | what it is | nothing named | else |",
        "|---|---|---|---|",
    ]
    for name, row in scores["per_control"].items():
        instead = ", ".join(f"`{check}`" for check in row["instead"])
        rows.append(
            f"| `{name}` | {FAULTS[name].summary} | {row['named_first']} of {row['runs']} | "
            f"{instead} |"
        )
    return rows


def _learning(learning: pd.DataFrame) -> list[str]:
    title = ["", "## Do the controls learn?", ""]
    if learning.empty:
        return [*title, "Not measured yet: the long runs of the set learning have not been made."]
    rows = [
        f"| `{row['control']}` | {row['seed']} | {row['updates']:,} | "
        f"{_percent(row['first_success'])} | {_percent(row['last_success'])} | {row['named']} |"
        for _, row in learning.iterrows()
    ]
    return [
        *title,
        "The same agents, trained longer: success of their own episodes of training, exploration "
        "included, in the first and in the last quarter of the updates, and what was named. To "
        "learn FetchPush from state takes a hundred times as long, and was not tried.",
        "",
        "| control | seed | updates | success at first | at last | named |",
        "|---|---|---|---|---|---|",
        *rows,
    ]


def _combinations(scores: Scores) -> list[str]:
    if not scores["runs"]:
        return []
    return [
        "",
        "## Two known faults at once",
        "",
        f"Of {scores['runs']} pairs, one run each, one of the two is named first in "
        f"{scores['named_first']}, and both are named in {scores['all_named']}.",
    ]


def _ranges(ranges: Sequence[CheckRange]) -> list[str]:
    """Return what each threshold stands between: healthy runs, and those with its fault."""
    rows = []
    for check in dict.fromkeys(one.check for one in ranges):
        own = [one for one in ranges if one.check == check]
        sides = [[o for o in own if o.healthy], [o for o in own if o.faulty]]
        label = own[0].label.format(network="network", block="image", target="target")
        rows.append(
            f"| `{check}` | {label} | {own[0].threshold} | {' | '.join(map(_spanned, sides))} |"
        )
    if not rows:
        return []
    return [
        "",
        "## What the thresholds stand between",
        "",
        "Of each run the number furthest to the speaking side that it kept up: for three "
        "measurements in a row, from update 100 on, or as it was where the check asks once. "
        "Healthy are the controls, faulty the known faults that the check should name; a "
        "threshold is honest about no more than these.",
        "",
        "| check | what it measures | speaks | healthy | faulty |",
        "|---|---|---|---|---|",
        *rows,
    ]


def _spanned(ranges: Sequence[CheckRange]) -> str:
    if not ranges:
        return "not measured"
    least, most = min(one.least for one in ranges), max(one.most for one in ranges)
    span = f"{least:.2g}" if least == most else f"{least:.2g} to {most:.2g}"
    return f"{span} ({sum(one.runs for one in ranges)})"


def _interval(score: Scores) -> str:
    return f"{_percent(score['low'])} to {_percent(score['high'])}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
