"""A thousand simulated studies: how often anything is said where nothing is, on either side."""

import math

import pandas as pd
import pytest

from benchmarks import verdict_power
from benchmarks.verdict_power import CONTROLLED, RULES, VerdictPower, links, rates, rivals

STUDIES = 1000
FAMILIES = {"links": links(1), "rivals": rivals(1)}


def by_chance(rate):
    """Return what a rate may come out as in a thousand studies, two standard errors above it."""
    return rate + 2 * math.sqrt(rate * (1 - rate) / STUDIES)


def check(family, kind, seeds):
    nominal = RULES.false_discoveries if seeds >= RULES.seeds_to_test else RULES.false_leanings
    assert rates(FAMILIES[family], kind, seeds, studies=STUDIES)["any"] <= by_chance(nominal)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seeds", [3, 5])
def test_nothing_is_decided_or_leans_more_often_than_promised(family, seeds):
    check(family, "normal", seeds)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", CONTROLLED)
@pytest.mark.parametrize("seeds", [2, 3, 4, 5, 10])
def test_nor_with_heavy_tails_or_an_outlying_seed(family, kind, seeds):
    check(family, kind, seeds)


def test_an_effect_of_two_deviations_is_found_with_ten_seeds_and_half_with_five():
    assert rates(links(1), "normal", 10, 2.0, 50)["found"] > 0.95
    assert rates(links(1), "normal", 5, 2.0, 50)["found"] > 0.5
    assert rates(rivals(1), "normal", 10, 2.0, 50)["found"] > 0.95


def test_the_power_table_is_written(tmp_path):
    verdict_power.main(VerdictPower(studies=2, out=tmp_path))
    table = pd.read_csv(tmp_path / "power.csv")
    assert len(table) == 2 * (5 * 4 + 4)
    words = (tmp_path / "power.md").read_text()
    assert "| links | normal | 5 |" in words
    assert "| alternative explanations | shared | 10 |" in words
