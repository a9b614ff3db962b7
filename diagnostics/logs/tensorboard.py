"""TensorBoard: SB3 logs our numbers over steps; here they are logged over updates, and figures."""

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import TensorBoardOutputFormat

from goalscope.diagnostics.logs.log import Images, LogError, by_update, figure_tag
from goalscope.diagnostics.record import Line


class TensorBoardLog:
    """Writes into the event file that SB3's logger has open.

    Args:
        model: the agent.

    Raises:
        LogError: its logger writes no TensorBoard.
    """

    name = "tensorboard"

    def __init__(self, model: BaseAlgorithm) -> None:
        outputs = model.logger.output_formats
        found = [one for one in outputs if isinstance(one, TensorBoardOutputFormat)]
        if not found:
            raise LogError(
                "log_to tensorboard: the agent's logger writes none; give the agent "
                "tensorboard_log=, or a logger with a tensorboard output"
            )
        self._writer = found[0].writer

    def hear(self, line: Line) -> None:
        """Log the numbers over updates."""
        for tag, value in by_update(line.values).items():
            self._writer.add_scalar(tag, value, line.update)

    def show(self, line: Line, images: Images) -> None:
        """Log figures over steps, as SB3 logs everything else."""
        for name, image in images.items():
            self._writer.add_image(figure_tag(name), image, line.step, dataformats="HWC")
