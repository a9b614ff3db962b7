"""The loggers that a run is logged to besides SB3's own, by name."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from stable_baselines3.common.base_class import BaseAlgorithm

from goalscope.diagnostics.logs.log import Log, LogError
from goalscope.diagnostics.record import Line
from goalscope.diagnostics.record.metrics import EVALUATION_RETURN, SUCCESS_RATE

LogName = Literal["tensorboard", "wandb", "mlflow"]
_EVALUATION = {SUCCESS_RATE.key(), EVALUATION_RETURN.key()}


def open_log(name: LogName, model: BaseAlgorithm) -> Log:
    """Return the logger of that name.

    Raises:
        LogError: there is none of that name, it is not installed, or nothing has been begun in it.
    """
    if name == "tensorboard":
        from goalscope.diagnostics.logs.tensorboard import TensorBoardLog

        return TensorBoardLog(model)
    if name not in ("wandb", "mlflow"):
        raise LogError(f"log_to {name!r} is not known; use tensorboard, wandb or mlflow")
    if find_spec(name) is None:
        raise LogError(f"log_to {name}: it is not installed; run pip install {name}")
    if name == "wandb":
        from goalscope.diagnostics.logs.wandb import WandbLog

        return WandbLog()
    from goalscope.diagnostics.logs.mlflow import MlflowLog

    return MlflowLog()


class FigureLog:
    """Draws the figures of the run's page at each evaluation, and shows them to the loggers.

    Args:
        folder: of the run.
        logs: that show them.
    """

    name = "log_figures"

    def __init__(self, folder: Path, logs: Sequence[Log]) -> None:
        self._folder, self._logs = folder, logs

    def hear(self, line: Line) -> None:
        """Draw where the line is an evaluation's."""
        if _EVALUATION & line.values.keys():
            from goalscope.underway.figures import page_images  # matplotlib: when needed

            images = page_images(self._folder)
            for log in self._logs:
                log.show(line, images)
