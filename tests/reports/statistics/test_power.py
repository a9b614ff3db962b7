"""How often tests find what is there."""

import numpy as np
import pytest
from scipy import stats

from goalscope.reports.statistics.outcomes import decide
from goalscope.reports.statistics.power import power, power_together
from goalscope.reports.statistics.seed_tests import SeedTest
from goalscope.reports.statistics.thresholds import Thresholds


@pytest.mark.parametrize(("seeds", "effect"), [(5, 2), (10, 1), (10, 2)])
def test_what_all_tests_have_is_found_as_often_as_in_simulated_studies(seeds, effect):
    tests, generator = 48, np.random.default_rng(0)
    found = []
    for _ in range(60):
        drawn = stats.ttest_1samp(generator.normal(effect, 1, (tests, seeds)), 0, axis=1)
        sides = ["for" if t > 0 else "against" for t in drawn.statistic]
        family = [
            SeedTest(side, p, seeds, True, "") for side, p in zip(sides, drawn.pvalue, strict=True)
        ]
        found += [str(verdict) == "supported" for verdict in decide(family, Thresholds())]
    assert power_together(seeds, effect, 0.05, tests) == pytest.approx(np.mean(found), abs=0.06)


def test_it_lies_between_one_test_alone_among_many_and_one_test_alone():
    assert power_together(5, 1, 0.05, 1) == power(5, 1, 0.05)
    for seeds, effect in ((2, 1), (5, 1), (5, 2)):
        together = power_together(seeds, effect, 0.05, 48)
        assert power(seeds, effect, 0.05 / 48) <= together <= power(seeds, effect, 0.05)
