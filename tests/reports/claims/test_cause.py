"""C7: does the goal's share order the arms?"""

import pytest
from helpers.memory_runs import ARMS, BASELINE, holding_numbers, holding_world, memory_run

from goalscope.diagnostics.record.metrics import SIGNAL_SHARE
from goalscope.reports.claims.cause import cause_link
from goalscope.reports.claims.success import mean_success
from goalscope.reports.numbers.windows import Window
from goalscope.reports.statistics.outcomes import Outcome
from goalscope.reports.statistics.thresholds import Thresholds

RULES = Thresholds()
LATE = Window("late", 9000, 10000)
SEEDS = [f"seed {number}" for number in range(5)]


def claim_of(world, window=LATE):
    return cause_link(world, "late", window, None, mean_success(world), RULES)


@pytest.fixture(scope="module")
def holds():
    return holding_world()


def test_a_world_ordered_by_the_share_supports_and_one_ordered_against_contradicts(holds):
    link = claim_of(holds)
    assert link.verdict.outcome is Outcome.SUPPORTED
    assert [part.interval.low > 0.9 for part in link.quantities] == [True, True]
    assert link.quantities[0].points[0].arm == BASELINE
    assert link.quantities[0].points[0].predictor == pytest.approx(0.02, rel=0.1)
    levels = [holding_numbers(level) for level in range(6)]
    share = SIGNAL_SHARE.key("critic", "goal")
    turned = {
        arm: [memory_run(arm, s, own | {share: other[share]}, (0.0, 0.1 * s)) for s in range(5)]
        for arm, own, other in zip(ARMS, levels, levels[::-1], strict=True)
    }
    link = claim_of(turned)
    assert link.verdict.outcome is Outcome.CONTRADICTED
    assert link.quantities[0].interval.high < 0


def test_success_that_never_varies_has_no_rank(holds):
    levels = [holding_numbers(level) for level in range(6)]
    world = {
        arm: [memory_run(arm, seed, numbers, (0.0, 0.0, 0.0)) for seed in range(5)]
        for arm, numbers in zip(ARMS, levels, strict=True)
    }
    link = claim_of(world)
    assert link.verdict.outcome is Outcome.NOT_TESTED
    assert link.quantities[0].verdict.outcome is Outcome.SUPPORTED
    assert link.quantities[1].sample.missing == tuple(SEEDS)
    assert "without a measurement: seed 0" in link.verdict.reason


def test_what_else_could_order_the_arms_is_shown_and_decides_nothing(holds):
    link = claim_of(holds)
    shown = {part.quantity.label.partition(": ")[2]: part for part in link.beside}
    assert all(part.verdict is None for part in link.beside)
    reaction = "change of Q when the goal is exchanged"
    for predictor in (
        "goal's share of the dimensions",
        "learning rate",
        "the goal's own signal",
        "the signal of pixels",
        "spread of the desired goal",
    ):
        assert f"{predictor} with {reaction}" in shown
        assert f"{predictor} with success over training" in shown
    pixels = shown[f"the signal of pixels with {reaction}"]
    assert pixels.interval.high < -0.9
    # one learning rate for all arms orders nothing
    assert shown[f"learning rate with {reaction}"].sample.missing == tuple(SEEDS)
    slow = [
        memory_run(ARMS[5], seed, holding_numbers(5), (0.0, 0.9), learning_rate=1e-4)
        for seed in range(5)
    ]
    rates = claim_of({**holds, ARMS[5]: slow}).beside[2]
    assert rates.quantity.label == f"rank correlation over arms: learning rate with {reaction}"
    assert rates.interval.high < 0


def test_the_dose_arms_are_ranked_alone_where_there_are_three(holds):
    dose = [part for part in claim_of(holds).beside if "dose" in part.quantity.label]
    assert [part.sample.numbers["seed 0"] for part in dose] == pytest.approx([1, 1])
    assert {point.arm for point in dose[0].points} == set(ARMS[:3])
    without = {arm: runs for arm, runs in holds.items() if not arm.endswith("scale10")}
    assert not [p for p in claim_of(without).beside if "dose" in p.quantity.label]


def test_a_seed_uses_the_arms_it_has_and_needs_four(holds):
    some = {arm: runs[:4] if index > 4 else runs for index, (arm, runs) in enumerate(holds.items())}
    link = claim_of(some)
    assert link.quantities[0].sample.numbers.keys() == set(SEEDS)
    assert link.verdict.outcome is Outcome.SUPPORTED
    few = {arm: runs[:4] if index > 2 else runs for index, (arm, runs) in enumerate(holds.items())}
    link = claim_of(few)  # three arms ran seed 4: it is left out, and four seeds can only lean
    assert link.quantities[0].sample.labels == tuple(SEEDS[:4])
    assert str(link.verdict) == "leaning for"


def test_too_few_arms_or_no_window_are_named(holds):
    three = {arm: holds[arm] for arm in ARMS[:3]}
    link = claim_of(three)
    assert link.verdict.outcome is Outcome.NOT_TESTED
    assert "no seed was run by 4 arms" in link.verdict.reason
    link = claim_of(holds, None)
    assert link.verdict.outcome is Outcome.NOT_TESTED
    assert "no run has a number for: goal's share of the critic's signal" in link.verdict.reason
