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


def test_areas_keep_their_corners():
    corners = [(0.0, -10.004), (3.333, -2.5), (7.126, -9.0)]
    drawn = "M " + " L ".join(f"{x} {y}" for x, y in corners)
    svg = f'<svg width="9" height="9"><path d="{drawn} z M 1 2 L 3 4 z"/></svg>'
    path = re.search(r' d="([^"]*)"', inline(svg, "a", "title"))[1]
    assert path == "M0 -10l3.33 7.5l3.8-6.5zM1 2l2 2z"
