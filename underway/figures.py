"""The figures of a run that still goes on, as images."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from goalscope.reports.pages.loaded import load_run


def page_images(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """Return name -> image, uint8 (height, width, 3), of each figure that the run's page has now.

    Raises:
        RecordError: the folder is not a readable run.
    """
    return {name: figure.pixels() for name, figure in load_run(folder).figures.items()}
