"""A part of the page of what was made to go wrong is made anew, and the others stay."""

from benchmarks.chaos.__main__ import subjects, with_part
from benchmarks.chaos.row import Row


def test_a_part_is_replaced_and_the_others_stay():
    page = with_part("", "signals", [Row("SIGTERM", 3, 0, "a | b")])
    page = with_part(page, "hostile_records", [Row("read", 1_200, 1, "first failure: x")])
    before = page
    page = with_part(page, "signals", [Row("SIGHUP", 4, 0, "held")])
    assert page.startswith("# ")
    assert "| SIGHUP | 4 | 0 | held |" in page
    assert "SIGTERM" not in page
    assert "| read | 1,200 | 1 | first failure: x |" in page
    assert page.index("## Hostile records") < page.index("## Signals")
    assert with_part(page, "signals", [Row("SIGTERM", 3, 0, "a | b")]) == before


def test_what_tries_nothing_is_no_subject():
    assert {"signals", "hostile_records", "kills", "leaks"} <= set(subjects())
    assert not {"hostile", "runs", "row", "trying", "__main__"} & set(subjects())
