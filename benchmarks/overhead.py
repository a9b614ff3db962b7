"""What watching costs: wall time and peak memory over plain SB3, on FetchPush 84x84, batch 256.

Each variant trains in a process of its own, the variants take turns, and every round gives one
ratio per variant. Where the machine is shared, such ratios of whole runs scatter by 10 % and more;
so each watched run also accounts for the seconds spent inside goalscope, and the ratio of its wall
time to the rest of it is quoted beside. Run with `make bench`; writes docs/results/overhead.md and
its rows as CSV.
"""

import json
import multiprocessing
import os
import platform
import resource
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import tyro

from benchmarks.machine import gpu, peak_bytes

VARIANTS = {
    "plain SB3": None,
    "default cadence": {},
    "every update, no goal sensitivity": {
        "features_every": 1,
        "gradients_every": 1,
        "sensitivity_every": None,
    },
}
GOALS = {
    ("default cadence", "wall"): 1.02,
    ("every update, no goal sensitivity", "wall"): 1.15,
    ("default cadence", "memory"): 1.05,
    ("every update, no goal sensitivity", "memory"): 1.05,
}
STARTS = 100


@dataclass(frozen=True)
class Overhead:
    """Measure what watching costs, side by side with plain SB3."""

    updates: int = 500
    """Updates per training."""

    rounds: int = 3
    """Rounds; each trains every variant once."""

    out: Path = Path("docs/results")
    """Folder of the table."""


def train_once(variant: str, updates: int) -> dict[str, float]:
    """Train in this process and return seconds of `learn`, those of watching, and peak memory."""
    from stable_baselines3.common.callbacks import BaseCallback

    from goalscope.diagnostics import ModalityDiagnostics
    from goalscope.training.runs.agent import build_agent
    from goalscope.training.runs.settings import RunSettings

    model = build_agent(
        RunSettings("pixel-her", Path(), total_steps=STARTS + updates, learning_starts=STARTS)
    )
    settings = VARIANTS[variant]
    callback: BaseCallback | None = None
    with tempfile.TemporaryDirectory() as folder:
        if settings is not None:
            callback = ModalityDiagnostics(Path(folder) / "run", **settings)
        watching = account_for_watching()
        wall, processor = time.perf_counter(), time.process_time()
        model.learn(STARTS + updates, callback=callback)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    assert model._n_updates == updates
    peak = peak_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return {"wall": wall, "processor": processor, "watching": sum(watching), "memory": peak}


def account_for_watching() -> list[float]:
    """Have every entry into goalscope timed; return the list its seconds are appended to.

    Entries are SB3's callback events and the optimisers' step hooks. The forward hooks, which keep
    two references, are not among them.
    """
    from goalscope.diagnostics.updates.tap import Tap
    from goalscope.diagnostics.watch import Diagnostics

    spent: list[float] = []
    depth = [0]

    def timed(function):  # type: ignore[no-untyped-def]
        def entry(*args, **kwargs):  # type: ignore[no-untyped-def]
            depth[0] += 1
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                depth[0] -= 1
                if not depth[0]:
                    spent.append(time.perf_counter() - start)

        return entry

    Tap._guarded = timed(Tap._guarded)  # type: ignore[method-assign]
    for name in ("_on_training_start", "_on_step", "_on_rollout_start", "_on_training_end"):
        setattr(Diagnostics, name, timed(getattr(Diagnostics, name)))
    return spent


