"""The short form as a paper: nothing cut, pages filled."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pypdf import PdfReader

from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.style import new_figure
from goalscope.reports.pages.paper import ShortForm, write_paper


def test_a_figure_higher_than_a_page_is_made_smaller(tmp_path):
    def tall():
        figure = Figure(figsize=(6.85, 14.0))
        figure.text(0.1, 0.99, "the top of it")
        return figure

    words = ShortForm("Title", [], [["link", "outcome"]], [])
    path = write_paper(words, [Plot("tall", "Tall", "What it shows.", tall)], tmp_path / "a.pdf")
    *_, last = PdfReader(path).pages
    heights = {}

    def note(text, matrix, text_matrix, *_):
        heights[text.strip()] = (matrix[3] * text_matrix[5] + matrix[5]) / last.mediabox.height

    last.extract_text(visitor_text=note)
    (below,) = (height for text, height in heights.items() if text.startswith("Figure 1."))
    assert 0.03 < below < heights["the top of it"] < 0.97


def paper(tmp_path, table, heights=(), sentences=()):
    def high(inches):
        return lambda: Figure(figsize=(6.85, inches))

    plots = [Plot(f"f{n}", f"Of {h} inches", "Seen.", high(h)) for n, h in enumerate(heights)]
    words = ShortForm("Title", sentences, table, [])
    pages = PdfReader(write_paper(words, plots, tmp_path / "a.pdf")).pages
    return [page.extract_text() for page in pages]


def test_a_long_name_in_the_table_is_wrapped_and_not_cut(tmp_path):
    name = "C5 critic: the fix raises the goal's share, and its effect on what is made of it"
    (text,) = paper(tmp_path, [["link", *["outcome"] * 4], [name, *["leaning against"] * 4]])
    assert " ".join(text.replace("leaning against", "").split()).count(name) == 1
    assert "..." not in text


def test_what_is_left_of_a_page_is_filled_with_figures_numbered_as_they_stand(tmp_path):
    pages = paper(tmp_path, [["link", "outcome"]], (9.5, 3.0, 2.0), ["word " * 300])
    assert len(pages) == 2
    assert "Figure 1. Of 3.0 inches" in pages[0]
    assert "Figure 2. Of 2.0 inches" in pages[0]
    assert "Figure 3. Of 9.5 inches" in pages[1]


def test_a_legend_below_a_figure_stands_above_its_caption(tmp_path):
    def keyed():
        figure = new_figure(3.0)
        figure.subplots(1, 1).plot(np.arange(3))
        figure.legend(handles=[Line2D([], [], label="the key")], loc="outside lower center")
        return figure

    words = ShortForm("Title", [], [["link", "outcome"]], [])
    caption = "What it shows. " * 30
    path = write_paper(words, [Plot("keyed", "Keyed", caption, keyed)], tmp_path / "a.pdf")
    heights = {}

    def note(text, matrix, text_matrix, *_):
        heights[text.strip()] = matrix[3] * text_matrix[5] + matrix[5]

    PdfReader(path).pages[0].extract_text(visitor_text=note)
    (below,) = (height for text, height in heights.items() if text.startswith("Figure 1."))
    assert heights["the key"] > below + 9  # points, a line of the caption
