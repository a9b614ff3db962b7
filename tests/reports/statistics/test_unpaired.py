"""Two arms compared without pairs."""

import itertools

import numpy as np
import pytest

from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.unpaired import unpaired_comparison


@pytest.mark.parametrize(("first", "second"), [(3, 3), (2, 5), (5, 4)])
def test_the_unpaired_p_is_an_enumeration(first, second):
    generator = np.random.default_rng(first)
    baseline, other = generator.uniform(0.1, 0.5, first), generator.uniform(0.3, 0.7, second)
    found = unpaired_comparison(baseline, other, Scale.LOGIT)
    both = np.concatenate([baseline, other])
    logits = np.log(both / (1 - both))
    distances = []
    for chosen in itertools.combinations(range(first + second), first):
        mask = np.isin(np.arange(first + second), chosen)
        distances.append(abs(logits[mask].mean() - logits[~mask].mean()))
    observed = abs(logits[:first].mean() - logits[first:].mean())
    assert found.p_value == pytest.approx(np.mean(np.array(distances) >= observed - 1e-12))
    assert found.p_value >= found.smallest_p
    assert found.improvement == pytest.approx(np.mean(other[:, None] > baseline[None, :]))
    assert (found.baseline_seeds, found.other_seeds) == (first, second)


def test_the_least_an_unpaired_comparison_can_reach():
    low, high = [0.1, 0.11, 0.12, 0.13, 0.14], [0.5, 0.51, 0.52, 0.53, 0.54]
    assert unpaired_comparison(low, high, Scale.LOGIT).p_value == pytest.approx(2 / 252)
    assert unpaired_comparison(low[:3], high[:3], Scale.LOGIT).p_value == pytest.approx(0.1)
    assert unpaired_comparison(low, low, Scale.LOGIT).p_value == 1.0
    assert unpaired_comparison(low, low, Scale.LOGIT).improvement == 0.5
    many = np.linspace(0.1, 0.3, 12)  # too many splits: drawn, and the same each time
    assert unpaired_comparison(many, many + 0.05, Scale.LOGIT) == unpaired_comparison(
        many, many + 0.05, Scale.LOGIT
    )
