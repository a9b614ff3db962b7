"""Simulated links of their own kind: success over episodes, and arms ordered by a share."""

import math

import numpy as np
import pytest

from goalscope.reports.claims.arm_success import arm_success, success_test
from goalscope.reports.claims.links import Point
from goalscope.reports.claims.rank_correlation import rank_arms, rank_test
from goalscope.reports.numbers.runs import Run
from goalscope.reports.statistics.equivalence import equivalent
from goalscope.reports.statistics.outcomes import Outcome, decide
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds

RULES = Thresholds()
STUDIES = 500
NOMINAL = 0.05
CHANCE = NOMINAL + 2 * math.sqrt(NOMINAL * (1 - NOMINAL) / STUDIES)  # what 5 % may come out as


def expit(values):
    return 1 / (1 + np.exp(-np.asarray(values)))


def cause_test(generator, effect=0.0, seeds=5, arms=6, own=0.0):
    """Arms whose reaction follows the share by `effect`, and by `own` something of their own.

    What is of their own is the same for every seed: seeds repeat the arms.
    """
    dose = generator.normal(size=arms)
    share = expit(dose + generator.normal(0, 0.3, size=(seeds, arms)))
    outcome = effect * dose + own * generator.normal(size=arms)
    outcome = outcome + generator.normal(0, 0.3, size=(seeds, arms))
    points = [
        Point(f"arm {arm}", f"seed {seed}", share[seed, arm], outcome[seed, arm])
        for seed in range(seeds)
        for arm in range(arms)
    ]
    labels = [f"seed {seed}" for seed in range(seeds)]
    return rank_test(rank_arms(points, labels, RULES.arms_to_rank, 0.95), points, RULES)


class Seed(Run):
    """A run of which only the label matters."""

    def __init__(self, seed):
        super().__init__(None, "arm", seed, {})


def outcome_test(generator, effect=0.0, seeds=5, episodes=50, mark=0.5):
    """An arm whose true success lies `effect` logits above the mark, seeds apart by 0.4."""
    true = expit(generator.normal(math.log(mark / (1 - mark)) + effect, 0.4, size=seeds))
    rates = generator.binomial(episodes, true) / episodes
    rows = [
        {"label": f"seed {seed}", "value": rate, "episodes": float(episodes)}
        for seed, rate in enumerate(rates)
    ]
    return success_test(arm_success([Seed(s) for s in range(seeds)], rows, RULES), mark, RULES)


LINKS = {
    "C6": outcome_test,
    "C6, low": lambda g, e=0.0, s=5: outcome_test(g, e, s, episodes=20, mark=0.85),
    "C7": cause_test,
}


def outcomes(link, seed, studies, *arguments):
    generator = np.random.default_rng(seed)
    return [decide([LINKS[link](generator, *arguments)], RULES)[0] for _ in range(studies)]


@pytest.mark.parametrize("link", LINKS)
def test_nothing_is_said_as_rarely_as_the_rate_says(link):
    assert np.mean([bool(v.speaks) for v in outcomes(link, 1, STUDIES)]) <= CHANCE


@pytest.mark.parametrize("link", LINKS)
def test_a_large_effect_is_found_with_five_seeds(link):
    found = [v.outcome is Outcome.SUPPORTED for v in outcomes(link, 2, 100, 2.0)]
    assert np.mean(found) >= 0.9


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("seeds", [1, 2, 4])
def test_few_seeds_lean_at_most_and_one_is_no_test(link, seeds):
    found = {v.outcome for v in outcomes(link, 3, 25, 10.0, seeds)}
    assert not found & {Outcome.SUPPORTED, Outcome.CONTRADICTED}
    assert seeds > 1 or found == {Outcome.NOT_TESTED}


@pytest.mark.parametrize("arms", [5, 6, 9])
def test_what_the_arms_have_of_their_own_is_not_taken_for_the_shares_doing(arms):
    """Seeds repeat the arms: an interval over seeds would call a quarter of them supported."""
    generator = np.random.default_rng(4)
    tests = [cause_test(generator, arms=arms, own=1.0) for _ in range(STUDIES)]
    assert np.mean([test.p_value < NOMINAL for test in tests]) <= CHANCE


def test_equivalence_is_said_of_a_difference_at_the_margin_as_rarely_as_it_should():
    generator = np.random.default_rng(7)
    margin = RULES.equivalence_margin(Scale.LOG)
    at_margin = generator.normal(margin, 0.05, size=(1000, 5))
    none = generator.normal(0, 0.05, size=(1000, 5))
    said = [
        np.mean([equivalent(each, margin, RULES.confidence).equivalent for each in studies])
        for studies in (at_margin, none)
    ]
    assert said[0] <= CHANCE
    assert said[1] >= 0.99
