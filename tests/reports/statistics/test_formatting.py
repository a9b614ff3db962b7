"""Numbers in words."""

import math

import pytest

from goalscope.reports.statistics.formatting import percent, plain


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (0.061, "0.061"),
        (0.7, "0.70"),
        (1.26, "1.3"),
        (123.4, "123"),
        (-0.2, "-0.20"),
        (1e-9, "1.0e-09"),
        (math.nan, "NaN"),
        (math.inf, "infinite"),
    ],
)
def test_numbers_in_words(value, words):
    assert plain(value) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.5, "50 %"),
        (0.0229, "2.3 %"),
        (0.977, "97.7 %"),
        (0.00012, "0.01 %"),
        (1e-9, "below 0.01 %"),
        (1 - 1e-9, "above 99.99 %"),
        (math.nan, "NaN"),
    ],
)
def test_shares_in_words(share, words):
    assert percent(share) == words
