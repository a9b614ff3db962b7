"""Which saved states the frames in a folder of files still belong to."""

from pathlib import Path
from typing import TypedDict

from goalscope.diagnostics.record import Unusable, fit, read_document, write_json_atomically


class _Claimed(TypedDict):
    """What frames.json says."""

    states: list[str]


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
            said = fit(read_document(self._path), _Claimed, self._path)
            self._states: list[str] | None = said["states"]
        except Unusable:
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
