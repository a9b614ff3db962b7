"""Files that anybody may have written: JSON and TOML, within limits, and then of a schema.

A schema is a type: a dataclass, or a TypedDict where the rest stays as it is. What it does not name
is left out, so that a later version may say more.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import msgspec

from goalscope.errors import printable

LONGEST_TEXT = 10_000  # characters
_LARGEST_FILE = 16 * 2**20  # bytes
_MOST_VALUES = 100_000
_DEEPEST = 20
_LARGEST_NUMBER = 2**128  # generators keep such numbers
_T = TypeVar("_T")

# Steps, updates, widths: whole numbers that stay exact as floats, and that a clock could count.
MOST = 10**12
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
# What lies right inside a folder: no way out of it.
PlainName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^(?!\.{1,2}$)[^/\\]+$")
]


class Unusable(ValueError):
    """A file is not what it should be: one line with path, place in it, and what is wrong."""


def read_document(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file, or of TOML where its name ends so.

    Raises:
        Unusable: it cannot be read, is neither, holds no mapping, or more than any file of ours.
    """
    data = read_within(path, _LARGEST_FILE)
    try:
        text = data.decode()
        content = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except RecursionError as error:
        raise Unusable(f"{path}: lists or mappings lie too deep in one another") from error
    except ValueError as error:
        form = "TOML" if path.suffix == ".toml" else "JSON"
        raise Unusable(f"{path} is not {form}: {printable(str(error))}") from error
    if not isinstance(content, dict):
        raise Unusable(f"{path}: expected a mapping, got {type(content).__name__}")
    return cast("dict[str, Any]", _Limits(path).kept(content, ""))


def read_within(path: Path, most: int) -> bytes:
    """Return what a file holds.

    Raises:
        Unusable: it is missing, cannot be read, is no file of its folder, or larger than `most`.
    """
    refuse_elsewhere(path)
    try:
        with open(path, "rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > most:
        raise Unusable(f"{path} is larger than {most:,} bytes")
    return data


def refuse_elsewhere(path: Path) -> None:
    """Raise where a path is no plain file, or a link that leads out of its folder.

    A pipe would never end, and a link may lead to anything.

    Raises:
        Unusable: it is one of these.
    """
    try:
        own = path.resolve().is_relative_to(path.parent.resolve())
        plain = path.is_file() or not path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise Unusable(f"{path} cannot be read: {error}") from error
    if not own:
        raise Unusable(f"{path} is a link that leads out of its folder")
    if not plain:
        raise Unusable(f"{path} is no plain file")


def fit(content: Any, schema: type[_T], source: Path | str) -> _T:
    """Return content as a schema has it.

    Args:
        content: of a document, or a part of it.
        schema: what it must be.
        source: the file it comes from, for the message.

    Raises:
        Unusable: it is something else.
    """
    try:
        return msgspec.convert(content, schema)
    except msgspec.ValidationError as error:
        raise Unusable(f"{source}: {in_words(error)}") from error


def in_words(error: msgspec.MsgspecError) -> str:
    """Return what is wrong with content, after its place: "task.tolerance: expected `float`"."""
    said, _, place = str(error).partition(" - at `")
    place = place.rstrip("`").removeprefix("$").removeprefix(".")
    if not said[1:2].isupper():  # JSON stays so
        said = said[:1].lower() + said[1:]
    said = said.replace("object", "mapping").replace("array", "list")
    return printable(f"{place}: {said}" if place else said)


def shortened(value: Any) -> Any:
    """Return a JSON value, its texts cut to what a reader takes: so that it can be read again."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[: LONGEST_TEXT - 3]}..."
    if isinstance(value, Mapping):
        return {key: shortened(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [shortened(entry) for entry in value]
    return value


class _Limits:
    """Walks through a document's content once, refuses what is too much, and cleans its text."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values = 0

    def kept(self, value: Any, place: str, depth: int = 0) -> Any:
        """Return a value in which every text is printable."""
        self._values += 1
        if self._values > _MOST_VALUES:
            raise Unusable(f"{self._path} holds more than {_MOST_VALUES:,} values")
        if depth > _DEEPEST:
            self._refuse(place, f"lies deeper than {_DEEPEST} levels")
        if isinstance(value, str):
            if len(value) > LONGEST_TEXT:
                self._refuse(place, f"is longer than {LONGEST_TEXT:,} characters")
            return printable(value)
        if isinstance(value, dict):
            return {
                self.kept(key, place): self.kept(entry, f"{place}.{key[:60]}", depth + 1)
                for key, entry in value.items()
            }
        if isinstance(value, list):
            return [
                self.kept(entry, f"{place}[{index}]", depth + 1)
                for index, entry in enumerate(value)
            ]
        if isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
            self._refuse(place, "is too large a number")
        return value

    def _refuse(self, place: str, why: str) -> None:
        where = printable(place.removeprefix(".")) or "a name"
        raise Unusable(f"{self._path}: {where} {why}")
