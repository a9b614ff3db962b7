"""C7: does the goal's share order the arms?"""

from dataclasses import replace

import numpy as np
import pytest
from helpers.memory_runs import ARMS, BASELINE, holding_numbers, holding_world, memory_run

from goalscope.diagnostics.record.metrics import SIGNAL_SHARE
from goalscope.reports.claims.cause import cause_links
from goalscope.reports.claims.deciding import Study
from goalscope.reports.claims.success import mean_success
from goalscope.reports.numbers.windows import Window
from goalscope.reports.statistics.outcomes import Outcome, decide
from goalscope.reports.statistics.thresholds import Thresholds

RULES = Thresholds()
LATE = Window("late", 9000, 10000)
SEEDS = [f"seed {number}" for number in range(5)]


STUDY = Study(None, "pixels", "object")


def halves_of(world, window=LATE):
    links = cause_links(world, "late", window, STUDY, mean_success(world), RULES)
    return {link.half: link for link in links}


def outcome(link):
    return decide([link.test], RULES)[0]


@pytest.fixture(scope="module")
def holds():
    return holding_world()


def test_a_world_ordered_by_the_share_supports_and_one_ordered_against_contradicts(holds):
    for link in halves_of(holds).values():
        assert outcome(link).outcome is Outcome.SUPPORTED
        assert link.test.p_value == pytest.approx(2 / 720)  # one order of six arms, and its reverse
        assert link.quantities[0].interval.low > 0.9
        assert link.quantities[0].points[0].arm == BASELINE
    levels = [holding_numbers(level) for level in range(6)]
    share = SIGNAL_SHARE.key("critic", "goal")
    turned = {
        arm: [memory_run(arm, s, own | {share: other[share]}, (0.0, 0.1 * s)) for s in range(5)]
        for arm, own, other in zip(ARMS, levels, levels[::-1], strict=True)
    }
    link = halves_of(turned)["sensitivity"]
    assert outcome(link).outcome is Outcome.CONTRADICTED
    assert link.quantities[0].interval.high < 0


def test_success_that_never_varies_has_no_rank_and_leaves_the_other_half(holds):
    levels = [holding_numbers(level) for level in range(6)]
    world = {
        arm: [memory_run(arm, seed, numbers, (0.0, 0.0, 0.0)) for seed in range(5)]
        for arm, numbers in zip(ARMS, levels, strict=True)
    }
    halves = halves_of(world)
    assert outcome(halves["success"]).outcome is Outcome.NOT_TESTED
    assert "all 5 seeds without a measurement" in halves["success"].test.reason
    assert outcome(halves["sensitivity"]).outcome is Outcome.SUPPORTED


def test_arms_with_a_loud_goal_that_fail_are_named(holds):
    floors = {
        f"floor.noop.{n}": v for n, v in (("success_rate", 0.02), ("low", 0.0), ("high", 0.06))
    }
    world = {
        arm: [with_settings(run, floors | {"floor.episodes": 100}) for run in runs]
        for arm, runs in holds.items()
    }
    assert halves_of(world)["success"].counter_examples == ()
    loud = [memory_run(ARMS[5], seed, holding_numbers(5), (0.0, 0.0)) for seed in range(5)]
    world[ARMS[5]] = [with_settings(r, floors | {"floor.episodes": 100}) for r in loud]
    (named,) = halves_of(world)["success"].counter_examples
    assert named.startswith("fix-c (share 80 %, success 0 %")
    assert halves_of(world)["sensitivity"].counter_examples == ()


