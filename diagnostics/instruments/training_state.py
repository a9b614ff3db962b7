"""The state of training beside the balance: success, losses, entropy, updates per step."""

import math
from collections.abc import Mapping

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm

from goalscope.diagnostics.instruments.instrument import Context, Instrument, Moment
from goalscope.diagnostics.instruments.replay_state import (
    entropy_coefficient,
    is_paid_for_entropy,
)
from goalscope.diagnostics.material.witness import EnvironmentStep
from goalscope.diagnostics.record.metrics import (
    ENTROPY_COEFFICIENT,
    LOSS,
    ROLLOUT_EPISODES,
    ROLLOUT_RETURN,
    ROLLOUT_SUCCESS_RATE,
    UPDATES_PER_STEP,
)
from goalscope.diagnostics.updates.schedule import Schedule

# What SB3 logs a loss under: each algorithm one of these. Last for the critic a name that means all
# of the losses where there are several.
_LOSSES = {
    LOSS.key("critic"): ("train/critic_loss", "train/value_loss", "train/loss"),
    LOSS.key("actor"): ("train/actor_loss", "train/policy_gradient_loss", "train/policy_loss"),
    LOSS.key("entropy"): ("train/ent_coef_loss",),
}
_OTHERS = (
    ENTROPY_COEFFICIENT,
    UPDATES_PER_STEP,
    ROLLOUT_EPISODES,
    ROLLOUT_SUCCESS_RATE,
    ROLLOUT_RETURN,
)


class TrainingState(Instrument):
    """Counts the episodes of training and reads what SB3 logs of its updates."""

    name = "training_state"
    moment = Moment.BETWEEN

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(schedule)
        self._returns: list[float] = []
        self._successes: list[float] = []
        self._was_broken = False

    def watch_step(self, step: EnvironmentStep) -> None:
        """Count the episodes that ended in this step.

        SB3's monitor adds `episode` to their infos, goal tasks `is_success`.
        """
        for info, done in zip(step.infos, step.dones, strict=True):
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

    def is_urgent(self, model: BaseAlgorithm) -> bool:
        """Whether a loss that SB3 logged of its last call of `train()` broke: NaN or infinite.

        Worth a line at once: an agent with NaN in it seldom takes another step.
        """
        logged, before = model.logger.name_to_value, self._was_broken
        self._was_broken = not all(map(math.isfinite, _losses(logged).values()))
        return self._was_broken and not before

    def keys(self, context: Context) -> list[str]:
        """Return every record key it can write."""
        return [*_LOSSES, *(metric.key() for metric in _OTHERS)]

    def measure(self, context: Context) -> dict[str, float]:
        """Return the metrics; the episodes are those ended since the last call.

        Losses are the means SB3 logged for its last call of `train()`; absent before the first.
        """
        model = context.model
        logged = model.logger.name_to_value
        results = _losses(logged)
        if is_paid_for_entropy(model):
            results[ENTROPY_COEFFICIENT.key()] = float(entropy_coefficient(model))
        if context.pace is not None:
            results[UPDATES_PER_STEP.key()] = context.pace
        results[ROLLOUT_EPISODES.key()] = float(len(self._returns))
        if self._successes:
            results[ROLLOUT_SUCCESS_RATE.key()] = float(np.mean(self._successes))
        if self._returns:
            results[ROLLOUT_RETURN.key()] = float(np.mean(self._returns))
        self._returns, self._successes = [], []
        return results


def _losses(logged: Mapping[str, float]) -> dict[str, float]:
    """Return record key -> the loss that SB3 has logged last."""
    found = {}
    for key, names in _LOSSES.items():
        name = next((name for name in names if name in logged), None)
        if name is not None:
            found[key] = float(logged[name])
    return found
