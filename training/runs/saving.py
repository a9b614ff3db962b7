"""When a run is saved: at a cadence, every ten minutes, at its end, and when asked to stop."""

import logging
import time
from collections.abc import Callable
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.errors import Interrupted
from goalscope.training.evaluation.episodes import EvaluationCallback
from goalscope.training.replay.buffer import SharedFrameHerReplayBuffer
from goalscope.training.runs.checkpoint.folder import save_checkpoint
from goalscope.training.runs.configuration import configuration_of
from goalscope.training.runs.settings import RunSettings

_SAVE_EVERY_SECONDS = 600.0
_log = logging.getLogger("goalscope")


class CheckpointCallback(BaseCallback):
    """Saves the run: at the cadence, every ten minutes, at its end, and when it is asked to stop.

    Put it behind the callbacks whose state it saves. A full disk costs the checkpoint, not the run.

    Args:
        settings: of the run.
        diagnostics: whose state goes with the agent's.
        evaluation: likewise; None where there is none.
        asked: returns the stop signal that came, or None.

    Raises:
        Interrupted: a stop signal came, and the run stands saved (as a rollout starts).
    """

    model: BaseAlgorithm

    def __init__(
        self,
        settings: RunSettings,
        diagnostics: ModalityDiagnostics,
        evaluation: EvaluationCallback | None,
        asked: Callable[[], int | None],
    ) -> None:
        super().__init__()
        self._settings = settings
        self._diagnostics = diagnostics
        self._evaluation = evaluation
        self._asked = asked
        self._saved_step = -1
        self._has_begun = False

    def _on_training_start(self) -> None:
        # A new run is saved before its first step: there is always something to go on from.
        self._last_step = self.model.num_timesteps or -1
        self._last_time = time.monotonic()
        self._saved_step = self._last_step  # a run that goes on was saved where it begins
        self._has_begun = True

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        # After an update and before the next step: the only point at which the agent is whole.
        every, step = self._settings.checkpoint_steps, self.model.num_timesteps
        crossed = step // every != self._last_step // every
        if crossed or time.monotonic() - self._last_time > _SAVE_EVERY_SECONDS:
            self._save(kept=crossed)
        asked = self._asked()
        if asked is not None:
            saved = step == self._saved_step or self._save(kept=False)
            raise Interrupted(asked, f"stopped at step {step:,}, {self._left(saved)}")

    def _on_training_end(self) -> None:
        self._save(kept=True)

    def save_what_is_left(self) -> str:
        """Save the agent, whose environments are lost, and return how the run was left, in words.

        Whoever goes on from there begins new episodes; a save made at this step, before they were
        lost, is better and stays.
        """
        if not self._has_begun:
            return "the run had not begun; the same command begins it"
        step = self.model.num_timesteps
        saved = step == self._saved_step or self._save(kept=False, with_environments=False)
        return f"at step {step:,} the run was {self._left(saved)}"

    def _left(self, saved: bool) -> str:
        where = self._settings.out
        if saved:
            return f"saved in {where}; the same command goes on"
        return f"not saved; the same command goes on from what was saved before in {where}"

    def _save(self, kept: bool, with_environments: bool = True) -> bool:
        """Save the run, and return whether that went well."""
        self._last_step, self._last_time = self.model.num_timesteps, time.monotonic()
        state: dict[str, Any] = {"diagnostics": self._diagnostics.state_dict()}
        if self._evaluation is not None:
            state["evaluation"] = self._evaluation.state_dict()
        try:
            save_checkpoint(
                self._settings.out,
                self.model,
                configuration_of(self._settings),
                state,
                self._diagnostics.update,
                kept=kept,
                with_replay=self._settings.save_buffer,
                with_environments=with_environments,
            )
            self._saved_step = self._last_step
            return True
        except OSError as error:
            reason = error.strerror or error
            _log.warning(
                "goalscope: no checkpoint at step %d (%s); training goes on, the one before "
                "stays%s",
                self._last_step,
                reason,
                _how_long(self.model),
            )
            self._diagnostics.fail("checkpoint", error)
            return False


def _how_long(model: BaseAlgorithm) -> str:
    """Return for how long the checkpoint before can be gone on with, in words."""
    buffer = getattr(model, "replay_buffer", None)
    if not isinstance(buffer, SharedFrameHerReplayBuffer) or buffer.frame_ring.claim is None:
        return ""
    steps = max(0, buffer.frame_ring.rows_left) * buffer.n_envs
    return f" for {steps:,} steps more: frames on disk are written over then"
