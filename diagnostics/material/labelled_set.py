"""The labelled set: observations whose true state is known, for read-outs of what features know."""

from typing import Any

import gymnasium as gym
import numpy as np

from goalscope.diagnostics.material.declared_task import declared_task
from goalscope.diagnostics.material.probe_set import ProbeSetError
from goalscope.diagnostics.record import Task
from goalscope.probes import LabelledSet

_EPISODES, _STEPS, _HOLD = 128, 10, 5


def gather_labelled_set(
    env: gym.Env[dict[str, np.ndarray], np.ndarray], seed: int = 1
) -> tuple[LabelledSet, dict[str, np.ndarray]]:
    """Return what random actions meet in an environment of its own, and proprioception beside it.

    1,280 consecutive transitions of 128 episodes; each random action is held for five steps, so
    that what they move travels. Targets are the probe targets of the environment's task, read from
    its info, what achieved_goal is the position of, and desired_goal.

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
    generator = np.random.default_rng(seed)
    space = env.action_space
    if not isinstance(space, gym.spaces.Box):
        raise ProbeSetError(f"a labelled set needs a Box action space, not {type(space).__name__}")
    observations: list[dict[str, np.ndarray]] = []
    infos: list[dict[str, Any]] = []
    actions, next_achieved = [], []
    for episode in range(_EPISODES):
        observation, info = env.reset(seed=seed if episode == 0 else None)
        if "achieved_goal" not in observation:
            raise ProbeSetError("a labelled set needs an environment with achieved_goal")
        for step in range(_STEPS):
            if step % _HOLD == 0:
                action = generator.uniform(-1, 1, size=space.shape).astype(np.float32)
            observations.append(observation)
            infos.append(info)
            actions.append(action)
            scaled = space.low + (action + 1) / 2 * (space.high - space.low)
            observation, _, _, _, info = env.step(scaled.astype(space.dtype))
            next_achieved.append(observation["achieved_goal"])
    rows = np.arange(len(actions))
    stacked = {key: np.stack([o[key] for o in observations]) for key in observations[0]}
    labelled = LabelledSet(
        observations=stacked,
        actions=np.stack(actions),
        episodes=rows // _STEPS,
        targets=_targets(task, stacked, infos),
        next_achieved=np.stack(next_achieved),
        previous=np.where(rows % _STEPS == 0, rows, rows - 1),
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
