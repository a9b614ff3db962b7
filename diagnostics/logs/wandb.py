"""Weights & Biases: a group over steps and one over updates of each family, and figures."""

import wandb

from goalscope.diagnostics.logs.log import Images, LogError, by_update, figure_tag
from goalscope.diagnostics.record import Line
from goalscope.diagnostics.record.keys import Family

STEP, UPDATE = "goalscope/step", "goalscope/update"


class WandbLog:
    """Logs to the run that `wandb.init` began, on-line or off.

    Its own step is left alone: it only ever grows, and belongs to whoever began the run.

    Raises:
        LogError: there is no such run.
    """

    name = "wandb"

    def __init__(self) -> None:
        run = wandb.run
        if run is None:
            raise LogError("log_to wandb: no run has begun; call wandb.init before learn")
        self._run = run
        for hidden in (STEP, UPDATE):
            run.define_metric(hidden, hidden=True)
        for family in Family:
            run.define_metric(f"{family}/*", step_metric=STEP)
            run.define_metric(f"{family}_by_update/*", step_metric=UPDATE)
        run.define_metric(figure_tag("*"), step_metric=STEP)

    def hear(self, line: Line) -> None:
        """Log the numbers over steps and over updates."""
        if line.values:
            self._run.log({**line.values, **by_update(line.values), **_axes(line)})

    def show(self, line: Line, images: Images) -> None:
        """Log figures."""
        drawn = {figure_tag(name): wandb.Image(image) for name, image in images.items()}
        self._run.log({**drawn, **_axes(line)})


def _axes(line: Line) -> dict[str, int]:
    return {STEP: line.step, UPDATE: line.update}
