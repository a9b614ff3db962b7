"""How long a page takes, and how much memory, for studies of many runs and for one long run.

The runs are simulated: a short real one gives the keys and the sizes of its lines, and each run
repeats them at the default cadence with numbers that drift and scatter. What is measured is the
command that a user gives, in a process of its own.

With `--only`, a size is measured alone and its row takes the place of what was measured before.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import tyro
from matplotlib.figure import Figure

from benchmarks.machine import peak_bytes
from goalscope.diagnostics.record import Line, RecordWriter, RunRecord, read_run
from goalscope.diagnostics.record.keys import Family, parse
from goalscope.diagnostics.record.metrics import SUCCESS_RATE
from goalscope.diagnostics.updates.schedule import FEATURES_EVERY, SENSITIVITY_EVERY, Schedule
from goalscope.training.runs.run import train
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings

ARMS = ("pixel-her", "pixel-her-norm", "pixel-her-lr1e4", "pixel-her-dim50", "pixel-her-layernorm")
STUDIES = (50, 200, 500, 1_000)  # runs
UPDATES = 3_000  # of each of their runs
LONG_UPDATES, STEPS_PER_UPDATE = 1_000_000, 8  # the plan's 8M steps in eight environments
EVALUATIONS = 20
GOALS: dict[str, dict[str, float]] = {
    "study of 200": {"seconds": 20, "GiB": 2, "page MB": 10},
    "study of 1000": {"seconds": 60, "GiB": 2, "page MB": 10},
    "run of 8M steps": {"seconds": 5, "GiB": 1},
}
OUT = Path("docs/results/scale")
# A small process in between: what a large one starts has the peak memory of the large one as its
# own, at least.
_LAUNCH = """
import resource, subprocess, sys, time
started = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(status, time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


@dataclass(frozen=True)
class Scale:
    """Measure pages of many runs, and of a long one."""

    only: tuple[Literal["studies", "long"], ...] = ("studies", "long")
    """What to measure."""

    studies: tuple[int, ...] = STUDIES
    """Runs of each study."""

    out: Path = OUT
    """Folder of the page."""


def template(folder: Path) -> RunRecord:
    """Return the record of a short real run."""
    train(
        RunSettings(
            arm="pixel-her",
            out=folder,
            total_steps=460,
            learning_starts=200,
            batch_size=16,
            env="PixelPoint-v0",
            image_size=36,
            threads=1,
            every=Cadence(sensitivity=50),
            evaluation=EvaluationSettings(every=0),
        )
    )
    return read_run(folder)


def simulate(like: RunRecord, folder: Path, arm: str, seed: int, updates: int) -> None:
    """Write a run with the lines of another, at the default cadence."""
    generator = np.random.default_rng([ARMS.index(arm), seed])
    writer = RecordWriter(folder, replace(like.info, name=folder.name, arm=arm, seed=seed))
    often, seldom = Schedule(FEATURES_EVERY), Schedule(SENSITIVITY_EVERY, growth=2.0)
    kinds: dict[frozenset[str], Line] = {}
    for line in like.measurements:  # the last of each kind
        kinds[frozenset(parse(key).family for key in line.values)] = line
    kinds.pop(frozenset({parse(SUCCESS_RATE.key()).family}), None)
    own = generator.normal(0, 0.1)
    evaluated = np.linspace(0, updates, EVALUATIONS).round().astype(int).tolist()
    due = {u for u in range(updates + 1) if u <= 10 or u % FEATURES_EVERY == 0 or often.due(u)}
    for update in sorted({*due, *evaluated}):
        step = STEPS_PER_UPDATE * update
        for families, line in kinds.items():
            rare = families & {Family.SENSITIVITY, Family.SENSITIVITY_REPLAY}
            gradients = Family.GRADIENT in families
            if not (seldom if rare else often).due(update) or (gradients and update == 0):
                continue
            drift = own + 0.1 * ARMS.index(arm) * update / updates
            factors = np.exp(drift + generator.normal(0, 0.05, len(line.values)))
            pairs = zip(line.values.items(), factors.tolist(), strict=True)
            values = {k: min(v * f, 1.0) if 0 <= v <= 1 else v * f for (k, v), f in pairs}
            writer.write(Line(step, update, values))
        if update in evaluated:
            rate = round(20 * min(1.0, 0.1 + 0.1 * ARMS.index(arm) * update / updates)) / 20
            writer.write(Line(step, update, {SUCCESS_RATE.key(): rate}))
    writer.write_routing(like.routing)
    end = {"reason": "finished"}
    writer.write(Line(STEPS_PER_UPDATE * updates, updates, event="end", details=end))
    writer.close()


def measure(*command: object) -> dict[str, float]:
    """Return the seconds and the memory that a command of goalscope takes.

    Raises:
        RuntimeError: it failed.
    """
    arguments = [sys.executable, "-m", "goalscope", *map(str, command)]
    launched = subprocess.run(
        [sys.executable, "-c", _LAUNCH, *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    status, seconds, processor, peak = map(float, launched.stdout.split())
    if status:
        raise RuntimeError(f"{' '.join(arguments)} ended with status {status:g}")
    return {
        "seconds": seconds,
        "processor seconds": processor,
        "GiB": peak_bytes(int(peak)) / 2**30,
    }


def measure_study(like: RunRecord, folder: Path, runs: int) -> list[dict[str, Any]]:
    """Return the rows of a study."""
    seeds = runs // len(ARMS)
    for seed in range(seeds):
        for arm in ARMS:
            simulate(like, folder / f"{arm}-seed{seed}", arm, seed, UPDATES)
    page = folder / "comparison" / "comparison.html"
    return twice(f"study of {runs}", runs, folder, page, "compare", folder)


def measure_long(like: RunRecord, folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a long run."""
    simulate(like, folder, ARMS[0], 0, LONG_UPDATES)
    return twice("run of 8M steps", 1, folder, folder / "report.html", "report", folder)


def twice(what: str, runs: int, folder: Path, page: Path, *command: object) -> list[dict[str, Any]]:
    """Return the rows of a page: its records parsed, and read once more as they were kept."""
    rows = []
    for read in ("first", "again"):
        found = measure(*command)
        sizes = _sizes(folder, page)
        rows.append({"what": what, "read": read, "runs": runs, **sizes, **found})
    return rows


def _sizes(folder: Path, page: Path) -> dict[str, float]:
    record = sum(path.stat().st_size for path in folder.rglob("measurements.jsonl"))
    return {"record MB": record / 1e6, "page MB": page.stat().st_size / 1e6}


def missed(row: Mapping[str, Any]) -> list[str]:
    """Return the goals that a row misses, in words; seconds are the processor's."""
    taken = {**row, "seconds": row["processor seconds"]}
    goals = GOALS.get(str(row["what"]), {})
    return [f"{taken[n]:.3g} {n} of {most:g}" for n, most in goals.items() if taken[n] > most]


def report(table: pd.DataFrame) -> str:
    """Return the page."""
    lines = [
        "# Many runs, and a long one",
        "",
        f"Made by `python -m benchmarks.scale` on {os.cpu_count()} cores: "
        "seconds on the clock say how busy the machine was, processor seconds what the page takes. "
        f"Simulated runs of {UPDATES:,} updates at the default cadence, {len(ARMS)} arms; the long "
        f"one makes {LONG_UPDATES:,} updates in {STEPS_PER_UPDATE * LONG_UPDATES:,} steps. Rows: "
        "scale.csv.",
        "",
        "Read for the first time, records are parsed; then they are read as they were kept beside "
        "each (`diagnostics/record/cache.py`).",
        "",
        "| what | read | record, MB | processor seconds | seconds | GiB | page, MB | goal |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in table.to_dict("records"):
        goals = GOALS.get(str(row["what"]), {})
        met = "**NOT met**" if missed(row) else "met"
        wanted = ", ".join(f"{most:g} {name}" for name, most in goals.items())
        cells = (
            row["what"],
            row["read"],
            f"{row['record MB']:,.0f}",
            f"{row['processor seconds']:.1f}",
            f"{row['seconds']:.1f}",
            f"{row['GiB']:.2f}",
            f"{row['page MB']:.1f}",
            f"{wanted}: {met}" if goals else "",
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([*lines, "", "![Processor seconds over runs](scale.png)", ""])


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw what studies take over their runs."""
    studies = table[table["runs"] > 1].sort_values("runs")
    colours = {"first": "#de8f05", "again": "#0173b2"}
    figure = Figure(figsize=(6.4, 2.8), layout="constrained")
    for axes, column in zip(
        figure.subplots(1, 3), ("processor seconds", "GiB", "page MB"), strict=True
    ):
        for read, colour in colours.items():
            own = studies[studies["read"] == read]
            axes.plot(own["runs"], own[column], marker="o", ms=4, color=colour, label=read)
        axes.set(xlabel="runs", title=column, xlim=(0, None), ylim=(0, None))
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(title="read", frameon=False)
    figure.savefig(path, dpi=150)


def main(options: Scale) -> None:
    """Measure, and write the page."""
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "scale.csv"
    rows: dict[tuple[str, str], dict[str, Any]] = {}

    def note(made: list[dict[str, Any]]) -> None:
        rows.update({(str(row["what"]), str(row["read"])): row for row in made})

    if file.exists():
        note(pd.read_csv(file).to_dict("records"))
    with tempfile.TemporaryDirectory() as scratch:
        like = template(Path(scratch) / "template")
        for runs in options.studies if "studies" in options.only else ():
            note(measure_study(like, Path(scratch) / f"study{runs}", runs))
            shutil.rmtree(Path(scratch) / f"study{runs}")
        if "long" in options.only:
            note(measure_long(like, Path(scratch) / "long"))
    table = pd.DataFrame(list(rows.values())).sort_values(["runs", "read"], ascending=[True, False])
    table.round(3).to_csv(file, index=False)
    draw(table, options.out / "scale.png")
    text = report(table)
    (options.out / "README.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(tyro.cli(Scale))
