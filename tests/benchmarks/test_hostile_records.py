"""A few hundred hostile records: each is used or refused in one line."""

import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from benchmarks.chaos.hostile_records import ASKED, Trial, inputs, runs_code

SECONDS = 15.0


@pytest.fixture(scope="module")
def trial():
    with tempfile.TemporaryDirectory() as place:
        yield Trial(Path(place))


def test_a_hostile_record_is_used_or_refused_in_one_line(trial):
    end = time.monotonic() + SECONDS

    @settings(
        max_examples=250, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(inputs(trial.texts, trial.arrays))
    def each(changed):
        if time.monotonic() < end:
            name, content, asked = changed
            assert trial.ask(name, content, asked, drawn=False) is None

    each()
    kinds = sum(trial.tally.kinds.values(), Counter())
    assert min(kinds["used"], kinds["refused"]) > 5


def test_an_untouched_record_is_used(trial):
    for asked in sorted({kind for kinds in ASKED.values() for kind in kinds}):
        content, before = trial.texts("run.json").encode(), trial.tally.kinds[asked]["used"]
        assert trial.ask("run.json", content, asked, drawn=False) is None
        assert trial.tally.kinds[asked]["used"] == before + 1


@pytest.mark.parametrize(
    "page",
    ["<script>1</script>", "<p onclick='1'>", "<a href=' JavaScript:1'>", "<img src=x>"],
)
def test_what_a_browser_would_run_is_seen(page):
    assert runs_code(f"<html>{page}</html>")
    assert not runs_code("<html><p title='onclick'>&lt;script&gt;</p></html>")
