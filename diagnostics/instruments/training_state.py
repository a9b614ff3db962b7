"""The state of training beside the balance: success, losses, entropy, updates per step."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from goalscope.diagnostics.instruments.replay_state import entropy_coefficient

_LOSSES = {
    "training/critic.loss": "train/critic_loss",
    "training/actor.loss": "train/actor_loss",
    "training/entropy.loss": "train/ent_coef_loss",
}
KEYS = (
    *_LOSSES,
    "training/entropy.coefficient",
    "training/updates_per_step",
    "training/rollout.episodes",
    "training/rollout.success_rate",
    "training/rollout.return",
)


class TrainingState:
    """Counts the episodes of training and reads what SB3 logs of its updates."""

    name = "training_state"

    def __init__(self) -> None:
        self._returns: list[float] = []
        self._successes: list[float] = []

    def watch_step(self, infos: Sequence[Mapping[str, Any]], dones: np.ndarray) -> None:
        """Count the episodes that ended in this step.

        Args:
            infos: one per environment; SB3's monitor adds `episode`, goal tasks `is_success`.
            dones: bool (n_envs,).
        """
        for info, done in zip(infos, dones, strict=True):
            if done and "episode" in info:
                self._returns.append(float(info["episode"]["r"]))
            if done and "is_success" in info:
                self._successes.append(float(info["is_success"]))

    def state_dict(self) -> dict[str, list[float]]:
        """Return the episodes ended since the last measurement, for a checkpoint."""
        return {"returns": self._returns, "successes": self._successes}

    def load_state_dict(self, state: Mapping[str, list[float]]) -> None:
        """Take over what `state_dict` returned."""
        self._returns, self._successes = list(state["returns"]), list(state["successes"])

    @staticmethod
    def broke(model: OffPolicyAlgorithm) -> bool:
        """Whether a loss that SB3 logged of its last call of `train()` is NaN or infinite.

        Worth a line at once, between measurements: an agent with NaN in it seldom takes another
        step.
        """
        logged = model.logger.name_to_value
        return not all(math.isfinite(logged.get(name, 0.0)) for name in _LOSSES.values())

    def measure(self, model: OffPolicyAlgorithm) -> dict[str, float]:
        """Return record key -> value; the episodes are those ended since the last call.

        Losses are the means SB3 logged for its last call of `train()`; absent before the first.
        """
        logged = model.logger.name_to_value
        results = {key: float(logged[name]) for key, name in _LOSSES.items() if name in logged}
        results["training/entropy.coefficient"] = float(entropy_coefficient(model))
        if model.num_timesteps:
            results["training/updates_per_step"] = model._n_updates / model.num_timesteps
        results["training/rollout.episodes"] = float(len(self._returns))
        if self._successes:
            results["training/rollout.success_rate"] = float(np.mean(self._successes))
        if self._returns:
            results["training/rollout.return"] = float(np.mean(self._returns))
        self._returns, self._successes = [], []
        return results
