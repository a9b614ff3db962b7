"""SVG made small says what it said."""

import io
import re

import matplotlib as mpl
from matplotlib.figure import Figure

from goalscope.reports.figures.svg import inline


def test_numbers_that_are_read_keep_their_digits():
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], [0.00125, 0.00375])
    axes.set_yticks([0.00125, 0.00375], labels=["0.00125", "0.00375"])
    axes.set_title("of 0.0625 and 12.3456")
    with io.StringIO() as file:
        with mpl.rc_context({"svg.fonttype": "none"}):
            figure.savefig(file, format="svg")
        drawn = file.getvalue()
    body = inline(drawn, "a", "title")
    said = re.findall(r">([^<>]*)</text>", body)
    assert {"0.00125", "0.00375", "of 0.0625 and 12.3456"} <= {text.strip() for text in said}
    assert len(body) < len(drawn)
    assert not re.search(r' (?:x|y|transform)="[^"]*\.\d{3}', body)
