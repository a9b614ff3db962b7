"""What checks read of a run."""

from dataclasses import replace

import pytest
from helpers.planted import with_metrics
from helpers.synthetic_runs import BASELINE, FIX, write_run

from goalscope.diagnostics.record.keys import before_normalisation
from goalscope.diagnostics.record.metrics import (
    DOWNHILL,
    EFFECTIVE_RANK,
    FEATURE_NORM,
    FEATURE_SPREAD,
    ZERO_FRACTION,
)
from goalscope.diagnostics.record.transition_metrics import (
    EPISODES_FORGOTTEN,
    EPISODES_HELD,
    TARGET_LAG,
    UNPAID_FRACTION,
)
from goalscope.reports.checks.readings import (
    goal_swap,
    measured,
    smaller,
    under_normalisation,
    varying_part,
)
from goalscope.reports.checks.replay_readings import episodes_left, overwritten_of_few
from goalscope.reports.checks.reward_readings import success_in_training_alone
from goalscope.reports.checks.series import series_of
from goalscope.reports.checks.step_readings import (
    lasting,
    signal_growth,
    steepest_climb,
    target_lag_in_steps,
)
from goalscope.reports.findings.diagnosis import diagnose
from goalscope.reports.numbers.runs import load_run


@pytest.mark.parametrize("metric", [ZERO_FRACTION, EFFECTIVE_RANK])
@pytest.mark.parametrize("network", ["critic", "actor"])
def test_a_normalised_encoder_is_read_before_its_normalisation(tmp_path, metric, network):
    # of 50 features before LayerNorm and Tanh: the zeros that the demo's fix records late
    run = load_run(write_run(tmp_path / "a", kind=FIX))
    recorded = {before_normalisation("pixels"): 0.62, "pixels": 0.0}
    run = with_metrics(run, {metric.key(network, b): v for b, v in recorded.items()})
    assert set(under_normalisation(metric)(run, network).values) == {0.62}


def test_a_constant_is_seen_under_a_normalisation_that_blows_it_up(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=FIX))
    raw = before_normalisation("pixels")
    values = {(FEATURE_NORM, raw): 2.0, (FEATURE_SPREAD, raw): 1e-5}
    values |= {(FEATURE_NORM, "pixels"): 4.9, (FEATURE_SPREAD, "pixels"): 0.3}
    run = with_metrics(run, {m.key("critic", b): v for (m, b), v in values.items()})
    assert varying_part(run, "critic").values.max() < 1e-4
    # features that are active in few observations deviate by more than their mean length
    rare = with_metrics(run, {FEATURE_SPREAD.key("critic", raw): 2.0})
    assert set(varying_part(rare, "critic").values) == {1.0}


def test_a_few_steps_uphill_are_an_overshoot_and_many_are_a_climb(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=BASELINE))
    key = DOWNHILL.key("actor_loss")
    over = [(u, -0.5 if 60 <= u <= 300 else 0.3) for u in range(0, 600, 50)]
    assert steepest_climb(with_metrics(run, {key: over}), "actor").values.min() == 0.3
    flat = [(u, -0.5) for u in range(1, 11)]  # and then no gradient, and no direction
    climb = steepest_climb(with_metrics(run, {key: flat}), "actor")
    assert set(climb.values) == {-0.5}
    assert (climb.updates[0], climb.updates[-1]) == (1, run.updates)
    assert steepest_climb(with_metrics(run, {key: flat[:5]}), "actor") is None


@pytest.mark.parametrize("tau", [0.005, 0.5, 0.995])
def test_the_targets_lag_is_told_in_steps_of_the_critic(tmp_path, tau):
    step, critic, target = 0.003, 0.0, 0.0
    for _ in range(5_000):  # a critic that goes one way
        lag = critic - target
        critic += step
        target += tau * (critic - target)
    numbers = {TARGET_LAG.key(): lag, "gradient/critic_loss.action.update_ratio": step}
    run = with_metrics(load_run(write_run(tmp_path / "a", kind=BASELINE)), numbers)
    run = replace(run, metrics={k: v for k, v in run.metrics.items() if k in numbers})
    found = target_lag_in_steps(run, "")
    assert found.values == pytest.approx([(1 - tau) / tau] * len(found.values), rel=1e-3)


def test_episodes_that_replay_loses_without_overwriting_them_are_counted(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=BASELINE))
    held, forgotten = EPISODES_HELD.key(), EPISODES_FORGOTTEN.key()

    def left(*numbers):
        columns = zip(*numbers, strict=True)
        parts = (list(enumerate(map(float, column))) for column in columns)
        told = dict(zip((held, forgotten), parts, strict=True))
        return episodes_left(with_metrics(run, told), "").values.tolist()

    assert left((2, 0), (5, 0), (5, 3), (4, 9)) == [1, 1, 1, 1]  # a ring that goes round
    assert left((2, 0), (5, 0), (1, 0), (6, 0)) == [1, 1, 0.2, 0.2]
    assert left((0, 0), (4, 0), (2, 0)) == [1, 1, 0.5]
    assert left((9, 40), (8, 0), (9, 5)) == [1, 8 / 9, 8 / 9]  # counted anew by a second `learn`


