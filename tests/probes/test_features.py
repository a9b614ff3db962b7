"""Feature statistics and forward signal against naive loops and nets worked out by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from goalscope.probes import effective_rank, feature_statistics, forward_signal

COLUMNS = {
    "pixels": torch.tensor([0, 1, 2, 3]),
    "achieved_goal": torch.tensor([4, 5]),
    "desired_goal": torch.tensor([6, 7]),
    "goal": torch.tensor([4, 5, 6, 7]),
}
batches = hnp.arrays(
    np.float32,
    st.tuples(st.integers(2, 9), st.just(8)),
    elements=st.floats(-4, 4, width=32).map(lambda x: round(x, 2)),
)


@settings(deadline=None, max_examples=50)
@given(batches)
def test_statistics_equal_naive_loops(values):
    statistics = feature_statistics(torch.from_numpy(values), COLUMNS, tanh=["pixels"])
    total = sum(np.var(values[:, c].astype(float)) for c in range(8))
    for block, columns in COLUMNS.items():
        part = values[:, columns.numpy()].astype(float)
        rows = [math.sqrt(sum(x * x for x in row)) for row in part]
        variances = [np.mean((part[:, c] - part[:, c].mean()) ** 2) for c in range(part.shape[1])]
        expected = {
            "norm": sum(rows) / len(rows),
            "spread": math.sqrt(sum(variances) / len(variances)),
            "dimension_share": part.shape[1] / 8,
            "zero_fraction": np.mean(part == 0),
            "dead_units": np.mean([len(set(part[:, c])) == 1 for c in range(part.shape[1])]),
            "max_abs": np.abs(part).max(),
            "nonfinite": 0,
        }
        if total > 0:
            expected["spread_share"] = sum(variances) / total
        for name, value in expected.items():
            assert statistics[f"{block}.{name}"].item() == pytest.approx(value, rel=1e-3, abs=1e-4)
    saturated = np.mean(np.abs(values[:, :4]) > 0.99)
    assert statistics["pixels.saturated_fraction"].item() == pytest.approx(saturated)


def test_a_large_constant_has_norm_but_no_spread():
    features = torch.zeros(16, 8)
    features[:, :4] = torch.tensor([100.0, -50.0, 3.0, 7.0])
    features[:, 4:] = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
    statistics = feature_statistics(features, COLUMNS)
    assert statistics["pixels.norm"] > 100
    assert statistics["pixels.spread"] == 0
    assert statistics["pixels.spread_share"] == 0
    assert statistics["pixels.dead_units"] == 1
    assert statistics["pixels.effective_rank"] == 0
    assert statistics["goal.spread_share"] == pytest.approx(1)


def test_effective_rank_of_known_spectra():
    assert effective_rank(torch.tensor([[1.0, 0], [-1, 0]])) == pytest.approx(1)
    corners = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    assert effective_rank(corners) == pytest.approx(2)
    assert effective_rank(corners * torch.tensor([1.0, 0.0])) == pytest.approx(1)


@settings(deadline=None, max_examples=30)
@given(hnp.arrays(np.float32, (7, 5), elements=st.floats(-3, 3, width=16)))
def test_effective_rank_equals_the_singular_values(values):
    centred = values.astype(float) - values.astype(float).mean(axis=0)
    singular = np.linalg.svd(centred, compute_uv=False)
    singular = singular[singular > 1e-5 * max(singular.max(), 1e-9)]
    if singular.sum() < 1e-2:
        return
    shares = singular / singular.sum()
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert effective_rank(torch.from_numpy(values)).item() == pytest.approx(expected, rel=2e-2)


def test_effective_rank_of_nan_is_nan():
    assert effective_rank(torch.tensor([[torch.nan, 1.0], [2.0, 3.0]])).isnan()


def test_before_a_normalisation_is_reported_apart():
    raw = {"pixels_raw": torch.zeros(5, 4)}
    statistics = feature_statistics(torch.randn(5, 8), COLUMNS, beside=raw)
    assert statistics["pixels_raw.zero_fraction"] == 1
    assert "pixels_raw.spread_share" not in statistics


def test_non_finite_values_are_counted_not_dropped():
    features = torch.randn(5, 8)
    features[0, 0], features[1, 1] = torch.nan, torch.inf
    statistics = feature_statistics(features, COLUMNS)
    assert statistics["pixels.nonfinite"] == 2
    assert statistics["pixels.norm"].isnan()
    assert statistics["goal.norm"].isfinite()


def naive_signal(inputs, weight, columns):
    """Trace of the covariance of z_k W_k^T, one output unit at a time."""
    total = 0.0
    for row in weight:
        outputs = [sum(z[c] * row[c] for c in columns) for z in inputs]
        mean = sum(outputs) / len(outputs)
        total += sum((o - mean) ** 2 for o in outputs) / len(outputs)
    return total


@settings(deadline=None, max_examples=30)
@given(
    hnp.arrays(np.float32, (6, 10), elements=st.floats(-2, 2, width=16)),
    hnp.arrays(np.float32, (2, 3, 10), elements=st.floats(-2, 2, width=16)),
)
def test_signal_equals_naive_loops(inputs, weights):
    columns = {**COLUMNS, "action": torch.tensor([8, 9])}
    result = forward_signal(torch.from_numpy(inputs), list(torch.from_numpy(weights)), columns)
    expected = {
        block: sum(naive_signal(inputs, weight, index.tolist()) for weight in weights)
        for block, index in columns.items()
    }
    for block, value in expected.items():
        assert result[f"{block}.signal"].item() == pytest.approx(value, rel=1e-3, abs=1e-3)
    keys = expected["pixels"] + expected["achieved_goal"] + expected["desired_goal"]
    if keys > 1e-2 and expected["pixels"] + expected["goal"] > 1e-2:
        share = expected["pixels"] / keys
        assert result["pixels.share"].item() == pytest.approx(share, rel=1e-2, abs=1e-3)
        goal = expected["goal"] / (expected["pixels"] + expected["goal"])
        assert result["goal.share"].item() == pytest.approx(goal, rel=1e-2, abs=1e-3)
        parts = [result[f"{b}.share"] for b in ("pixels", "achieved_goal", "desired_goal")]
        assert torch.stack(parts).sum().item() == pytest.approx(1, abs=1e-4)
    assert "action.share" not in result


def test_signal_of_a_net_worked_out_by_hand():
    # z = (1, -1) in pixels and (2, -2) in the goal, weights 3 and 1: outputs +-3 and +-2.
    inputs = torch.tensor([[1.0, 2.0], [-1.0, -2.0]])
    columns = {"pixels": torch.tensor([0]), "goal_key": torch.tensor([1])}
    result = forward_signal(inputs, [torch.tensor([[3.0, 1.0]])], columns)
    assert result["pixels.signal"] == pytest.approx(9)
    assert result["goal_key.signal"] == pytest.approx(4)
    assert result["pixels.share"] == pytest.approx(9 / 13)
    # Together they swing +-5: 25, of which 12 is the covariance the shares leave out.
    assert result["residual"] == pytest.approx(12 / 13)


def test_a_block_that_mixes_both_goals_counts_once_in_the_goal_share():
    inputs = torch.tensor([[0.0, 0.0], [2.0, 4.0]])  # variances 1 and 4
    columns = {
        "pixels": torch.tensor([0]),
        "achieved_goal+desired_goal": torch.tensor([1]),
        "goal": torch.tensor([1]),
    }
    result = forward_signal(inputs, [torch.tensor([[1.0, 1.0]])], columns)
    for block in ("goal", "achieved_goal+desired_goal"):
        assert float(result[f"{block}.share"]) == pytest.approx(4 / 5)
    assert float(result["pixels.share"]) == pytest.approx(1 / 5)