def measure_tiers(updates: int = 30) -> dict[str, float]:
    """Return instrument -> milliseconds per measurement, and "update" for one plain update."""
    from goalscope.diagnostics import ModalityDiagnostics
    from goalscope.diagnostics.instruments.feature_statistics import FeatureInstrument
    from goalscope.diagnostics.instruments.goal_sensitivity import GoalInstrument
    from goalscope.diagnostics.instruments.gradient_balance import GradientInstrument
    from goalscope.diagnostics.instruments.transitions import TransitionInstrument
    from goalscope.training.runs.agent import build_agent
    from goalscope.training.runs.settings import RunSettings

    spent: dict[str, list[float]] = {}
    for name, cls in (
        ("feature statistics", FeatureInstrument),
        ("gradient balance", GradientInstrument),
        ("goal sensitivity", GoalInstrument),
        ("transitions", TransitionInstrument),
    ):
        real = cls.measure

        def timed(self, *args, real=real, name=name):  # type: ignore[no-untyped-def]
            start = time.perf_counter()
            result = real(self, *args)
            spent.setdefault(name, []).append(time.perf_counter() - start)
            return result

        cls.measure = timed  # type: ignore[method-assign]
    model = build_agent(
        RunSettings("pixel-her", Path(), total_steps=STARTS + updates, learning_starts=STARTS)
    )
    train = model.train

    def timed_train(*args, **kwargs):  # type: ignore[no-untyped-def]
        start = time.perf_counter()
        train(*args, **kwargs)
        spent.setdefault("watched update", []).append(time.perf_counter() - start)

    model.train = timed_train  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        callback = ModalityDiagnostics(
            Path(folder) / "run", features_every=1, gradients_every=1, sensitivity_every=5
        )
        model.learn(STARTS + updates, callback=callback)
    tiers = {name: 1e3 * statistics.median(times[1:]) for name, times in spent.items()}
    return tiers


def main(options: Overhead) -> None:
    """Measure, print and write the table."""
    context = multiprocessing.get_context("spawn")
    rows = []
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
        tiers = pool.submit(measure_tiers).result()
        for number in range(options.rounds):
            for variant in VARIANTS:
                row = pool.submit(train_once, variant, options.updates).result()
                rows.append({"round": number, "variant": variant, **row})
                print(json.dumps(rows[-1]), flush=True)
    table = pd.DataFrame(rows)
    table["accounted"] = table.wall / (table.wall - table.watching)
    options.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out / "overhead.csv", index=False)
    text = _report(table, tiers, options)
    (options.out / "overhead.md").write_text(text)
    print(text)


def _report(table: pd.DataFrame, tiers: dict[str, float], options: Overhead) -> str:
    plain = table[table.variant == "plain SB3"].set_index("round")
    lines = [
        "# What watching costs",
        "",
        f"Made by `python -m benchmarks.overhead --updates {options.updates} --rounds "
        f"{options.rounds}`: FetchPush-v4, 84x84 pixels, batch 256, arm pixel-her, "
        f"{options.updates} updates a training; rounds: {options.rounds}, in which the variants "
        "take turns, each in a process of "
        f"its own; {os.cpu_count()} cores, {platform.machine()}, {gpu()}. A ratio is taken within "
        "a round; median (smallest to largest) over rounds. Rows: overhead.csv.",
        "",
        "| variant | wall time over plain | goal | wall time over the same run's rest, accounted | "
        "processor time over plain | peak memory over plain | goal |",
        "|---|---|---|---|---|---|---|",
    ]
    for variant in VARIANTS:
        if variant == "plain SB3":
            continue
        part = table[table.variant == variant].set_index("round")
        cells = [variant]
        for column in ("wall", "accounted", "processor", "memory"):
            ratio = part[column] if column == "accounted" else part[column] / plain[column]
            spread = f" ({ratio.min():.3f} to {ratio.max():.3f})" if len(ratio) > 1 else ""
            cells.append(f"{ratio.median():.3f}{spread}")
            if (variant, column) in GOALS:
                goal = GOALS[variant, column]
                met = "met" if ratio.median() <= goal else "NOT met"
                cells.append(f"{goal:.2f}, {met}")
        lines.append("| " + " | ".join(cells) + " |")
    seconds, memory = plain["wall"].median(), plain["memory"].median() / 2**20
    lines += [
        "",
        f"Plain SB3: {seconds:.0f} s and {memory:.0f} MiB at its peak (median).",
        "",
        "## Cost tiers",
        "",
        "Milliseconds per measurement, median, on the same agent measured at every update:",
        "",
        "| instrument | tier | ms per measurement | default cadence (updates) |",
        "|---|---|---|---|",
    ]
    for name, tier, cadence in (
        ("feature statistics", "cheap", 50),
        ("gradient balance", "cheap", 50),
        ("goal sensitivity", "dear", 250),
    ):
        lines.append(f"| {name} | {tier} | {tiers[name]:.0f} | {cadence} |")
    lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main(tyro.cli(Overhead))
