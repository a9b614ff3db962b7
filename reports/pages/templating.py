"""Pages from templates: one self-contained file each, written whole or not at all."""

import base64
import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from goalscope.reports.claims.wording import difference_in_words, value_of, with_interval
from goalscope.reports.files import whole
from goalscope.reports.findings import words as in_words
from goalscope.reports.statistics.formatting import capital, percent, plain
from goalscope.reports.statistics.outcomes import Verdict
from goalscope.reports.text.sentences import equivalence_in_words


def render(template: str, content: dict[str, Any]) -> str:
    """Return a page; everything in `content` is escaped but for figures."""
    return _environment().get_template(template).render(content)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("goalscope.reports.pages"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "badge": badge_class,
        "number": plain,
        "percent": percent,
        "without_time": without_time,
        "tied": tied,
        "breakable": breakable,
        "capital": capital,
    }
    style = files("goalscope.reports.pages").joinpath("templates/page.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment.globals |= {
        "style": style,
        # A page runs nothing and asks for nothing, whatever a record has put into it.
        "policy": f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        "in_words": in_words,
        "with_interval": with_interval,
        "value_of": value_of,
        "difference_in_words": difference_in_words,
        "equivalence_in_words": equivalence_in_words,
    }
    return environment


def badge_class(verdict: Verdict) -> str:
    """Return the style class of an outcome."""
    return str(verdict).replace(" ", "-")


def without_time(sentence: str) -> str:
    """Return a paragraph without when it is of, up to its first colon: that stands beside it."""
    return capital(tied(sentence).partition(": ")[2])


def tied(text: str) -> str:
    """Return a text in which numbers stay on one line with their percent signs."""
    return text.replace(" %", "\u00a0%")


def breakable(key: str) -> str:
    """Return a record key that a browser may break after its separators."""
    return re.sub(r"([/._])", "\\1\u200b", key)


def write_json(path: Path, content: Any) -> Path:
    """Write JSON values without blanks: outcomes are many, and read by programs.

    Raises:
        ReportError: the file cannot be written.
    """
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return write_whole(path, text + "\n")


def write_whole(path: Path, text: str) -> Path:
    """Write a file so that a reader meets the old one or the new one, and return its path.

    Raises:
        ReportError: the file cannot be written.
    """
    with whole(path) as draft:
        draft.write_text(text, encoding="utf-8", errors="replace")
    return path
