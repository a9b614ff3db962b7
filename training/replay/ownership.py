"""Which saved states the frames in a folder of files still belong to."""

import json
from pathlib import Path

from goalscope.diagnostics.record import write_json_atomically


class FolderClaim:
    """A note beside the files of frames: the saved states whose frames they all still hold.

    The files are written to at every step and a saved state does not copy them; so what is about to
    overwrite a state's frames strikes it off first.

    Args:
        folder: of the files.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "frames.json"
        try:
            self._states: list[str] | None = json.loads(self._path.read_text())["states"]
        except (OSError, ValueError, KeyError, TypeError):
            self._states = None  # to be written, whatever comes

    def holds(self, state: str) -> bool:
        """Whether all frames of a saved state are still there."""
        return state in (self._states or [])

    def hold(self, states: list[str]) -> None:
        """Note that these are the states whose frames are there.

        Raises:
            OSError: the disk is full.
        """
        if states != self._states:
            write_json_atomically(self._path, {"states": states})
            self._states = states
