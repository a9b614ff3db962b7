"""The labelled set: observations whose true state is known, for read-outs of what features know."""

from typing import Any

import gymnasium as gym
import numpy as np

from goalscope.diagnostics.material.declared_task import declared_task
from goalscope.diagnostics.material.wandering import ProbeSetError, wander
from goalscope.diagnostics.record import Task
from goalscope.probes import LabelledSet

_WALKS, _STEPS, _HOLD = 128, 10, 5


def gather_labelled_set(
    env: gym.Env[dict[str, np.ndarray], np.ndarray], seed: int = 1
) -> tuple[LabelledSet, dict[str, np.ndarray]]:
    """Return what random actions meet in an environment of its own, and proprioception beside it.

    1,280 transitions of 128 walks (`wander`), consecutive in each; each random action is held for
    five steps, so that what they move travels. Targets are the probe targets of the environment's
    task, read from its info, what achieved_goal is the position of, and desired_goal.

    Args:
        env: a goal environment with a Dict observation and a Box action, closed by the caller.
        seed: of the environment and of the actions.

    Returns:
        The set, and name -> float (N, ...) of what may be missing from the observation:
        "proprioception", what an agent may sense of itself; empty where the task names nothing.

    Raises:
        ProbeSetError: the environment has no goals, no Box action, or not the info of its task.
    """
    task = declared_task(env)
    steps = list(wander(env, seed, _WALKS, _STEPS, _HOLD))
    if "achieved_goal" not in steps[0].observation:
        raise ProbeSetError("a labelled set needs an environment with achieved_goal")
    stacked = {key: np.stack([s.observation[key] for s in steps]) for key in steps[0].observation}
    infos = [step.info for step in steps]
    episodes = np.array([step.episode for step in steps])
    rows = np.arange(len(steps))
    begins = np.diff(episodes, prepend=-1) > 0
    labelled = LabelledSet(
        observations=stacked,
        actions=np.stack([step.action for step in steps]),
        episodes=episodes,
        targets=_targets(task, stacked, infos),
        next_achieved=np.stack([step.following["achieved_goal"] for step in steps]),
        previous=np.where(begins, rows, rows - 1),
    )
    return labelled, _extra(task, infos)


def _targets(
    task: Task, observations: dict[str, np.ndarray], infos: list[dict[str, Any]]
) -> dict[str, np.ndarray]:
    found = {
        target: _told(infos, key).astype(np.float64) for target, key in task.probe_targets.items()
    }
    if task.target not in found:
        found[task.target] = observations["achieved_goal"].astype(np.float64)
    if "desired_goal" in observations:
        found["desired_goal"] = observations["desired_goal"].astype(np.float64)
    return found


def _extra(task: Task, infos: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    parts = [_told(infos, key) for key in task.proprioception]
    return {"proprioception": np.concatenate(parts, axis=1)} if parts else {}


def _told(infos: list[dict[str, Any]], key: str) -> np.ndarray:
    if not all(key in info for info in infos):
        raise ProbeSetError(
            f"the environment's task counts on info[{key!r}], and its info has none; mend its "
            "goal_task, or a wrapper that drops it"
        )
    return np.stack([info[key] for info in infos])
