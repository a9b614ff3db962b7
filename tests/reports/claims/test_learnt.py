"""C6: success against the plan's marks, over seeds and over all their episodes."""

import math

import numpy as np
import pytest
from helpers.memory_runs import EPISODES, memory_run
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goalscope.reports.claims.arm_success import arm_success, success_test
from goalscope.reports.claims.learnt import success_links
from goalscope.reports.statistics.outcomes import Outcome, decide
from goalscope.reports.statistics.thresholds import Thresholds

RULES = Thresholds()


def runs_of(arm, rates, task="FetchPush-v4"):
    return [memory_run(arm, seed, {}, (0.0, rate, rate), task) for seed, rate in enumerate(rates)]


def claim_of(*rates, task="FetchPush-v4"):
    (link,) = success_links({"fix": runs_of("fix", rates, task)}, RULES)
    return link


def alone(test):
    """Return the verdict of a test that stands on its page by itself."""
    return decide([test], RULES)[0]


def outcomes_of(*rates):
    return [str(alone(part.test)) for part in claim_of(*rates).quantities]


def success_of(rates, episodes):
    rows = [
        {"label": f"seed {seed}", "value": rate, "episodes": episodes}
        for seed, rate in enumerate(rates)
    ]
    return arm_success(runs_of("fix", rates), rows, RULES)


@pytest.mark.parametrize(
    ("rates", "outcomes"),
    [
        ((0.9, 0.94, 0.96, 0.92, 0.98), ["supported", "supported", "supported"]),
        ((0.76, 0.8, 0.82, 0.78, 0.84), ["supported", "supported", "contradicted"]),
        ((0.62, 0.7, 0.76, 0.68, 0.74), ["supported", "undecided", "contradicted"]),
        ((0.02, 0.06, 0.0, 0.04, 0.08), ["contradicted"] * 3),
        ((0.1, 0.9, 0.5, 0.3, 0.8), ["undecided"] * 3),
        ((1.0, 1.0, 1.0, 1.0, 1.0), ["supported"] * 3),
        ((0.9, 1.0, 1.0, 0.96, 0.94), ["supported"] * 3),  # a seed at the ceiling is no outlier
        ((0.9, 0.94, 0.96), ["leaning for"] * 3),
        ((0.1, 0.14), ["leaning against"] * 3),
        ((0.9,), ["not tested"] * 3),
    ],
)
def test_each_mark_has_its_outcome(rates, outcomes):
    assert outcomes_of(*rates) == outcomes


def test_the_first_mark_decides_and_all_are_shown():
    link = claim_of(0.62, 0.7, 0.76, 0.68, 0.74)
    assert link.test is link.quantities[0].test
    assert (link.name, link.time) == ("C6", "late")
    assert [part.quantity.threshold for part in link.quantities] == [0.5, 0.7, 0.85]
    assert [part.quantity.short for part in link.quantities][1] == "success, 70 %"
    interval = link.quantities[0].interval
    assert interval.mean == pytest.approx(0.70)
    assert interval.low > 0.5


def test_the_interval_is_the_range_of_seeds_and_episodes():
    rates, episodes = [0.6, 0.7, 0.8, 0.65, 0.75], 20
    interval = success_of(rates, episodes).interval
    logits = [math.log((r * 20 + 0.5) / (20 - r * 20 + 0.5)) for r in rates]
    ends = stats.t.interval(0.95, 4, np.mean(logits), stats.sem(logits))
    over_seeds = [1 / (1 + math.exp(-end)) for end in ends]
    wilson = stats.binomtest(70, 100).proportion_ci(0.95, method="wilson")
    assert interval.low == pytest.approx(min(over_seeds[0], wilson.low))
    assert interval.high == pytest.approx(max(over_seeds[1], wilson.high))


def test_seeds_that_agree_on_few_episodes_tell_little():
    verdict = alone(success_test(success_of([1.0] * 5, 1), 0.7, RULES))
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.p_value > 0.05
    many = success_test(success_of([1.0] * 5, 20), 0.7, RULES)
    assert alone(many).outcome is Outcome.SUPPORTED


def test_the_p_value_is_the_weaker_ones():
    agreeing = success_of([0.8] * 5, 20)  # the seeds agree: what is left is the episodes' doubt
    test = success_test(agreeing, 0.7, RULES)
    score = (0.8 - 0.7) / math.sqrt(0.7 * 0.3 / 100)
    assert test.p_value == pytest.approx(2 * stats.norm.sf(score))


def test_other_tasks_have_numbers_and_no_marks():
    link = claim_of(0.9, 0.94, 0.96, 0.92, 0.98, task="FetchReach-v4")
    assert alone(link.test).outcome is Outcome.NOT_TESTED
    assert link.test.reason == "the plan's marks are for Push, not for FetchReach-v4"
    assert link.quantities[0].interval.mean == pytest.approx(0.94)
    arms = {"fix": runs_of("fix", [0.9] * 5), "reach": runs_of("reach", [0.9] * 5, "FetchReach-v4")}
    found = {link.arm: alone(link.test).outcome for link in success_links(arms, RULES)}
    assert found == {"fix": Outcome.SUPPORTED, "reach": Outcome.NOT_TESTED}


def test_without_an_evaluation_after_the_start_it_is_not_tested():
    never = [memory_run("fix", seed, {}) for seed in range(5)]
    start = [memory_run("fix", seed, {}, (1.0,)) for seed in range(5)]
    for runs in (never, start):
        (link,) = success_links({"fix": runs}, RULES)
        assert alone(link.test).outcome is Outcome.NOT_TESTED
        assert link.test.reason == "not evaluated after step 0"


def test_a_seed_without_an_evaluation_keeps_it_at_leaning():
    runs = [*runs_of("fix", [0.9, 0.94, 0.96, 0.92, 0.98]), memory_run("fix", 5, {})]
    (link,) = success_links({"fix": runs}, RULES)
    assert str(alone(link.test)) == "leaning for"
    assert "seed 5" in alone(link.test).reason


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.floats(0, 1), max_size=7),
    st.lists(st.sampled_from([math.nan, math.inf, -0.5, 1.5]), min_size=1, max_size=2),
    st.sampled_from([math.nan, 0.0, float(EPISODES)]),
)
def test_nothing_is_decided_on_broken_evaluations(rates, broken, episodes):
    success = success_of([*rates, *broken], EPISODES)
    decided = (Outcome.SUPPORTED, Outcome.CONTRADICTED)
    assert alone(success_test(success, 0.5, RULES)).outcome not in decided
    if episodes != EPISODES:
        test = success_test(success_of(rates, episodes), 0.5, RULES)
        assert alone(test).outcome is Outcome.NOT_TESTED
