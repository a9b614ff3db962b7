"""Runs: the record of a folder, one tidy table per metric."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from goalscope.diagnostics.record import BlockInfo, Column, Lines, RunRecord, Task, read_run
from goalscope.diagnostics.record.keys import ACTION, ACTOR, CRITIC, GOAL, Family, parse
from goalscope.diagnostics.record.metrics import (
    EVALUATION_EPISODES,
    FINAL_DISTANCE,
    SUCCESS_HIGH,
    SUCCESS_LOW,
    SUCCESS_RATE,
)

Array: TypeAlias = NDArray[np.float64]
T = TypeVar("T")
SCHEDULED = (Family.FEATURES, Family.GRADIENT, Family.SENSITIVITY)  # every so many updates
ACHIEVED_GOAL, DESIRED_GOAL = GOAL_KEYS = ("achieved_goal", "desired_goal")
# The order in which blocks are shown; others come before the action.
BLOCK_ORDER = ("pixels", GOAL, DESIRED_GOAL, ACHIEVED_GOAL, "proprioception", ACTION)


def table_of(column: Column) -> pd.DataFrame:
    """Return a metric's table: columns `update`, `step` and `value`."""
    return pd.DataFrame({"update": column.updates, "step": column.steps, "value": column.values})


class Tables(Mapping[str, pd.DataFrame]):
    """Record key -> its table, which is made when it is first asked for.

    Args:
        columns: record key -> what was measured.
    """

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self.columns = columns
        self._made: dict[str, pd.DataFrame] = {}

    def __getitem__(self, key: str) -> pd.DataFrame:
        if key not in self._made:
            self._made[key] = table_of(self.columns[key])
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __contains__(self, key: object) -> bool:
        return key in self.columns


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
        image: the block to take for that of images; "" leaves it to `image_block`.
        called: what tells a run without a seed from others; "" where the folder's name does.
    """

    record: RunRecord
    arm: str
    seed: int | None
    metrics: Mapping[str, pd.DataFrame]
    image: str = ""
    called: str = ""

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.record.name

    @property
    def label(self) -> str:
        """What a reader knows the run by: its seed, or its folder where it has none."""
        return self.called or self.name if self.seed is None else f"seed {self.seed}"

    @property
    def title(self) -> str:
        """What a warning calls the run: arm and seed, or its folder where it lacks either."""
        named = self.arm != self.name and self.seed is not None
        return f"{self.arm} {self.label}" if named else self.called or self.name

    def column(self, key: str) -> Column | None:
        """Return what was measured of a metric as arrays; None where nothing was."""
        if isinstance(self.metrics, Tables):  # of which no table need be made
            return self.metrics.columns.get(key)
        table = self.metrics.get(key)
        if table is None:
            return None
        value = table["value"].to_numpy(dtype=float)
        return Column(table["update"].to_numpy(), table["step"].to_numpy(), value)

    def combined(
        self, key: str, other: str, combine: Callable[[Array, Array], Array]
    ) -> Column | None:
        """Return what two metrics make together, at the updates at which both were measured."""
        left, right = self.column(key), self.column(other)
        if left is None or right is None:
            return None
        _, own, others = np.intersect1d(left.updates, right.updates, return_indices=True)
        values = combine(left.values[own], right.values[others])
        return Column(left.updates[own], left.steps[own], values)

    @cached_property
    def numbers(self) -> dict[Any, dict[str, float | None]]:
        """Window -> record key -> the metric's number there, as far as it was asked for."""
        return {}

    @cached_property
    def updates(self) -> int:
        """The last update the record knows of."""
        return int(self.record.lines.updates.max())

    @cached_property
    def steps(self) -> int:
        """Environment transitions at the last line of the record."""
        return int(self.record.lines.steps.max())

    @cached_property
    def evaluations(self) -> pd.DataFrame:
        """The evaluations of the run, a row each, empty where there are none.

        Columns: integer `update` and `step`; float `value` (success rate, 0..1), `low` and `high`
        (its 95 % Wilson interval), `episodes`, `distance` (median final distance, as it is shown).
        NaN what was not recorded: distances where SB3 evaluated, and all but the rate where its
        episodes are not known.
        """
        columns = evaluation_keys(self.task)
        rows = [
            (line.update, line.step, *(line.values.get(key, math.nan) for key in columns.values()))
            for line in self.record.lines.with_metric(columns["value"])
        ]
        return pd.DataFrame(rows, columns=["update", "step", *columns])

    @property
    def settings(self) -> Mapping[str, Any]:
        """The flat settings of run.json, empty where it has none."""
        return self.record.info.settings

    @property
    def task(self) -> Task:
        """What the run is about."""
        return self.record.info.task

    @property
    def environment(self) -> str:
        """The environment's id, or its class where it has none; empty if unknown."""
        return str(self.section("environment").get("id") or self.settings.get("env.id") or "")

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a part of run.json, empty where it is absent or null."""
        return getattr(self.record.info, name) or {}

    def blocks(self, network: str) -> list[BlockInfo]:
        """Return what run.json says of a network's blocks, in their order; empty if unknown."""
        return self.record.info.networks.get(network, {}).get("blocks", [])

    def block(self, network: str, name: str) -> BlockInfo | None:
        """Return what run.json says of a network's block; None if unknown."""
        return next((block for block in self.blocks(network) if block["name"] == name), None)

    def observes_goal(self) -> bool | None:
        """Return whether the critic or the actor reads the desired goal; None if unknown."""
        answers = [self.reads_goal(network) for network in (CRITIC, ACTOR) if self.blocks(network)]
        return any(answers) if answers else None

    def reads_goal(self, network: str) -> bool:
        """Return whether any feature of a network is known to depend on the desired goal."""
        return any(DESIRED_GOAL in block["name"].split("+") for block in self.blocks(network))

    def shows_goal(self) -> bool:
        """Return whether the environment shows a desired goal, whether a network reads it or not.

        Known by that name alone.
        """
        return f"observation of {DESIRED_GOAL}" in self.record.info.environment

    def untold_position(self, network: str) -> str | None:
        """Return the position that images have to tell a network, as no vector does; None of none.

        The achieved goal is the position of the task's target, and a vector beside the goals may
        tell the others. The target's where what the network reads is not known.
        """
        read = {key for block in self.blocks(network) for key in block["name"].split("+")}
        own = self.task.target
        known = [n for n in self.task.probe_targets if n != own and not n.endswith("velocity")]
        positions = [] if ACHIEVED_GOAL in read else [own]
        if not read - {self.image_block(), *GOAL_KEYS, GOAL, ACTION}:
            positions += known
        return positions[0] if positions else None

    def image_block(self) -> str:
        """Return the block that the goal is weighed against: pixels, else an encoder's, the widest.

        Of either network: a critic may read the simulator's state where the actor sees. Without an
        encoder the widest block of vectors.
        """
        if self.image:
            return self.image
        blocks = [block for network in (CRITIC, ACTOR) for block in self.blocks(network)]
        others = [block for block in blocks if block["name"] not in GOAL_KEYS]
        if not others or any(block["name"] == "pixels" for block in others):
            return "pixels"

        def standing(block: BlockInfo) -> tuple[bool, int]:
            return bool(block.get("encoder_parameters")), block.get("width", 0)

        return max(others, key=standing)["name"]

    def by_image(self) -> list["Run"]:
        """Return the run as each of its cameras shows it, that of `image_block` first."""
        own, seen = self.image_block(), self.record.info.environment
        cameras = {
            block["name"]: None
            for network in (CRITIC, ACTOR)
            for block in self.blocks(network)
            if block.get("encoder_parameters")
            and seen.get(f"observation of {block['name']}", "").startswith("uint8")
        }
        return [self, *(replace(self, image=name) for name in cameras if name != own)]