def test_an_arm_that_diverges_is_left_out_and_named(holds):
    share = SIGNAL_SHARE.key("critic", "goal")
    lost = [memory_run(ARMS[5], s, holding_numbers(5) | {share: np.nan}, (0, 1)) for s in range(5)]
    test = halves_of(dict(holds) | {ARMS[5]: lost})["sensitivity"].test
    assert test.p_value == pytest.approx(2 / 120)  # of the five other arms
    assert test.reason.endswith("left out for want of seeds with numbers: fix-c")
    one = [*holds[ARMS[5]][:4], lost[4]]  # of one seed: no decision without it
    link = halves_of(dict(holds) | {ARMS[5]: one})["sensitivity"]
    assert outcome(link).way == "for"
    assert link.test.reason.endswith("seed 4 failed with NaN or impossible values")


def test_four_arms_have_too_few_orders_for_a_test(holds):
    four = {arm: holds[arm] for arm in ARMS[:4]}
    link = halves_of(four)["sensitivity"]
    assert outcome(link).outcome is Outcome.NOT_TESTED
    assert "4 arms have too few orders" in link.test.reason
    few = {arm: runs[:3] for arm, runs in four.items()}
    assert halves_of(few)["sensitivity"].test.p_value == pytest.approx(2 / 24)  # leans


def with_settings(run, settings):
    info = replace(run.record.info, settings=run.record.info.settings | settings)
    return replace(run, record=replace(run.record, info=info))


def test_what_else_could_order_the_arms_is_shown_and_decides_nothing(holds):
    halves = halves_of(holds)
    for half, reaction in (
        ("sensitivity", "change of Q when the goal is exchanged"),
        ("success", "success over training"),
    ):
        beside = halves[half].beside
        shown = {part.quantity.label.partition(": ")[2]: part for part in beside}
        assert all(part.test is None for part in beside)
        for predictor in (
            "goal's share of the dimensions",
            "learning rate",
            "the goal's own signal",
            "the signal of pixels",
            "spread of the desired goal",
        ):
            assert f"{predictor} with {reaction}" in shown
        assert shown[f"the signal of pixels with {reaction}"].interval.high < -0.9
        # one learning rate for all arms orders nothing
        assert shown[f"learning rate with {reaction}"].sample.missing == tuple(SEEDS)


def test_the_dose_arms_are_ranked_alone_where_there_are_three(holds):
    dose = [
        p for link in halves_of(holds).values() for p in link.beside if "dose" in p.quantity.label
    ]
    assert [part.sample.numbers["seed 0"] for part in dose] == pytest.approx([1, 1])
    assert {point.arm for point in dose[0].points} == set(ARMS[:3])
    without = {arm: runs for arm, runs in holds.items() if not arm.endswith("scale10")}
    beside = halves_of(without)["success"].beside
    assert not [part for part in beside if "dose" in part.quantity.label]


def test_a_seed_uses_the_arms_it_has_and_needs_four(holds):
    some = {arm: runs[:4] if index > 4 else runs for index, (arm, runs) in enumerate(holds.items())}
    assert halves_of(some)["sensitivity"].quantities[0].sample.numbers.keys() == set(SEEDS)
    assert halves_of(some)["sensitivity"].test.p_value == pytest.approx(2 / 120)  # of five arms
    assert halves_of(some)["sensitivity"].test.reason == (
        "rank correlation over 5 arms above 0; left out for want of seeds with numbers: fix-c"
    )
    few = {arm: runs[:4] if index > 2 else runs for index, (arm, runs) in enumerate(holds.items())}
    link = halves_of(few)["sensitivity"]  # three arms ran seed 4: four seeds can only lean
    assert link.quantities[0].sample.labels == tuple(SEEDS[:4])
    assert link.test.reason == "rank correlation over 6 arms above 0"
    assert str(outcome(link)) == "leaning for"


def test_too_few_arms_or_no_window_are_named(holds):
    link = halves_of({arm: holds[arm] for arm in ARMS[:3]})["sensitivity"]
    assert "no seed was run by 4 arms" in link.test.reason
    link = halves_of(holds, None)["sensitivity"]
    assert outcome(link).outcome is Outcome.NOT_TESTED
    assert "no run has a number for: goal's share of the critic's signal" in link.test.reason
