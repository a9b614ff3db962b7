"""Where something is, read from what shows it: against scikit-learn, by hand, and of nothing."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from goalscope.probes import place_r2
from goalscope.probes.live.readout import PENALTIES, halves_told

ROWS = 80


def drawn(columns, seed=0):
    return torch.randn(ROWS, columns, generator=torch.Generator().manual_seed(seed)).double()


def test_what_is_missed_is_what_ridge_regression_misses():
    known, target = drawn(5), drawn(2, seed=1) + drawn(5)[:, :2]
    half = torch.arange(ROWS) % 2 == 0
    missed, varied = halves_told(known, target, half)
    by_hand = np.zeros((len(PENALTIES), 2))
    for fitted in (half.numpy(), ~half.numpy()):
        scaled = StandardScaler().fit(known.numpy()[fitted]).transform(known.numpy())
        for row, penalty in enumerate(PENALTIES):
            # K is X X^T over the columns, so that the penalty counts times them.
            ridge = Ridge(alpha=penalty * 5, fit_intercept=False)
            mean = target.numpy()[fitted].mean(axis=0)
            ridge.fit(scaled[fitted], target.numpy()[fitted] - mean)
            errors = ridge.predict(scaled[~fitted]) + mean - target.numpy()[~fitted]
            by_hand[row] += np.square(errors).sum(axis=0)
    assert missed.numpy() == pytest.approx(by_hand)
    of_halves = [target[rows].var(dim=0, correction=0) * rows.sum() for rows in (half, ~half)]
    assert torch.allclose(varied, torch.stack(of_halves).sum(dim=0))


def test_a_line_tells_all_and_noise_nothing():
    achieved = drawn(2)
    assert place_r2(achieved @ drawn(2, seed=2)[:2] + 3, achieved) > 0.99
    assert place_r2(drawn(2, seed=3), achieved) < 0.1
    assert place_r2(torch.ones(ROWS, 4), achieved) == 0


def test_one_dimension_of_two_that_vary_alike_is_less_than_half():
    achieved = drawn(2)
    half = torch.unique(achieved, dim=0, return_inverse=True)[1] % 2 == 0
    missed, varied = halves_told(achieved[:, :1], achieved, half)
    by_hand = max(1 - float(row.sum() / varied.sum()) for row in missed)
    assert place_r2(achieved[:, :1], achieved) == pytest.approx(by_hand)
    assert 0.2 < by_hand < 0.5


def test_a_dimension_that_hardly_varies_hardly_counts():
    achieved = drawn(2) * torch.tensor([1.0, 1e-3])
    assert place_r2(achieved[:, :1], achieved) > 0.99


def test_few_places_and_broken_ones_tell_nothing():
    achieved = drawn(2)
    assert place_r2(achieved[:60], achieved[:60]) is None
    assert place_r2(achieved, achieved.round() * 0) is None
    broken = achieved.clone()
    broken[0, 0] = torch.nan
    assert place_r2(achieved, broken) is None
