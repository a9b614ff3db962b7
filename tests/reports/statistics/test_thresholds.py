"""Thresholds: what they set, and which make no sense."""

import math

import pytest

from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds

RULES = Thresholds()


def test_margins_are_set_by_the_plan_file():
    assert RULES.equivalence_margin(Scale.LOG) == pytest.approx(math.log(1.25))
    assert RULES.equivalence_margin(Scale.LOGIT) == pytest.approx(math.log(1.25))
    assert RULES.equivalence_margin(Scale.FISHER) == 0.1
    assert Thresholds(equivalence_factor=2).equivalence_margin(Scale.LOG) == math.log(2)
    assert Thresholds(success_marks=[0.3, 0.6]).success_marks == (0.3, 0.6)


@pytest.mark.parametrize(
    "fields",
    [
        {"success_marks": []},
        {"success_marks": [0.7, 0.5]},
        {"success_marks": [0.5, 0.5]},
        {"success_marks": [0.5, 1.0]},
        {"success_marks": ["half"]},
        {"arms_to_rank": 3},
        {"noise_ratio": 1},
        {"content_gain": 1},
        {"equivalence_factor": 1},
        {"equivalence_z": "0.1"},
    ],
)
def test_thresholds_that_make_no_sense_are_refused(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        Thresholds(**fields)
