"""Floors: the success of an agent that does nothing, and of one that acts at random.

An agent is worth something where it lies above both. They were measured once for each task, without
a camera (`training.evaluation.floors`), and are shipped in `floors.json`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from goalscope.diagnostics.record.successes import Successes
from goalscope.diagnostics.record.writer import write_json_atomically

# Resolved: an editable install links to the code, and not to what lies beside it.
FLOORS_FILE = Path(__file__).resolve().with_name("floors.json")


@dataclass(frozen=True)
class Floor(Successes):
    """What a policy without any skill comes to.

    Attributes:
        successes: episodes that were successful at their last step.
        episodes: all of them.
        final_distance: of the achieved from the desired goal at the last step, the median, in the
            unit that the task is shown in.
        final_distance_mean: the mean.
        mean_return: undiscounted sum of rewards, the mean over episodes.
    """

    final_distance: float
    final_distance_mean: float
    mean_return: float


@dataclass(frozen=True)
class Floors:
    """The floors of a task.

    Attributes:
        env: its id.
        noop: of the policy that does nothing.
        random: of the policy that draws each action uniformly.
        seed: of the first episode and of the random actions.
        versions: package -> version they were measured with.
    """

    env: str
    noop: Floor
    random: Floor
    seed: int
    versions: Mapping[str, str]


def floors_of(env_id: str) -> Floors | None:
    """Return the shipped floors of a task; None where it has none."""
    return _shipped().get(env_id)


def write_floors(path: Path, floors: Sequence[Floors]) -> None:
    """Write floors as JSON, each with the call that measures it again."""
    content = {
        "floors": [
            {
                "command": f"goalscope.training.evaluation.floors.measure_floors({measured.env!r}, "
                f"episodes={measured.noop.episodes}, seed={measured.seed})",
                **asdict(measured),
            }
            for measured in floors
        ]
    }
    write_json_atomically(path, content)


def read_floors(path: Path) -> dict[str, Floors]:
    """Return task -> its floors, from a file that `write_floors` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return {
        entry["env"]: Floors(
            entry["env"],
            Floor(**entry["noop"]),
            Floor(**entry["random"]),
            entry["seed"],
            entry["versions"],
        )
        for entry in content["floors"]
    }


@cache
def _shipped() -> dict[str, Floors]:
    return read_floors(FLOORS_FILE)


def floor_settings(env_id: str) -> dict[str, Any]:
    """Return the floors of a task as run.json keeps them, flat; empty where it has none.

    Args:
        env_id: the environment as it is registered: a wrapper of one's own, or an argument of
            `gym.make`, that changes its episodes changes what an idle agent comes to, unseen.
    """
    floors = floors_of(env_id)
    if floors is None:
        return {}
    found: dict[str, Any] = {}
    for name, floor in (("noop", floors.noop), ("random", floors.random)):
        low, high = floor.interval
        found |= {
            f"floor.{name}.success_rate": floor.success_rate,
            f"floor.{name}.low": low,
            f"floor.{name}.high": high,
        }
    return {**found, "floor.episodes": floors.noop.episodes}
