"""The labelled set: observations whose true state is known, for read-outs of what features know."""

from typing import Any

import gymnasium as gym
import numpy as np

from goalscope.diagnostics.material.probe_set import ProbeSetError
from goalscope.probes import LabelledSet

_EPISODES, _STEPS, _HOLD = 128, 10, 5
_TARGETS = {  # name -> what the environment calls it in its info
    "gripper": "gripper_position",
    "object": "object_position",
    "object_velocity": "object_velocity",
}
_PROPRIOCEPTION = ("gripper_position", "gripper_velocity")


def gather_labelled_set(
    env: gym.Env[dict[str, np.ndarray], np.ndarray], seed: int = 1
) -> tuple[LabelledSet, dict[str, np.ndarray]]:
    """Return what random actions meet in an environment of its own, and proprioception beside it.

    1,280 consecutive transitions of 128 episodes; each random action is held for five steps, so
    that the gripper travels. Targets are what the environment tells of the truth in its info (as
    `PixelGoalEnv` does: gripper, object, object_velocity) and desired_goal; one that tells nothing
    is asked for achieved_goal instead.

    Args:
        env: a goal environment with a Dict observation and a Box action, closed by the caller.
        seed: of the environment and of the actions.

    Returns:
        The set, and name -> float (N, ...) of what may be missing from the observation:
        "proprioception", the gripper's position and velocity; empty where the info has neither.

    Raises:
        ProbeSetError: the environment has no goals or no Box action.
    """
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
        targets=_targets(stacked, infos),
        next_achieved=np.stack(next_achieved),
        previous=np.where(rows % _STEPS == 0, rows, rows - 1),
    )
    return labelled, _extra(infos)


def _targets(
    observations: dict[str, np.ndarray], infos: list[dict[str, Any]]
) -> dict[str, np.ndarray]:
    found = {
        target: np.stack([info[name] for info in infos]).astype(np.float64)
        for target, name in _TARGETS.items()
        if all(name in info for info in infos)
    }
    if not found:
        found["achieved_goal"] = observations["achieved_goal"].astype(np.float64)
    if "desired_goal" in observations:
        found["desired_goal"] = observations["desired_goal"].astype(np.float64)
    return found


def _extra(infos: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    if not all(name in info for info in infos for name in _PROPRIOCEPTION):
        return {}
    parts = [np.stack([info[name] for info in infos]) for name in _PROPRIOCEPTION]
    return {"proprioception": np.concatenate(parts, axis=1)}
