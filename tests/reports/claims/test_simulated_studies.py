"""A thousand simulated studies: how often is "supported" said where nothing is, and where much is?

The numbers never touch a file: they go through the functions that judge every study.
"""

import math

import numpy as np
import pytest

from goalscope.reports.claims.arm_success import arm_success, judge_success
from goalscope.reports.claims.links import Point
from goalscope.reports.claims.rank_correlation import judge_rank_correlation, rank_arms
from goalscope.reports.numbers.runs import Run
from goalscope.reports.statistics.combining import conjunction
from goalscope.reports.statistics.equivalence import equivalent
from goalscope.reports.statistics.multiplicity import after_holm
from goalscope.reports.statistics.outcomes import (
    Outcome,
    Sample,
    judge_above,
    judge_below,
    judge_raised,
)
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds

RULES = Thresholds()
STUDIES = 1000
NOMINAL = 0.05
CHANCE = NOMINAL + 2 * math.sqrt(NOMINAL * (1 - NOMINAL) / STUDIES)  # what 5 % may come out as
SEEDS = [f"seed {number}" for number in range(5)]
ARMS = 6  # 720 orders


def sample(values):
    return Sample({f"seed {number}": float(value) for number, value in enumerate(values)})


def expit(values):
    return 1 / (1 + np.exp(-np.asarray(values)))


def threshold_verdict(generator, effect=0.0, seeds=5, judge=judge_below):
    """A share whose true value lies `effect` logits below (or above) the threshold of 0.1."""
    logits = generator.normal(math.log(0.1 / 0.9) - effect, 0.5, size=seeds)
    return judge(sample(expit(logits)), Scale.LOGIT, 0.1, RULES)[0]


def fix_verdict(generator, effect=0.0, seeds=5, parts=1):
    """A fix that raises `parts` quantities by `effect` logits, each seed's alike by a half."""
    common = generator.normal(0, 0.3, size=(2, seeds))
    named = []
    for part in range(parts):
        before, after = common + generator.normal(0, 0.3, size=(2, seeds))
        verdict, _ = judge_raised(
            sample(expit(before - 1)), sample(expit(after - 1 + effect)), Scale.LOGIT, RULES
        )
        named.append((str(part), verdict))
    return conjunction(named)


def cause_verdict(generator, effect=0.0, seeds=5, arms=ARMS, own=0.0):
    """Arms whose two reactions follow the share by `effect`, and by `own` something of their own.

    What is of their own is the same for every seed: seeds repeat the arms.
    """
    dose = generator.normal(size=arms)
    share = expit(dose + generator.normal(0, 0.3, size=(seeds, arms)))
    verdicts = []
    for reaction in ("sensitivity", "success"):
        outcome = effect * dose + own * generator.normal(size=arms)
        outcome = outcome + generator.normal(0, 0.3, size=(seeds, arms))
        points = [
            Point(f"arm {arm}", f"seed {seed}", share[seed, arm], outcome[seed, arm])
            for seed in range(seeds)
            for arm in range(arms)
        ]
        labels = [f"seed {seed}" for seed in range(seeds)]
        correlation = rank_arms(points, labels, RULES.arms_to_rank, RULES.confidence)
        verdicts.append((reaction, judge_rank_correlation(correlation, points, RULES)))
    return conjunction(verdicts)


class Seed(Run):
    """A run of which only the label matters."""

    def __init__(self, seed):
        super().__init__(None, "arm", seed, {})


def success_verdict(generator, effect=0.0, seeds=5, episodes=50, mark=0.5):
    """An arm whose true success lies `effect` logits above the mark, seeds apart by 0.4."""
    true = expit(generator.normal(math.log(mark / (1 - mark)) + effect, 0.4, size=seeds))
    rates = generator.binomial(episodes, true) / episodes
    rows = [
        {"label": f"seed {seed}", "value": rate, "episodes": float(episodes)}
        for seed, rate in enumerate(rates)
    ]
    return judge_success(arm_success([Seed(s) for s in range(seeds)], rows, RULES), mark, RULES)


