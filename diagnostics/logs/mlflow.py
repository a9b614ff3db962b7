"""MLflow: a group over steps and one over updates of each family, and figures."""

import re
from collections.abc import Mapping

import mlflow

from goalscope.diagnostics.logs.log import Images, LogError, by_update, figure_tag
from goalscope.diagnostics.record import Line

_NOT_ALLOWED = re.compile(r"[^\w./ -]")  # in the name of a metric


class MlflowLog:
    """Logs to the run that `mlflow.start_run` began.

    Raises:
        LogError: there is no such run.
    """

    name = "mlflow"

    def __init__(self) -> None:
        run = mlflow.active_run()
        if run is None:
            raise LogError("log_to mlflow: no run has begun; call mlflow.start_run before learn")
        self._run = run.info.run_id

    def hear(self, line: Line) -> None:
        """Log the numbers over steps and over updates."""
        if line.values:
            mlflow.log_metrics(_named(line.values), step=line.step, run_id=self._run)
            over_updates = _named(by_update(line.values))
            mlflow.log_metrics(over_updates, step=line.update, run_id=self._run)

    def show(self, line: Line, images: Images) -> None:
        """Log figures."""
        client = mlflow.MlflowClient()
        for name, image in images.items():
            client.log_image(self._run, image, key=figure_tag(name), step=line.step)


def _named(values: Mapping[str, float]) -> dict[str, float]:
    return {_NOT_ALLOWED.sub("_", key): value for key, value in values.items()}
