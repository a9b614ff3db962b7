"""The tasks there are, as data: what each is about, without an environment."""

from collections.abc import Mapping

from goalscope.diagnostics.record import Task, fetch_task, named_task

FETCH_TASKS = tuple(f"Fetch{task}-v4" for task in ("Reach", "Push", "Slide", "PickAndPlace"))
PIXEL_POINT = Task(
    name="PixelPoint-v0",
    tolerance=0.1,
    goal_range=2.0,
    negligible=0.02,
    episode_steps=25,
    target="point",
    probe_targets={"point": "point_position"},
    proprioception=("point_position", "point_velocity"),
)
TASKS: Mapping[str, Task] = {
    **{name: fetch_task(name) for name in FETCH_TASKS},
    PIXEL_POINT.name: PIXEL_POINT,
}


def task_of(env_id: str) -> Task:
    """Return what an environment is about, by its id; a variant of a Fetch task is one, too."""
    return TASKS.get(env_id) or named_task(env_id)
