"""What the runs' task is: whose position counts, in which unit, and how near is near enough."""

from collections.abc import Sequence

from goalscope.diagnostics.record.metrics import CONTENT_R2
from goalscope.reports.numbers.runs import Run

OBJECT, GRIPPER = "object", "gripper"
UNIT = "cm"
TOLERANCE = 5.0  # in that unit; of success, in every Fetch task


def target_of(runs: Sequence[Run]) -> str:
    """Return whose position the task is about: the object's where there is one, else the gripper's.

    As what probes read from image features tells.
    """
    targets = (CONTENT_R2.match(key) for run in runs for key in run.metrics)
    return OBJECT if any(found == {"target": OBJECT} for found in targets) else GRIPPER


def name_of(run: Run) -> str:
    """Return the task's name, as the environment's id."""
    return str(run.settings.get("env.id", "a task without a name"))


def in_metres(run: Run) -> bool:
    """Whether goals are positions in metres: those of the Fetch tasks are."""
    source = run.section("probe_set").get("source")
    return "Fetch" in f"{run.settings.get('env.id')} {source}"
