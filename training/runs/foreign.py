"""Folders that are somebody else's: nothing of ours is strewn among what lies in them."""

from collections.abc import Collection
from pathlib import Path

from goalscope.errors import UserError


class ForeignFolder(UserError):
    """A folder that a run or a study cannot be written into; the message is one line."""


def refuse_foreign(folder: Path, own: Collection[str], left: Collection[str]) -> None:
    """Raise where what lies in a folder is not ours; one that is missing or empty is anybody's.

    What is hidden, such as a lock or a draft, does not count.

    Args:
        folder: to be written into.
        own: names of which each says that the folder is ours, whatever else lies in it.
        left: names of what a start that was cut off leaves before any of these is there.

    Raises:
        ForeignFolder: it is a file, or holds something else.
        OSError: it cannot be read.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ForeignFolder(f"{folder} is no folder; choose a new one")
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    foreign = names.difference(left)
    if foreign and names.isdisjoint(own):
        raise ForeignFolder(
            f"{folder} holds {min(foreign)} and nothing of goalscope's; choose a new folder, or an "
            "empty one"
        )
