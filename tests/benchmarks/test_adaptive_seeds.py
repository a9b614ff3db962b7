"""Simulated studies with adaptive seeds keep their error rate, and save seeds."""

import math

import pandas as pd
import pytest

from benchmarks import adaptive_seeds
from benchmarks.adaptive_seeds import PROMISED, AdaptiveSeedsBenchmark, Design, rates

STUDIES = 1000


@pytest.mark.parametrize("kind", PROMISED)
@pytest.mark.parametrize("design", [Design(1, 5, 4), Design(1, 6, 2)])
def test_nothing_is_settled_more_often_than_promised(design, kind):
    by_chance = 0.05 + 2 * math.sqrt(0.05 * 0.95 / STUDIES)
    assert rates(design, kind, studies=STUDIES)["any"] <= by_chance


def test_what_is_there_is_found_with_fewer_seeds():
    found = rates(Design(1, 9, 3), "normal", 2.0, 100)
    assert found["found"] > 0.9
    assert found["seeds of an arm"] < 7.5
    assert 0.15 < found["saved"] < 0.4


def test_the_page_is_written(tmp_path):
    adaptive_seeds.main(AdaptiveSeedsBenchmark(studies=2, out=tmp_path))
    table = pd.read_csv(tmp_path / "seeds.csv")
    assert len(table) == 6 * 10
    words = (tmp_path / "seeds.md").read_text()
    assert "| 1 | 10 | 5 | skewed |" in words
    assert "| 3 | 9 | 3 | wide |" in words
