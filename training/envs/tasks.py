"""The tasks there are, as data: what each is about, without an environment."""

from collections.abc import Mapping

from goalscope.diagnostics.record import Task, fetch_task, named_task

FETCH_TASKS = tuple(f"Fetch{task}-v4" for task in ("Reach", "Push", "Slide", "PickAndPlace"))
PIXEL_POINT = Task(
    name="PixelPoint-v0",
    tolerance=0.5,
    goal_range=10.0,
    negligible=0.1,
    episode_steps=25,
    target="point",
    probe_targets={"point": "point_position"},
    proprioception=("point_position", "point_velocity"),
)
TASKS: Mapping[str, Task] = {
    **{name: fetch_task(name) for name in FETCH_TASKS},
    PIXEL_POINT.name: PIXEL_POINT,
}


def is_own(env: str) -> bool:
    """Whether `--env` names an environment of a user's own; variants of Fetch tasks are ours."""
    return ":" in env or not (env in TASKS or env.startswith("Fetch"))


def task_of(env: str) -> Task:
    """Return what an environment is about, by what `--env` names it.

    Raises:
        UnusableEnvironment, NotDict: it is a user's own, and cannot be used.
    """
    if is_own(env):
        from goalscope.training.envs.own import shown_by  # which makes it, to be told

        return shown_by(env).task
    return TASKS.get(env) or named_task(env)
