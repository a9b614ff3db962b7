"""The probe set of a run: one that it is given, or states of its own replay buffer."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.preprocessing import is_image_space
from torch import Tensor

from goalscope.diagnostics.material.experience import experience, where_kept
from goalscope.diagnostics.material.probe_set import ProbeSet, goal_grid
from goalscope.diagnostics.material.wandering import ProbeSetError
from goalscope.diagnostics.record import ProbeSetInfo
from goalscope.probes import GoalBatch
from goalscope.probes.blocks import GOAL_KEYS, GoalKeys

_ROWS = 128  # as many states as a gathered probe set has


class RunProbeSet:
    """The fixed states that a run is asked about, as its environment returns them.

    Args:
        given: the same for every run of a study; None takes states of the run's own experience
            when they are first asked for, so that runs cannot be compared on them.
        goal_keys: what the achieved and the desired goal are called in the observation.
    """

    def __init__(self, given: ProbeSet | None, goal_keys: GoalKeys = GOAL_KEYS) -> None:
        self._fixed = given
        self._goal_keys = goal_keys
        self._is_given = given is not None

    def refuse_other_observations(self, space: spaces.Dict) -> None:
        """Raise where an agent cannot be asked about the states that were given.

        Args:
            space: what the agent observes.

        Raises:
            ProbeSetError: they hold something else.
        """
        if self._fixed is None or not self._is_given:
            return
        for key, part in space.spaces.items():
            held = self._fixed.observations.get(key)
            if held is None or held.shape[1:] != part.shape:
                there = "nothing" if held is None else f"{held.shape[1:]}"
                raise ProbeSetError(
                    f"the probe set holds {there} for {key}, and the agent observes {part.shape}; "
                    "gather one in its own environment: goalscope probe-set --help"
                )
            if is_image_space(part) and held.dtype != np.uint8:
                raise ProbeSetError(
                    f"{key} is {held.dtype} in the probe set, and SB3 would scale it once more; "
                    "give images as bytes, 0 to 255"
                )

    def batch(self, model: BaseAlgorithm) -> GoalBatch:
        """Return the states as the networks see them; what a wrapper normalises, it normalises now.

        Taking them from the run's experience draws from the shared generators.

        Raises:
            TypeError: it holds no Dict observations.
        """
        if self._fixed is None:
            self._fixed = self._from_experience(model)
        whole = replace(self._fixed.batch(model.device), goal_keys=self._goal_keys)
        space = model.observation_space
        assert isinstance(space, spaces.Dict)  # no other agent is watched
        observed = {key: whole.observations[key] for key in space.spaces}
        batch = replace(whole, observations=observed)
        env = model.get_vec_normalize_env()
        if env is None:
            return batch
        seen = env.normalize_obs({key: self._fixed.observations[key] for key in observed})
        assert isinstance(seen, dict)
        observations = {k: torch.as_tensor(v, device=model.device) for k, v in seen.items()}
        return goal_batch(model, observations, batch.actions, batch.goals, self._goal_keys)

    def describe(self) -> ProbeSetInfo:
        """Return what run.json says of them."""
        if self._fixed is None:
            return {"source": "this run's own experience before its first tracked update"}
        return self._fixed.describe()

    def save(self, path: Path) -> None:
        """Write them where a file of that name is not there yet, once they are known."""
        if self._fixed is not None and not path.exists():
            self._fixed.save(path)

    def _from_experience(self, model: BaseAlgorithm) -> ProbeSet:
        drawn = experience(model, _ROWS, normalised=False)
        observations = {key: value.cpu().numpy() for key, value in drawn.observations.items()}
        desired = observations.get(self._goal_keys[1] or "")
        return ProbeSet(
            observations,
            drawn.actions.cpu().numpy().astype("float32"),
            np.zeros((0, 0), np.float32) if desired is None else goal_grid(desired),
            f"this run's own {where_kept(model)} before the first tracked update (other runs have "
            "another)",
        )


def goal_batch(
    model: BaseAlgorithm,
    observations: Mapping[str, Tensor],
    actions: Tensor,
    goals: Tensor,
    goal_keys: GoalKeys = GOAL_KEYS,
) -> GoalBatch:
    """Return a batch whose goals and distances are in goal units, whatever a wrapper normalises.

    Args:
        model: the agent.
        observations: as its networks see them.
        actions: float (B, A), scaled to [-1, 1].
        goals: float (G, d), a grid, in goal units.
        goal_keys: what the achieved and the desired goal are called in the observation.
    """
    env = model.get_vec_normalize_env()
    batch = GoalBatch(observations, actions, goals, goal_keys=goal_keys)
    achieved, desired = goal_keys
    if env is None or batch.desired is None or desired is None:
        return batch
    seen = {key: value.cpu().numpy() for key, value in observations.items()}
    stored = env.unnormalize_obs(seen)
    assert isinstance(stored, dict)

    def as_observed(wanted: Tensor) -> Tensor:
        rest = {key: np.repeat(value[:1], len(wanted), axis=0) for key, value in stored.items()}
        normalised = env.normalize_obs({**rest, desired: wanted.cpu().numpy()})
        assert isinstance(normalised, dict)
        return torch.as_tensor(normalised[desired], device=wanted.device).float()

    reached = stored.get(achieved or "")
    if reached is not None:
        batch = replace(batch, reached=torch.as_tensor(reached, device=actions.device))
    return replace(batch, as_observed=as_observed)