LINKS = {
    "C1 part": threshold_verdict,
    "C3 part, above": lambda g, e=0.0, s=5: threshold_verdict(g, -e, s, judge_above),
    "C5 part": fix_verdict,
    "C5": lambda g, e=0.0, s=5: fix_verdict(g, e, s, parts=8),
    "C6": success_verdict,
    "C6, low": lambda g, e=0.0, s=5: success_verdict(g, e, s, episodes=20, mark=0.85),
    "C7": cause_verdict,
}


def rate(verdicts, outcome=Outcome.SUPPORTED):
    return np.mean([verdict.outcome is outcome for verdict in verdicts])


def decided(verdicts):
    return [v for v in verdicts if v.outcome in (Outcome.SUPPORTED, Outcome.CONTRADICTED)]


@pytest.mark.parametrize("link", LINKS)
def test_nothing_is_supported_as_rarely_as_the_confidence_says(link):
    generator = np.random.default_rng(1)
    assert rate([LINKS[link](generator) for _ in range(STUDIES)]) <= NOMINAL


@pytest.mark.parametrize("link", LINKS)
def test_a_large_effect_is_found_with_five_seeds(link):
    generator = np.random.default_rng(2)
    assert rate([LINKS[link](generator, 2.0) for _ in range(200)]) >= 0.9


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("seeds", [1, 2, 3, 4])
@pytest.mark.parametrize("effect", [0.0, 10.0])
def test_few_seeds_lean_at_most_and_one_is_no_test(link, seeds, effect):
    generator = np.random.default_rng(3)
    verdicts = [LINKS[link](generator, effect, seeds) for _ in range(25)]
    assert not decided(verdicts)
    assert all(verdict.p_value is None for verdict in verdicts)
    if seeds == 1:
        assert {verdict.outcome for verdict in verdicts} == {Outcome.NOT_TESTED}
    elif effect:
        assert {str(verdict) for verdict in verdicts} == {"leaning for"}


@pytest.mark.parametrize("arms", [4, 6, 9])
def test_what_the_arms_have_of_their_own_is_not_taken_for_the_shares_doing(arms):
    """Seeds repeat the arms: without the orders of the arms, a quarter would be supported."""
    generator = np.random.default_rng(4)
    verdicts, intervals = [], []
    for _ in range(STUDIES):
        dose, own = generator.normal(size=(2, arms))
        share, outcome = np.stack([dose, own])[:, None] + generator.normal(0, 0.3, (2, 5, arms))
        points = [
            Point(f"arm {arm}", seed, share[row, arm], outcome[row, arm])
            for row, seed in enumerate(SEEDS)
            for arm in range(arms)
        ]
        correlation = rank_arms(points, SEEDS, 4, 0.95)
        intervals.append(correlation.interval.low > 0)
        verdicts.append(judge_rank_correlation(correlation, points, RULES))
    assert np.mean(intervals) > 0.2
    assert rate(verdicts) <= CHANCE


def test_over_all_links_of_a_time_something_is_decided_as_rarely_as_for_one():
    generator = np.random.default_rng(5)
    false, raw = 0, 0
    for _ in range(STUDIES):
        verdicts = [threshold_verdict(generator) for _ in range(4)]
        verdicts += [fix_verdict(generator, parts=8) for _ in range(2)]
        raw += bool(decided(verdicts))
        false += bool(decided([verdict for verdict, _ in after_holm(verdicts, RULES)]))
    assert raw / STUDIES > 0.2  # eight parts, one of which is enough to contradict
    assert false / STUDIES <= CHANCE


def test_a_large_effect_stands_after_holm():
    generator = np.random.default_rng(6)
    found = []
    for _ in range(200):
        verdicts = [threshold_verdict(generator) for _ in range(5)]
        found.append(after_holm([fix_verdict(generator, 3.0, parts=8), *verdicts], RULES)[0][0])
    assert rate(found) >= 0.9


def test_equivalence_is_said_of_a_difference_at_the_margin_as_rarely_as_it_should():
    generator = np.random.default_rng(7)
    margin = RULES.equivalence_margin(Scale.LOG)
    at_margin = generator.normal(margin, 0.05, size=(STUDIES, 5))
    none = generator.normal(0, 0.05, size=(STUDIES, 5))
    said = [
        np.mean([equivalent(each, margin, RULES.confidence).equivalent for each in studies])
        for studies in (at_margin, none)
    ]
    assert said[0] <= CHANCE
    assert said[1] >= 0.99
