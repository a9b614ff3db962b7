"""Runs: the record of a folder, one tidy table per metric."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from goalscope.diagnostics.record import Line, RunRecord, Task, read_run
from goalscope.diagnostics.record.keys import ACTION, ACTOR, CRITIC, GOAL

ACHIEVED_GOAL, DESIRED_GOAL = GOAL_KEYS = ("achieved_goal", "desired_goal")
# The order in which blocks are shown; others come before the action.
BLOCK_ORDER = ("pixels", GOAL, DESIRED_GOAL, ACHIEVED_GOAL, "proprioception", ACTION)


@dataclass(frozen=True, eq=False)
class Run:
    """A run folder, its measurements sorted by metric.

    Attributes:
        record: as read.
        arm: name of its configuration, as its reader or else its record has it; the folder's own
            name where neither has one.
        seed: of the agent, or None.
        metrics: record key -> table with integer columns `update` and `step` and the float column
            `value` (NaN and infinities included), sorted by update.
    """

    record: RunRecord
    arm: str
    seed: int | None
    metrics: Mapping[str, pd.DataFrame]

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.record.name

    @property
    def label(self) -> str:
        """What a reader knows the run by: its seed, or its folder where it has none."""
        return self.name if self.seed is None else f"seed {self.seed}"

    @property
    def title(self) -> str:
        """What a warning calls the run: arm and seed, or its folder where it lacks either."""
        named = self.arm != self.name and self.seed is not None
        return f"{self.arm} {self.label}" if named else self.name

    @property
    def updates(self) -> int:
        """The last update the record knows of."""
        return max(line.update for line in self.record.lines)

    @property
    def steps(self) -> int:
        """Environment transitions at the last line of the record."""
        return max(line.step for line in self.record.lines)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The flat settings of run.json, empty where it has none."""
        return self.record.info.settings

    @property
    def task(self) -> Task:
        """What the run is about."""
        return self.record.info.task

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a part of run.json, empty where it is absent or null."""
        return getattr(self.record.info, name) or {}

    def blocks(self, network: str) -> list[Mapping[str, Any]]:
        """Return what run.json says of a network's blocks, in their order; empty if unknown."""
        description = self.section("networks").get(network)
        blocks = description.get("blocks", []) if isinstance(description, Mapping) else []
        return [block for block in blocks if isinstance(block, Mapping) and "name" in block]

    def block(self, network: str, name: str) -> Mapping[str, Any]:
        """Return what run.json says of a network's block; empty if unknown."""
        found = (block for block in self.blocks(network) if block["name"] == name)
        return next(found, {})

    def observes_goal(self) -> bool | None:
        """Return whether the critic or the actor reads the desired goal; None if unknown."""
        blocks = [block for network in (CRITIC, ACTOR) for block in self.blocks(network)]
        named = any(DESIRED_GOAL in str(block["name"]).split("+") for block in blocks)
        return named or (False if blocks else None)

    def image_block(self) -> str:
        """Return the block that the goal is weighed against: pixels, else the widest other one."""
        blocks = self.blocks("critic") or self.blocks("actor")
        others = [block for block in blocks if block["name"] not in GOAL_KEYS]
        if not others or any(block["name"] == "pixels" for block in others):
            return "pixels"
        return str(max(others, key=lambda block: block.get("width", 0))["name"])


Arms: TypeAlias = Mapping[str, Sequence[Run]]  # arm -> its runs, the baseline first


def observe_goals(arms: Arms) -> bool:
    """Return whether any run observes a goal, or may do so."""
    return any(run.observes_goal() is not False for runs in arms.values() for run in runs)


def load_run(folder: Path | str, arm: str | None = None) -> Run:
    """Return a run folder's tables.

    Args:
        folder: of the run.
        arm: what its configuration is called, whatever the record says; None leaves it the record.

    Raises:
        RecordError: not a run, empty, damaged, or from another schema version.
    """
    return tables_of(read_run(folder), arm)


def tables_of(record: RunRecord, arm: str | None = None) -> Run:
    """Return the tables of a run that was read (`load_run`)."""
    arm, seed = arm or record.info.arm, record.info.seed
    return Run(
        record,
        str(arm) if arm else record.name,
        seed if isinstance(seed, int) else None,
        _by_metric([*record.measurements, *record.probes]),
    )


def _by_metric(lines: Iterable[Line]) -> dict[str, pd.DataFrame]:
    columns: dict[str, tuple[list[int], list[int], list[float]]] = defaultdict(lambda: ([], [], []))
    for line in lines:
        for key, value in line.values.items():
            updates, steps, values = columns[key]
            updates.append(line.update)
            steps.append(line.step)
            values.append(value)
    return {
        key: pd.DataFrame({"update": updates, "step": steps, "value": values}).sort_values(
            "update", kind="stable", ignore_index=True
        )
        for key, (updates, steps, values) in columns.items()
    }
