"""Files of figures: none is higher than a page, and nothing is lost where one is cut."""

import numpy as np
import pytest
from matplotlib.lines import Line2D
from pypdf import PdfReader

from goalscope.reports.figures.plot import ANSWER, Plot, draw
from goalscope.reports.figures.style import new_figure, panels_abreast


def panels(rows):
    columns = panels_abreast(2)
    rows = rows * 2 // columns
    figure = new_figure(2.3 * rows + 0.5)
    for number, axes in enumerate(figure.subplots(rows, columns).flat, start=1):
        axes.plot(np.arange(3))
        axes.set_title(f"panel {number} of it")
        axes.set_xlabel("update")
    mark = Line2D([], [], label="the key")
    figure.legend(handles=[mark], loc="outside lower center")
    return figure


def written(tmp_path, plot):
    (drawn,) = draw([plot], tmp_path / "figures", ("pdf",))
    pages = {}
    for name in drawn.files.values():
        (page,) = PdfReader(tmp_path / "figures" / name).pages
        pages[name] = page
    return drawn, pages


@pytest.mark.parametrize("rows", [1, 4])
def test_what_is_higher_than_a_page_is_cut_between_its_panels(tmp_path, rows):
    drawn, pages = written(tmp_path, Plot("many", "Many", "c", lambda: panels(rows)))
    narrow = [page for name, page in pages.items() if name.startswith("many-84mm")]
    assert len(narrow) == (3 if rows == 4 else 1)
    assert "many-174mm.pdf" in pages
    for page in pages.values():
        assert float(page.mediabox.height) / 72 * 25.4 <= 230
        assert page.extract_text().count("the key") == 1  # below each part
        drawn_in = page.extract_text().count("of it")
        assert drawn_in == page.extract_text().count("update") > 0
    words = " ".join(page.extract_text() for page in narrow)
    assert [words.count(f"panel {n} of it") for n in range(1, 2 * rows + 1)] == [1] * 2 * rows
    assert len(set(drawn.files.values())) == len(drawn.files) == len(pages)


def test_a_row_that_is_higher_than_a_page_stays_whole(tmp_path):
    def tall():
        figure = new_figure(12.0)
        figure.subplots(1, 1).set_title("all of it")
        return figure

    _, pages = written(tmp_path, Plot("tall", "Tall", "c", tall))
    assert set(pages) == {"tall-84mm.pdf", "tall-174mm.pdf"}
    assert all("all of it" in page.extract_text() for page in pages.values())


def test_the_picture_of_the_answer_is_drawn_for_phones_too(tmp_path):
    plot = Plot("answer", "It", "c", lambda: panels(1), section=ANSWER)
    (drawn,) = draw([plot], tmp_path)
    sizes = [svg.partition('viewBox="0 0 ')[2].split()[0] for svg in (drawn.svg, drawn.narrow)]
    assert [float(size) for size in sizes] == pytest.approx([7.2 * 72, 3.75 * 72])