def told_apart(by_block: Mapping[str, T]) -> dict[str, T]:
    """Return what belongs to each block; both goals together only where there are two of them."""
    alone = len([block for block in by_block if block in GOAL_KEYS]) == 1
    return {block: one for block, one in by_block.items() if not (alone and block == GOAL)}


Arms: TypeAlias = Mapping[str, Sequence[Run]]  # arm -> its runs, the baseline first


def observe_goals(arms: Arms) -> bool:
    """Return whether any run observes a goal, or may do so."""
    return any(run.observes_goal() is not False for runs in arms.values() for run in runs)


def evaluation_keys(task: Task) -> dict[str, str]:
    """Return what a number of an evaluation is called in `Run.evaluations` -> its record key."""
    return {
        "value": SUCCESS_RATE.key(),
        "low": SUCCESS_LOW.key(),
        "high": SUCCESS_HIGH.key(),
        "episodes": EVALUATION_EPISODES.key(),
        "distance": FINAL_DISTANCE.key(unit=task.key_unit),
    }


def load_run(folder: Path | str, arm: str | None = None, until_step: int | None = None) -> Run:
    """Return a run folder's tables.

    Args:
        folder: of the run.
        arm: what its configuration is called, whatever the record says; None leaves it the record.
        until_step: leave out what came after this environment step; None takes all.

    Raises:
        RecordError: not a run, empty, damaged, from another schema version, or its networks were
            first measured after that step.
    """
    record = read_run(folder)
    if until_step is None:
        return tables_of(record, arm)
    run = tables_of(record.until(until_step), arm)
    if not any(_scheduled(run)):  # what training says of itself tells nothing of the networks
        first = min((c.steps.min() for c in _scheduled(tables_of(record))), default=until_step)
        if first > until_step:
            raise record.before_first(until_step, int(first))
    return run


def _scheduled(run: Run) -> Iterator[Column]:
    """Return what was measured of a run's networks by schedule."""
    for key in run.metrics:
        column = run.column(key) if parse(key).family in SCHEDULED else None
        if column is not None:
            yield column


def tables_of(record: RunRecord, arm: str | None = None) -> Run:
    """Return the tables of a run that was read (`load_run`)."""
    return Run(
        record,
        arm or record.info.arm or record.name,
        record.info.seed,
        Tables(Lines.joined([record.lines, Lines.of(record.probes)]).by_metric()),
    )