def test_what_lasted_is_kept_in_mind_and_what_passed_is_not(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=BASELINE))
    read = lasting(measured(UNPAID_FRACTION))
    key = UNPAID_FRACTION.key()
    told = [(u, 0.9 if u < 150 else 0.0) for u in range(0, 600, 50)]  # and then the critics agree
    found = read(with_metrics(run, {key: told}), "critic")
    assert set(found.values) == {0.9}
    assert found.updates[-1] == run.updates
    once = [(u, 0.9 if u < 100 else 0.0) for u in range(0, 600, 50)]
    assert set(read(with_metrics(run, {key: once}), "critic").values) == {0.0}


def test_the_smaller_number_is_taken_where_both_are_and_else_the_one(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=BASELINE))
    made = with_metrics(run, {"a/one": [(0, 1.0), (10, 5.0)], "a/other": [(10, 2.0), (20, 3.0)]})
    one, other = (lambda r, _, key=key: read(r, key) for key in ("a/one", "a/other"))
    found = smaller(one, other, lambda *_: None)(made, "")
    assert list(zip(found.updates, found.values, strict=True)) == [(0, 1.0), (10, 2.0), (20, 3.0)]


def read(run, key):
    table = run.metrics[key]
    return series_of(table["update"].to_numpy(), table["value"].to_numpy())


def test_a_goal_that_is_shown_and_that_no_feature_depends_on_is_unheard(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=BASELINE))
    info = run.record.info
    networks = {
        name: {**network, "blocks": [b for b in network["blocks"] if "goal" not in b["name"]]}
        for name, network in info.networks.items()
    }
    shown = {"observation of desired_goal": "float32 (3,), -inf to inf"}
    for environment, unheard in ((shown, True), ({}, False)):
        blind = replace(info, networks=networks, environment=environment)
        changed = replace(run, record=replace(run.record, info=blind))
        named = {f.check.name for f in diagnose(changed).findings}
        assert ("goal_unheard" in named) == unheard
        if unheard:
            assert set(goal_swap(changed, "critic").values) == {0.0}


def growth(run, **values):
    """Return how far the critic's signals grew where its other blocks are silent."""
    updates = [update for update, _ in next(iter(values.values()))]
    silent = {key: 0.0 for key in run.metrics if key.startswith("signal/critic.")}
    own = {f"signal/critic.{block}.signal": numbers for block, numbers in values.items()}
    return signal_growth(with_metrics(run, silent | own, updates), "critic").values[-1]


def test_signals_grow_together_and_for_good(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=BASELINE))
    updates = range(0, 601, 50)
    rises = [(u, 1e-4 if u < 100 else 1.0) for u in updates]  # squares: a hundredfold
    steady = [(u, 1.0) for u in updates]
    assert growth(run, pixels=rises) == pytest.approx(100)
    assert growth(run, pixels=rises, desired_goal=steady) == pytest.approx(2**0.5, rel=1e-3)
    assert growth(run, goal=rises, desired_goal=steady) == 1  # which stands for its vectors
    burst = [(u, 1e6 if u in (200, 250) else 1.0) for u in updates]
    assert growth(run, pixels=burst) == 1
    passing = [(u, 1e6 if 200 <= u <= 300 else 1.0) for u in updates]
    assert growth(run, pixels=passing) == pytest.approx(1000)
    slow = [(u, 4.0 ** (u / 10_000)) for u in range(0, 200_001, 500)]  # of a very long run
    assert 1.8 < growth(run, pixels=slow) < 2


def test_episodes_are_missed_only_where_few_are_left(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=BASELINE))
    held, forgotten = (f"transitions/replay.episodes_{kind}" for kind in ("held", "forgotten"))
    assert overwritten_of_few(run, "") is None
    for numbers, expected in (((3, 27), 9), ((0, 7), 7), ((20, 5_000), 0), ((3, 0), 0)):
        one = with_metrics(run, dict(zip((held, forgotten), numbers, strict=True)))
        assert set(overwritten_of_few(one, "").values) == {expected}


def test_success_in_training_is_that_of_the_episodes_before_an_evaluation(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=BASELINE))
    rollout = {
        "training/rollout.success_rate": [
            *[(10, 0.5), (20, 1.0), (30, 0.0), (40, 1.0)],
            *[(60, 1.0), (70, 0.9), (80, 0.7)],
        ],
        "training/rollout.episodes": [
            *[(10, 6), (20, 2), (30, 10), (40, 10)],
            *[(60, 4), (70, 10), (80, 10)],
        ],
    }
    evaluations = [(0, 0.0), (20, 0.1), (40, 0.0), (50, 0.9), (60, 0.0), (70, 0.2), (80, 0.2)]
    evaluated = with_metrics(run, rollout | {"evaluation/policy.success_rate": evaluations})
    found = success_in_training_alone(evaluated, "").finite()
    assert list(zip(found.updates, found.values, strict=True)) == [
        (20, 5 / 8),
        (40, 0.5),
        (50, 0.0),  # it succeeds
        (70, 0.9),  # less than a quarter as often
        (80, 0.0),
    ]  # before the first no episode had ended, and before the one at 60 only four
