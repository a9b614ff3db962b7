"""The probe set of a run: one that it is given, or states of its own replay buffer."""

from pathlib import Path
from typing import Any

from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import DictReplayBufferSamples

from goalscope.diagnostics.material.probe_set import ProbeSet, goal_grid
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

    def of(self, model: OffPolicyAlgorithm) -> ProbeSet:
        """Return the states; taking them from replay draws from the shared generators.

        Raises:
            TypeError: replay holds no Dict observations.
        """
        if self._fixed is None:
            self._fixed = _from_replay(replay_batch(model, _ROWS))
        return self._fixed

    def describe(self) -> dict[str, Any]:
        """Return what run.json says of them."""
        if self._fixed is None:
            return {"source": "this run's own replay buffer before its first tracked update"}
        return self._fixed.describe()

    def save(self, path: Path) -> None:
        """Write them where a file of that name is not there yet, once they are known."""
        if self._fixed is not None and not path.exists():
            self._fixed.save(path)


def _from_replay(sample: DictReplayBufferSamples) -> ProbeSet:
    observations = {key: value.cpu().numpy() for key, value in sample.observations.items()}
    return ProbeSet(
        observations,
        sample.actions.cpu().numpy().astype("float32"),
        goal_grid(observations["desired_goal"]),
        "this run's own replay buffer before the first tracked update (other runs have another)",
    )
