"""Run folders with made-up but realistic numbers, written through the record's own writer."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from goalscope.diagnostics.record import Line, RecordWriter, RunInfo, write_probes
from goalscope.diagnostics.record.keys import Family
from helpers.synthetic_info import ROUTING, run_info
from helpers.synthetic_values import evaluation_updates, evaluations, values_at


@dataclass(frozen=True)
class Synthetic:
    """What a made-up run shows.

    Attributes:
        goal_share: of signal and gradients at update 0.
        late_share: the same at the last update.
        q_goal_swap: at the last update.
        noise: standard deviation between seeds, on the logit scale.
        updates: of the run.
        start: steps before the first update.
        steps_per_update: environment transitions per update.
        ends: whether the run finishes; else it is cut off.
        sensitivity: families of goal sensitivity that are recorded.
        cnn_dim: image features.
        normalised: whether the image encoder ends in LayerNorm and Tanh.
        settings: beside the usual ones.
        overrides: (metric key, update) -> value.
        without: metric keys that are not recorded.
        success: success rates of evaluations, evenly spread from the first step to the last.
        episodes: of each evaluation.
        probes: what probes of the checkpoints found, metric key -> value: at update 0, halfway and
            at the end, alike but for 0.01 of noise.
        resumes: updates at which the run was resumed, and whether its buffer was lost.
    """

    goal_share: float = 0.35
    late_share: float = 0.2
    q_goal_swap: float = 0.4
    noise: float = 0.15
    updates: int = 600
    start: int = 100
    steps_per_update: float = 1.0
    ends: bool = True
    sensitivity: tuple[Family, ...] = (Family.SENSITIVITY, Family.SENSITIVITY_REPLAY)
    cnn_dim: int = 256
    normalised: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[tuple[str, int], float] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    success: tuple[float, ...] = ()
    episodes: int = 20
    probes: Mapping[str, float] = field(default_factory=dict)
    resumes: Mapping[int, bool] = field(default_factory=dict)


BASELINE = Synthetic()
FIX = Synthetic(
    goal_share=0.12,
    late_share=0.3,
    q_goal_swap=0.8,
    cnn_dim=50,
    normalised=True,
    settings={
        "agent.features_extractor": "NormalizedCombinedExtractor",
        "agent.features_extractor.cnn_output_dim": 50,
        "agent.learning_rate": 1e-4,
    },
)
_WRITTEN: dict[str, dict[str, bytes]] = {}  # what it is -> file -> its content
SHORT = {"pixel-her": replace(BASELINE, updates=60), "pixel-her-norm": replace(FIX, updates=60)}


def write_run(
    folder: Path, arm: str | None = "pixel-her", seed: int | None = 0, kind: Synthetic = BASELINE
) -> Path:
    """Write a run and return its folder; one that was written before is written again as it was."""
    same = repr((folder.name, arm, seed, kind))
    if same in _WRITTEN:
        for name, content in _WRITTEN[same].items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder
    before = set(folder.rglob("*"))
    _write_anew(folder, arm, seed, kind)
    written = [path for path in set(folder.rglob("*")) - before if path.is_file()]
    _WRITTEN[same] = {str(path.relative_to(folder)): path.read_bytes() for path in written}
    return folder


def _write_anew(folder: Path, arm: str | None, seed: int | None, kind: Synthetic) -> None:
    writer = RecordWriter(folder, RunInfo(**run_info(folder.name, arm, seed, kind)))
    generator = np.random.default_rng([hash_name(arm), seed or 0])
    offset = generator.normal(0, kind.noise)
    for update in due(kind.updates):
        step = round(kind.start + update * kind.steps_per_update)
        if update in kind.resumes:
            details = {"kept_lines": writer.lines, "lost_buffer": kind.resumes[update]}
            writer.write(Line(step, update, event="resumed", details=details))
        for values in values_at(kind, update, offset, generator):
            kept = {k: v for k, v in values.items() if k not in kind.without}
            kept |= {k: v for (k, u), v in kind.overrides.items() if u == update and k in kept}
            if kept:
                writer.write(Line(step, update, kept))
    for values, update in zip(evaluations(kind, generator), evaluation_updates(kind), strict=True):
        step = round(kind.start + update * kind.steps_per_update) if update else 0
        writer.write(Line(step, update, values))
    writer.write_routing(ROUTING)
    if kind.ends:
        last = round(kind.start + kind.updates * kind.steps_per_update)
        writer.write(Line(last, kind.updates, event="end", details={"reason": "finished"}))
    writer.close()
    if kind.probes:
        probed = [
            Line(
                round(kind.start + update * kind.steps_per_update) if update else 0,
                update,
                {key: value + generator.normal(0, 0.01) for key, value in kind.probes.items()},
            )
            for update in (0, kind.updates // 2, kind.updates)
        ]
        write_probes(folder, probed, {})


def write_arms(
    root: Path, seeds: int = 2, arms: Mapping[str, Synthetic] | None = None
) -> list[Path]:
    """Write seeds of each arm and return the folders."""
    arms = arms or {"pixel-her": BASELINE, "pixel-her-norm": FIX}
    return [
        write_run(root / f"{arm}-{seed}", arm, seed, kind)
        for arm, kind in arms.items()
        for seed in range(seeds)
    ]


def due(updates: int) -> list[int]:
    """Return the updates measured, as the callbacks' schedules have it."""
    grown = [round(10 * 1.5**power) for power in range(1, 6)]
    every = range(50, updates + 1, 50)
    return sorted(u for u in {*range(11), *grown, *every, updates} if u <= updates)


def hash_name(name: str | None) -> int:
    return sum(map(ord, name or ""))


# The actor's encoder is dead: all its features of pixels are zero at every measurement.
DEAD = replace(
    BASELINE,
    overrides={("features/actor.pixels.zero_fraction", update): 1.0 for update in range(1_000)},
)
