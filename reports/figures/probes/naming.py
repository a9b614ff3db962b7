"""Names and lists of a record in words."""

from collections.abc import Sequence


def in_words(name: str) -> str:
    """Return a name of the record as words."""
    return name.replace("_", " ")


def listed(parts: Sequence[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
