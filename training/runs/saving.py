"""When a run is saved: at a cadence, every ten minutes, at its end, and when asked to stop."""

import logging
import signal
import threading
import time
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.training.evaluation.episodes import EvaluationCallback
from goalscope.training.runs.checkpoint.folder import save_checkpoint
from goalscope.training.runs.settings import RunSettings

_SAVE_EVERY_SECONDS = 600.0
_log = logging.getLogger("goalscope")


class Stopped(KeyboardInterrupt):
    """The run was asked to stop, and stands saved; the message is one line."""


class CheckpointCallback(BaseCallback):
    """Saves the run: at the cadence, every ten minutes, at its end, and when it is asked to stop.

    Put it behind the callbacks whose state it saves. A full disk costs the checkpoint, not the run.

    Args:
        settings: of the run.
        diagnostics: whose state goes with the agent's.
        evaluation: likewise; None where there is none.
    """

    model: BaseAlgorithm

    def __init__(
        self,
        settings: RunSettings,
        diagnostics: ModalityDiagnostics,
        evaluation: EvaluationCallback | None,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._diagnostics = diagnostics
        self._evaluation = evaluation
        self._stop: int | None = None

    def _on_training_start(self) -> None:
        # A new run is saved before its first step: there is always something to go on from.
        self._last_step = self.model.num_timesteps or -1
        self._last_time = time.monotonic()
        self._restore = [(number, signal.signal(number, self._ask)) for number in _stop_signals()]

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        # After an update and before the next step: the only point at which the agent is whole.
        every, step = self._settings.checkpoint_steps, self.model.num_timesteps
        crossed = step // every != self._last_step // every
        if crossed or time.monotonic() - self._last_time > _SAVE_EVERY_SECONDS:
            self._save(kept=crossed)
        if self._stop is not None:
            self._save(kept=False)
            self._let_go()
            raise Stopped(
                f"stopped at step {step:,}, saved in {self._settings.out}; the same command goes on"
            )

    def _on_training_end(self) -> None:
        self._save(kept=True)
        self._let_go()

    def _ask(self, number: int, _: object) -> None:
        self._stop = number

    def _let_go(self) -> None:
        for number, handler in self._restore:
            signal.signal(number, handler)

    def _save(self, kept: bool) -> None:
        self._last_step, self._last_time = self.model.num_timesteps, time.monotonic()
        state: dict[str, Any] = {"diagnostics": self._diagnostics.state_dict()}
        if self._evaluation is not None:
            state["evaluation"] = self._evaluation.state_dict()
        try:
            save_checkpoint(
                self._settings.out,
                self.model,
                self._settings.configuration(),
                state,
                self._diagnostics.update,
                kept=kept,
                with_replay=self._settings.save_buffer,
            )
        except OSError as error:
            reason = error.strerror or error
            _log.warning(
                "goalscope: no checkpoint at step %d (%s); training goes on, the one before stays",
                self._last_step,
                reason,
            )
            self._diagnostics.fail("checkpoint", error)


def _stop_signals() -> list[int]:
    if threading.current_thread() is threading.main_thread():
        return [signal.SIGINT, signal.SIGTERM]
    return []  # signals reach the main thread alone
