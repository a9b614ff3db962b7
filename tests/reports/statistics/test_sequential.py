"""Looking again while seeds are added: by hand, by a naive loop, and over every relabelling."""

from itertools import combinations, product

import numpy as np
import pytest

from goalscope.reports.statistics.sequential import (
    RELABELLINGS,
    can_settle,
    groups_of,
    sequential_looks,
)


def test_arms_that_lie_apart_are_settled_at_the_first_look():
    (look,) = sequential_looks([[0, 0.1, 0.2, 0, 0]], [[0.5, 0.6, 0.9, 1, 1]], [5, 5], 0.05)
    assert (look.seeds, look.settled) == (5, True)
    assert look.difference == pytest.approx(0.74)
    assert look.p_value == pytest.approx(2 / 252)
    assert look.level == pytest.approx(0.025)


def test_the_same_numbers_in_both_arms_settle_nothing():
    zeros = [[0.0] * 5, [0.0] * 5]
    assert [look.p_value for look in sequential_looks(zeros, zeros, [5, 5], 0.05)] == [1, 1]


def relabelled(baseline, other):
    """Every way to exchange the arms' names in their groups."""
    named = []
    for first, second in zip(baseline, other, strict=True):
        runs = [*first, *second]
        picks = combinations(range(len(runs)), len(first))
        named.append(
            [([runs[i] for i in p], [r for i, r in enumerate(runs) if i not in p]) for p in picks]
        )
    return [tuple(zip(*groups, strict=True)) for groups in product(*named)]


def distance(baseline, other, groups):
    sums = [sum(second) - sum(first) for first, second in zip(baseline, other, strict=True)]
    return round(abs(sum(sums[:groups])), 8)


def naive(study, planned, level):
    """At which look each relabelling is settled, and the study's p-values until it is."""
    every = relabelled(*study)
    settled, p_values = [None] * len(every), []
    for look in range(len(planned)):
        share = level * sum(planned[: look + 1]) / sum(planned) * len(every)
        far = [distance(*each, look + 1) for each in every]
        before = [s is not None for s in settled]
        counts = [sum(b or f >= own for b, f in zip(before, far, strict=True)) for own in far]
        p_values.append(counts[0] / len(every))
        settled = [
            s if s is not None else (look if n <= share else None)
            for s, n in zip(settled, counts, strict=True)
        ]
        if settled[0] is not None:
            break
    return settled, p_values


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("effect", [0, 1.5])
def test_what_a_naive_loop_finds_and_no_more_than_the_error_rate(seed, effect):
    generator = np.random.default_rng(seed)
    planned, level = [3, 2, 1], 0.3
    groups = [generator.normal(size=(2, size)) for size in planned]
    study = [g[0].tolist() for g in groups], [(g[1] + effect).tolist() for g in groups]
    settled, p_values = naive(study, planned, level)
    looks = sequential_looks(*study, planned, level)
    assert [look.p_value for look in looks] == pytest.approx(p_values)
    assert looks[-1].settled == (settled[0] is not None)
    every = relabelled(*study)
    found = [sequential_looks(*each, planned, level)[-1].settled for each in every]
    assert 0 < sum(found) <= level * len(every)


def test_ties_settle_no_more_than_the_error_rate():
    study = [[0, 0, 1], [0, 1, 0]], [[1, 1, 0], [1, 0, 1]]
    found = [sequential_looks(*s, [3, 3], 0.2)[-1].settled for s in relabelled(*study)]
    assert sum(found) <= 0.2 * len(found)


def test_a_study_that_has_come_less_far_decides_the_same():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 4, 3)).tolist()
    whole = sequential_looks(first, second, [3] * 4, 0.05)
    assert sequential_looks(first[:2], second[:2], [3] * 4, 0.05) == whole[:2]
    assert sequential_looks([], [], [3] * 4, 0.05) == []


@pytest.mark.parametrize("planned", [[12, 12], [5, 5, 5]])
def test_relabellings_are_drawn_where_they_are_many(planned):
    generator = np.random.default_rng(0)
    first = [generator.normal(size=size).tolist() for size in planned]
    looks = sequential_looks(first, [[v + 3 for v in group] for group in first], planned, 0.05)
    assert looks[-1].settled
    assert 1 / RELABELLINGS <= looks[-1].p_value < 0.02


def test_whether_a_look_before_the_last_can_settle_anything():
    assert groups_of(10, 4) == [4, 4, 2]
    assert not can_settle([3, 2], 0.05)  # 2 in 20
    assert can_settle([4, 1], 0.05)  # 2 in 70
    assert not can_settle([4, 1], 0.025)
    assert can_settle([5, 5], 0.05 / 3)
    assert not can_settle([5, 5], 0.05 / 4)
    assert not can_settle([10], 0.05)
