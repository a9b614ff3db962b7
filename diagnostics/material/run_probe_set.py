"""The probe set of a run: one that it is given, or states of its own replay buffer."""

from pathlib import Path

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from goalscope.diagnostics.material.probe_set import ProbeSet, goal_grid
from goalscope.diagnostics.material.replay import replay_batch
from goalscope.diagnostics.material.wandering import ProbeSetError
from goalscope.diagnostics.record import ProbeSetInfo
from goalscope.probes import GoalBatch

_ROWS = 128  # as many states as a gathered probe set has


class RunProbeSet:
    """The fixed states that a run is asked about, as its environment returns them.

    Args:
        given: the same for every run of a study; None takes states of the run's own replay buffer
            when they are first asked for, so that runs cannot be compared on them.
    """

    def __init__(self, given: ProbeSet | None) -> None:
        self._fixed = given
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

    def batch(self, model: OffPolicyAlgorithm) -> GoalBatch:
        """Return the states as the networks see them; what a wrapper normalises, it normalises now.

        Taking them from replay draws from the shared generators.

        Raises:
            TypeError: replay holds no Dict observations.
        """
        if self._fixed is None:
            self._fixed = _from_replay(replay_batch(model, _ROWS, normalised=False))
        batch = self._fixed.batch(model.device)
        env = model.get_vec_normalize_env()
        if env is None:
            return batch
        seen = env.normalize_obs(dict(self._fixed.observations))
        assert isinstance(seen, dict)
        observations = {k: torch.as_tensor(v, device=model.device) for k, v in seen.items()}
        return goal_batch(model, observations, batch.actions, batch.goals)

    def describe(self) -> ProbeSetInfo:
        """Return what run.json says of them."""
        if self._fixed is None:
            return {"source": "this run's own replay buffer before its first tracked update"}
        return self._fixed.describe()

    def save(self, path: Path) -> None:
        """Write them where a file of that name is not there yet, once they are known."""
        if self._fixed is not None and not path.exists():
            self._fixed.save(path)


def goal_batch(
    model: OffPolicyAlgorithm, observations: dict[str, Tensor], actions: Tensor, goals: Tensor
) -> GoalBatch:
    """Return a batch whose goals and distances are in goal units, whatever a wrapper normalises.

    Args:
        model: the agent.
        observations: as its networks see them.
        actions: float (B, A), scaled to [-1, 1].
        goals: float (G, d), a grid, in goal units.
    """
    env = model.get_vec_normalize_env()
    if env is None:
        return GoalBatch(observations, actions, goals)
    seen = {key: value.cpu().numpy() for key, value in observations.items()}
    stored = env.unnormalize_obs(seen)
    assert isinstance(stored, dict)

    def as_observed(wanted: Tensor) -> Tensor:
        rest = {key: np.repeat(value[:1], len(wanted), axis=0) for key, value in stored.items()}
        normalised = env.normalize_obs({**rest, "desired_goal": wanted.cpu().numpy()})
        assert isinstance(normalised, dict)
        return torch.as_tensor(normalised["desired_goal"], device=wanted.device).float()

    reached = torch.as_tensor(stored["achieved_goal"], device=actions.device)
    return GoalBatch(observations, actions, goals, reached, as_observed)


def _from_replay(sample: DictReplayBufferSamples) -> ProbeSet:
    observations = {key: value.cpu().numpy() for key, value in sample.observations.items()}
    return ProbeSet(
        observations,
        sample.actions.cpu().numpy().astype("float32"),
        goal_grid(observations["desired_goal"]),
        "this run's own replay buffer before the first tracked update (other runs have another)",
    )
