"""The probe set of a run: one that it is given, or states of its own replay buffer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from gymnasium import spaces
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize

from goalscope.diagnostics.material.probe_set import ProbeSet, ProbeSetError, goal_grid
from goalscope.diagnostics.material.replay import replay_batch

_ROWS = 128  # as many states as a gathered probe set has


class RunProbeSet:
    """The fixed states that a run is asked about.

    Args:
        given: the same for every run of a study; None takes states of the run's own replay buffer
            when they are first asked for, so that runs cannot be compared on them.
    """

    def __init__(self, given: ProbeSet | None) -> None:
        self._fixed = given
        self._is_given = given is not None

    def of(self, model: OffPolicyAlgorithm) -> ProbeSet:
        """Return the states as the agent sees them; taking them from replay draws from generators.

        Those of replay are normalised as they are taken; those given as VecNormalize has it now.

        Raises:
            TypeError: replay holds no Dict observations.
        """
        if self._fixed is None:
            self._fixed = _from_replay(replay_batch(model, _ROWS))
        env = model.get_vec_normalize_env() if self._is_given else None
        return self._fixed if env is None else _normalised(self._fixed, env)

    def refuse_other_observations(self, space: spaces.Dict) -> None:
        """Raise where an agent cannot be asked about the states that were given.

        Args:
            space: what the agent observes.

        Raises:
            ProbeSetError: they hold something else.
        """
        if self._fixed is None:
            return
        for key, part in space.spaces.items():
            held = self._fixed.observations.get(key)
            if held is None or held.shape[1:] != part.shape:
                there = "nothing" if held is None else f"{held.shape[1:]}"
                raise ProbeSetError(
                    f"the probe set holds {there} for {key}, and the agent observes {part.shape}; "
                    "gather one in its own environment: goalscope probe-set --help"
                )

    def describe(self) -> dict[str, Any]:
        """Return what run.json says of them."""
        if self._fixed is None:
            return {"source": "this run's own replay buffer before its first tracked update"}
        return self._fixed.describe()

    def save(self, path: Path) -> None:
        """Write them where a file of that name is not there yet, once they are known."""
        if self._fixed is not None and not path.exists():
            self._fixed.save(path)


def _normalised(states: ProbeSet, env: VecNormalize) -> ProbeSet:
    observations = env.normalize_obs(dict(states.observations))
    # The grid of goals goes where a goal stands: each key is normalised by itself.
    grid = env.normalize_obs({**states.observations, "desired_goal": states.goals})
    assert isinstance(observations, dict)
    assert isinstance(grid, dict)
    return replace(states, observations=observations, goals=grid["desired_goal"])


def _from_replay(sample: DictReplayBufferSamples) -> ProbeSet:
    observations = {key: value.cpu().numpy() for key, value in sample.observations.items()}
    return ProbeSet(
        observations,
        sample.actions.cpu().numpy().astype("float32"),
        goal_grid(observations["desired_goal"]),
        "this run's own replay buffer before the first tracked update (other runs have another)",
    )
