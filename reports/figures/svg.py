"""SVG as a page takes it: small, with ids of its own, sized by the page, and with a name."""

import html
import re
from functools import lru_cache

_LINE = re.compile(r' d="(M [^"CQ]*)"')  # of straight pieces alone
_PIECE = re.compile(r"([ML]) (\S+) (\S+)|z")
_DIGITS = re.compile(r"(\d\.\d\d)\d+")  # a hundredth of a point is finer than any printer
_TAG = re.compile(r"<[^>]*>")
_MARKS = re.compile(r"<g([^>]*)>\s*((?:<use [^>]*/>\s*)+)</g>")
_STYLE = re.compile(r' style="([^"]*)"')
_PAINT = re.compile(r' (?:fill|stroke|opacity)[a-z-]*="[^"]*"')
_BY_DEFAULT = 'stroke-linejoin="round" stroke-linecap="butt"'  # matplotlib's own style sheet
_USED = re.compile(r'(?:href="#|url\(#)([^")]+)')
_LINES, _AREAS = 10, 100  # places in a point: a screen's dot is about half a point, marks are small


def inline(svg: str, name: str, title: str) -> str:
    """Return an SVG fit to stand in a page, whose style sheet gives its text a font.

    Args:
        svg: as matplotlib writes it.
        name: begins its ids, so that no other figure of the page shares one.
        title: read aloud in its place.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = _LINE.sub(lambda found: f' d="{_relative(found[1])}"', body)
    # Of coordinates alone: what stands between the tags is read.
    body = _TAG.sub(lambda tag: _DIGITS.sub(r"\1", tag[0]), body)
    body = _with_own_ids(body, name)
    body = re.sub(r' transform="rotate\(-0 [^"]*"', "", body)
    body = re.sub(r"<style[^>]*>[^<]*</style>", "", body)
    body = _TAG.sub(lambda tag: _STYLE.sub(_attributes, tag[0]), body)
    body = _MARKS.sub(_in_one_style, body)
    body = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", body, count=1)
    body = re.sub(r"\n\s*", "\n", body)
    named = f'<svg role="img" aria-label="{html.escape(title)}" {_BY_DEFAULT}'
    return body.replace("<svg", named, 1)


def _with_own_ids(body: str, name: str) -> str:
    """Return an SVG whose ids are short and begin with a name; an id that nothing uses is gone."""
    ids = {old: f"{name}-{n}" for n, old in enumerate(dict.fromkeys(_USED.findall(body)))}
    body = re.sub(r' id="([^"]+)"', lambda i: f' id="{ids[i[1]]}"' if i[1] in ids else "", body)
    return _USED.sub(lambda used: used[0].replace(used[1], ids[used[1]]), body)


def _attributes(style: re.Match[str]) -> str:
    """Return a style as attributes: a page's policy lets no style through that is not its own.

    The page itself says which font text has.
    """
    pairs = (part.partition(":") for part in style[1].split(";") if ":" in part)
    return "".join(
        f' {name.strip()}="{value.strip()}"'
        for name, _, value in pairs
        if name.strip() != "font-family"
    )


def _in_one_style(marks: re.Match[str]) -> str:
    """Return marks whose common paint stands once, with their group."""
    each = re.findall(r"<use [^>]*/>", marks[2])
    paints = {"".join(_PAINT.findall(mark)) for mark in each}
    if len(paints) != 1 or _PAINT.search(marks[1]):
        return marks[0]
    bare = _PAINT.sub("", marks[2]).replace("xlink:href", "href")
    return f"<g{marks[1]}{paints.pop()}>\n{bare}</g>"


def _relative(path: str) -> str:
    """Return straight pieces, each as the way from the end of the one before: half as long.

    Ways are between rounded places, so that no error adds up.
    """
    grid = _AREAS if "z" in path else _LINES
    pieces = []
    before = (0, 0)
    for command, x, y in _PIECE.findall(path):
        if not command:
            pieces.append("z")  # back to where it began; what follows begins anew
            continue
        place = round(grid * float(x)), round(grid * float(y))
        if command == "M":
            pieces.append(f"M{_plain(place[0] / grid)} {_plain(place[1] / grid)}")
        else:
            ways = (new - old for new, old in zip(place, before, strict=True))
            across, down = (_plain(way / grid) for way in ways)
            pieces.append(f"l{across}{'' if down.startswith('-') else ' '}{down}")
        before = place
    return "".join(pieces)


@lru_cache(maxsize=10_000)
def _plain(number: float) -> str:
    """Return a number in few characters: no 0 before its point."""
    return re.sub(r"^(-?)0\.", r"\1.", f"{number:.7g}")
