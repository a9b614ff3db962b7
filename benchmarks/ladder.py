"""A ladder climbed by the pages' own advice.

Rung 0 is the plan's baseline on FetchPush from pixels. Each next rung is the arm that the page of
the rung before advises first, until a page advises nothing more. A rung is too short to learn the
task: what is tried is whether the pages find what a recipe that learns it is made of. Run with
`python -m benchmarks.ladder`; a rung that is there is not made again. Writes docs/results/ladder.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from goalscope.diagnostics.record import is_run, read_run
from goalscope.reports.claims.success import SUCCESS
from goalscope.reports.findings.words import WHOLE_ARMS
from goalscope.reports.numbers.changes import changes_of
from goalscope.reports.numbers.runs import load_run
from goalscope.training.runs.arms import ARMS, RECIPE

FLAGS = (
    "--env FetchPush-v4 --image-size 48 --batch-size 128 --n-envs 4 --gradient-steps 3 "
    "--total-steps 7000 --learning-starts 3000 --fast --threads 1 --evaluation.every 3500 "
    "--evaluation.episodes 20 --checkpoint-every 7000 --every.features 100 --every.gradients 100 "
    "--every.sensitivity 250"
)


@dataclass(frozen=True)
class Ladder:
    """Climb a ladder by what the pages advise."""

    start: str = "pixel-her"
    """Arm of the first rung."""

    rungs: int = 10
    """At most so many."""

    folder: Path = Path("studies/ladder")
    """Folder of the runs."""

    out: Path = Path("docs/results/ladder")
    """Folder of the results."""


@dataclass(frozen=True)
class Rung:
    """A run, and what its page says.

    Attributes:
        arm: that was trained.
        folder: of the run.
        findings: as `goalscope report --json` gives them, the likeliest first cause first.
    """

    arm: str
    folder: Path
    findings: Sequence[dict[str, Any]]

    @property
    def next_arm(self) -> str | None:
        """The arm that is advised first; None where none is, or only what tells causes apart."""
        advised = (finding["arm"] for finding in self.findings)
        return next((arm for arm in advised if arm and arm not in WHOLE_ARMS), None)


def climb(options: Ladder) -> Iterator[Rung]:
    """Yield the rungs as they are made."""
    arm: str | None = options.start
    for number in range(options.rungs):
        if arm is None:
            return
        folder, page = options.folder / f"rung-{number}", options.out / f"rung-{number}.json"
        if page.exists():  # what it said before the next rung was trained, it has said
            _refuse_other(folder, arm, page)
        else:
            _goalscope("train", arm, *FLAGS.split(), "--out", str(folder))
            _goalscope("probe", str(folder))
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(_goalscope("report", str(folder), "--json"), encoding="utf-8")
        rung = Rung(arm, folder, json.loads(page.read_text(encoding="utf-8"))["findings"])
        yield rung
        arm = rung.next_arm


def _refuse_other(folder: Path, arm: str, page: Path) -> None:
    """End where what is kept of a rung was not said of this arm's run."""
    if not is_run(folder) or read_run(folder).info.arm != arm:
        sys.exit(
            f"{page} tells of another run than {folder} of {arm}; give the --folder that it was "
            "trained in, or an --out of this ladder's own"
        )


def ladder_page(rungs: Sequence[Rung]) -> str:
    """Return the page: what each rung was told, and what of the recipe was found by it."""
    rows = [
        f"| {number} | `{rung.arm}` | {_success(rung)} | {_told(rung)} | "
        f"{_listed([rung.next_arm] if rung.next_arm else [])} |"
        for number, rung in enumerate(rungs)
    ]
    made = changes_of([load_run(rungs[-1].folder)])[1:]
    advised = {arm for rung in rungs for finding in rung.findings if (arm := finding["arm"])}
    named = {arm.rpartition("+")[2].removeprefix("pixel-her-") for arm in advised} - {*ARMS}
    found = [change for change in RECIPE if change in named]
    missed = [change for change in RECIPE if change not in named]
    beside = sorted(named - {*RECIPE})
    lines = [
        "# A ladder climbed by the pages' own advice",
        "",
        "Made by `python -m benchmarks.ladder`. Rung 0 is the plan's baseline on FetchPush from "
        "pixels, and each next rung the arm that the page of the rung before advises first. A "
        "rung is 7,000 steps and 3,000 updates of one seed (`goalscope train ARM "
        f"{FLAGS}`), probed at its end: too short to learn the task, which the recipe took "
        "80,000 steps to begin with. Tried is whether pages find what the recipe is made of. "
        "What each page said, with its numbers: `rung-N.json`, written before the next rung was "
        "trained.",
        "",
        "| rung | arm | success at its end | told, the likeliest first cause first | next |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"Changes made on the way: {_listed(made)}. Of the {len(RECIPE)} of `pixel-her-recipe`, "
        f"{len(found)} were advised by some page: {_listed(found)}; not advised: "
        f"{_listed(missed)}. Advised, and not in the recipe: {_listed(beside)}.",
        "",
    ]
    return "\n".join(lines)


def _told(rung: Rung) -> str:
    told = []
    for finding in rung.findings:
        arm = f" (`{finding['arm']}`)" if finding["arm"] else ""
        told.append(finding["says"].rstrip(".") + arm)
    return "; ".join(told) or "nothing"


def _success(rung: Rung) -> str:
    rates = load_run(rung.folder).metrics[SUCCESS]["value"]
    return f"{100 * rates.iloc[-1]:.0f} %"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _goalscope(*words: str) -> str:
    """Run a command, its progress on this terminal's stderr, and return what it prints."""
    command = [sys.executable, "-m", "goalscope", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main(options: Ladder) -> None:
    """Climb, and write the page anew after every rung."""
    rungs = []
    for rung in climb(options):
        rungs.append(rung)
        (options.out / "README.md").write_text(ladder_page(rungs), encoding="utf-8")
        print(f"rung {len(rungs) - 1}, {rung.arm}: next {rung.next_arm}", flush=True)


if __name__ == "__main__":
    main(tyro.cli(Ladder))
