"""Numbers and names in words: significant digits, percentages, counts, lists."""

import math
from collections.abc import Sequence


def plain(value: float) -> str:
    """Return a number with two significant digits, in full between 0.001 and a million."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinite"
    if value == 0:
        return "0"
    if 0.001 <= abs(value) < 1e6:
        digits = max(0, 1 - int(f"{value:.1e}"[-3:]))  # after rounding: 0.999 is 1.0
        return f"{value:,.{digits}f}"
    return f"{value:.1e}"


def percent(share: float) -> str:
    """Return a share of 0..1 in percent, small ones told from nothing and large ones from all."""
    if not math.isfinite(share):
        return "NaN"
    if 0 < share < 0.0001:
        return "below 0.01 %"
    if 0.9999 < share < 1:
        return "above 99.99 %"
    points = 100 * share
    near = min(points, 100 - points)
    digits = 0 if near >= 9.95 or near == 0 else 1 if near >= 0.095 else 2
    return f"{points:.{digits}f} %"


def count(number: int, word: str) -> str:
    """Return "1 seed", "3 seeds"."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def capital(text: str) -> str:
    """Return a text with its first letter as a capital, and all others as they are."""
    return f"{text[:1].upper()}{text[1:]}"


def in_words(name: str) -> str:
    """Return a name of the record as words."""
    return name.replace("_", " ")


def listed(items: Sequence[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
