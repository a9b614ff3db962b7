"""Where a run's record goes when nobody says: beside the logs of the training that it watches."""

import tempfile
from collections.abc import Callable
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TypeAlias

from stable_baselines3.common.base_class import BaseAlgorithm

Folder: TypeAlias = Path | str | Callable[[BaseAlgorithm], Path] | None


def beside_the_logs(model: BaseAlgorithm) -> Path:
    """Return a new folder: `goalscope` in that of the agent's logger, else `runs/<time>`.

    SB3 gives a logger that writes no files a folder among the temporary ones, which does not count.
    """
    logs = Path(model.logger.get_dir() or tempfile.gettempdir())
    temporary = Path(tempfile.gettempdir())
    if logs == temporary or (logs.parent == temporary and logs.name.startswith("SB3-")):
        return fresh(Path("runs") / f"{datetime.now():%Y-%m-%d-%H-%M-%S}")
    return fresh(logs / "goalscope")


def fresh(wanted: Path) -> Path:
    """Return a folder that was made now: the wanted one, or `<wanted>-2`, `-3` where it exists.

    Making it claims it, so that trainings that begin together get one each.
    """
    names = (wanted.name if number == 1 else f"{wanted.name}-{number}" for number in count(1))
    for folder in map(wanted.with_name, names):
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("there is always another number")
