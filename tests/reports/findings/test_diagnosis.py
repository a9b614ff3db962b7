"""What is wrong with a run: what is planted is named, causes first, and nothing is invented."""

import math
from dataclasses import replace

import pytest
from helpers.diagnosed import LONG, made, names
from helpers.planted import FAULTS, HEALTHY, LIMITS, PER_NETWORK, UPDATES, with_metrics
from helpers.synthetic_runs import BASELINE, write_run

from goalscope.diagnostics.record import Line, Lines
from goalscope.diagnostics.record.metrics import metric_of
from goalscope.reports.checks.table import CHECKS
from goalscope.reports.findings.diagnosis import diagnose
from goalscope.reports.findings.learning import Learning
from goalscope.reports.findings.words import summary
from goalscope.reports.numbers.runs import GOAL_KEYS, Run, load_run

ELSEWHERE = {
    "nan",
    "discount_without_end",
    "late_unmeasured",
    "held_by_two_optimisers",
    "discount_too_low",
    "images_flattened",
    "vectors_saturated",
    "entropy_fixed_high",
    "never_updated",
    "hardly_updated",
    "hindsight_missing",
    "encoder_held_by_both",
}  # planted in tests of their own, test_single_checks.py


def test_nothing_is_wrong_with_healthy_runs(short, normalised, failing, learning):
    for run in (short, normalised, failing, learning):
        assert names(run) == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named_first(short, name):
    assert names(with_metrics(short, FAULTS[name]))[0] == name


@pytest.mark.parametrize("network", ["critic", "actor"])
@pytest.mark.parametrize("name", PER_NETWORK)
def test_a_fault_of_one_network_names_that_network(short, normalised, name, network):
    run = normalised if name == "saturated" else short
    values = {key.format(network): value for key, value in PER_NETWORK[name].items()}
    first = diagnose(with_metrics(run, values)).findings[0]
    assert (first.check.name, first.network) == (name, network)


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_named_in_a_run_that_fails_and_in_no_other(failing, learning, short, name):
    assert names(with_metrics(failing, LIMITS[name], LONG))[0] == name
    assert names(with_metrics(learning, LIMITS[name], LONG)) == []
    assert names(with_metrics(short, LIMITS[name])) == []


def test_a_limit_that_is_gone_is_no_finding_and_is_told_where_nothing_else_is(failing, learning):
    key = "training/relabelled.unmoved_fraction"
    values = [(update, 0.95 if update <= 1_500 else 0.5) for update in LONG]
    run = with_metrics(failing, {key: values}, LONG)
    assert names(run) == []
    words = summary(diagnose(run))
    gone = "Hindsight relabels episodes in which nothing moved (from update 0 to 1,500)."
    assert words.endswith(f"Earlier, and no longer: {gone}")
    assert "no longer" not in summary(diagnose(failing))
    assert "no longer" not in summary(diagnose(replace(learning, metrics=run.metrics)))


def test_a_limit_against_which_all_is_done_stands_after_those_with_something_to_try(failing):
    two = with_metrics(failing, {**LIMITS["goal_path_quiet"], **LIMITS["camera_too_coarse"]}, LONG)
    assert names(of_changes(two, "pixel-her")) == ["goal_path_quiet", "camera_too_coarse"]
    done = of_changes(two, "pixel-her", "goal-std")
    assert names(done) == ["camera_too_coarse", "goal_path_quiet"]
    assert [finding.is_used_up(done) for finding in diagnose(done).findings] == [False, True]
    fault = with_metrics(done, FAULTS["q_beyond_rewards"], LONG)
    assert names(fault)[0] == "q_beyond_rewards"


def of_changes(run: Run, *changes: str) -> Run:
    info = run.record.info
    settings = {**info.settings, "arm.changes": list(changes)}
    return replace(run, record=replace(run.record, info=replace(info, settings=settings)))


def test_every_check_has_been_planted():
    assert {check.name for check in CHECKS} == {*FAULTS, *PER_NETWORK, *LIMITS, *ELSEWHERE}


def test_what_is_planted_is_what_a_record_can_hold():
    planted = [HEALTHY, *FAULTS.values(), *LIMITS.values()]
    planted += [{k.format("critic"): v for k, v in p.items()} for p in PER_NETWORK.values()]
    assert [key for values in planted for key in values if metric_of(key) is None] == []


def test_names_of_checks_are_unique_and_what_they_explain_exists():
    checks = {check.name for check in CHECKS}
    assert len(checks) == len(CHECKS)
    for check in CHECKS:
        assert set(check.explains + check.leads_to) <= checks, check.name


def test_nan_is_named_at_once_and_first(tmp_path):
    key = "gradient/critic_loss.pixels.weight_gradient"
    broken = with_metrics(
        made(tmp_path, replace(BASELINE, overrides={(key, 300): math.nan})), HEALTHY
    )
    found = diagnose(with_metrics(broken, FAULTS["constant_images"])).findings
    assert [finding.check.name for finding in found] == ["nan", "constant_images"]
    assert found[0].spell.since == 300


def test_a_share_of_nothing_is_not_broken(tmp_path):
    key = "gradient/critic_loss.pixels.weight_gradient_share"
    run = made(tmp_path, replace(BASELINE, overrides={(key, 300): math.nan}))
    assert names(with_metrics(run, HEALTHY)) == []


def test_an_end_that_was_not_measured_is_said(failing):
    key = "features/critic.pixels.norm"
    family = [k for k in failing.metrics if k.startswith("features/")]
    cut = {k: t[t["update"] <= 1_500] for k, t in failing.metrics.items() if k in family}
    assert key in cut
    found = diagnose(replace(failing, metrics={**failing.metrics, **cut})).findings
    assert [(one.check.name, one.spell.since) for one in found] == [("late_unmeasured", 1_500)]


def test_an_encoder_that_dies_in_mid_training_is_named_with_the_update(failing):
    dying = [(u, 0.5 if u < 1_000 else 0.99) for u in LONG]
    run = with_metrics(failing, {"features/actor.pixels.zero_fraction": dying})
    found = diagnose(run).findings[0]
    assert (found.check.name, found.network, found.spell.since) == ("dead_units", "actor", 1_000)
    assert found.spell.until is None


def test_what_follows_stands_under_its_cause(short):
    without = {"gradient/critic_loss.pixels.encoder_gradient": 0.0}
    found = diagnose(with_metrics(short, FAULTS["critic_constant"] | without)).findings
    assert [finding.check.name for finding in found] == ["critic_constant"]
    assert [finding.check.name for finding in found[0].follows] == ["encoder_without_gradient"]


def test_nothing_explains_what_was_there_before_it(short):
    dying = [(u, 0.5 if u < 300 else 1.0) for u in UPDATES]
    values = {
        "features/actor.pixels.zero_fraction": dying,
        "gradient/actor_loss.pixels.encoder_gradient": 0.0,
    }
    assert names(with_metrics(short, values)) == ["dead_units", "encoder_without_gradient"]


def test_full_throttle_leads_to_what_began_after_it_and_to_nothing_that_was_there_before(failing):
    full = {"transitions/actor.saturated_fraction": 0.99}
    wild = full | {"transitions/critic.q_excess": 16.0}
    full |= {f"observation/replay.{key}.spread": 1.0 for key in GOAL_KEYS}
    wild |= full
    offsets = [
        f"transitions/{network}.{key}.normalised_offset"
        for network in ("critic", "actor")
        for key in (*GOAL_KEYS, "observation")
    ]
    later = {key: [(u, 0.5 if u < 300 else 8.0) for u in LONG] for key in offsets}
    (found,) = diagnose(with_metrics(failing, wild | later, LONG)).findings
    assert found.check.name == "q_beyond_rewards"
    assert {one.check.name for one in found.follows} == {"actor_saturated", "normalisation_stale"}
    assert names(with_metrics(failing, full | later, LONG)) == ["actor_saturated"]
    at_once = names(with_metrics(failing, wild | dict.fromkeys(offsets, 8.0), LONG))
    assert at_once == ["normalisation_stale", "q_beyond_rewards"]


def test_a_saturated_actor_leads_to_all_that_q_makes_of_it_later(failing):
    values = {
        "transitions/actor.saturated_fraction": [(u, float(u >= 500)) for u in LONG],
        "transitions/critic.q_excess": [(u, float(u >= 1_500)) for u in LONG],
        "transitions/critic.newest_q_bias": [(u, -float(u >= 1_000)) for u in LONG],
    }
    (found,) = diagnose(with_metrics(failing, values, LONG)).findings
    assert found.check.name == "actor_saturated"
    follows = [one.check.name for one in found.follows]
    assert follows == ["critic_underestimates", "q_beyond_rewards"]  # as they stand in the table


def test_nothing_explains_what_began_long_after_it_ended(failing):
    blank = [(u, 0.0 if u < 200 else 0.2) for u in LONG]
    dying = [(u, 0.5 if u < 1_500 else 1.0) for u in LONG]
    values = {
        "observation/replay.pixels.spread": blank,
        "features/actor.pixels.zero_fraction": dying,
    }
    assert "dead_units" in names(with_metrics(failing, values, LONG))


def test_a_dead_encoder_explains_nothing_of_the_other_network(short):
    values = {
        "features/actor.pixels.zero_fraction": 1.0,
        "gradient/critic_loss.pixels.encoder_gradient": 0.0,
    }
    found = diagnose(with_metrics(short, values)).findings
    assert [(f.check.name, f.network) for f in found] == [
        ("dead_units", "actor"),
        ("encoder_without_gradient", "critic"),
    ]


def test_units_that_a_normalisation_hides_are_read_before_it(normalised):
    values = {
        "features/critic.pixels.zero_fraction": 0.0,
        "features/critic.pixels_raw.zero_fraction": 1.0,
    }
    assert names(with_metrics(normalised, values)) == ["dead_units"]


def test_a_shared_encoder_is_named_once(tmp_path):
    shared = replace(BASELINE, settings={"agent.share_features_extractor": True})
    values = HEALTHY | {f"features/{n}.pixels.zero_fraction": 1.0 for n in ("critic", "actor")}
    found = diagnose(with_metrics(made(tmp_path, shared), values)).findings
    assert [(f.check.name, f.network) for f in found] == [("dead_units", "critic")]


def test_an_actor_that_loses_its_features_and_succeeds_is_spared(learning, short):
    constant = {"features/actor.pixels.spread": 0.0}
    assert names(with_metrics(learning, constant, LONG)) == []
    assert names(with_metrics(short, constant)) == ["constant_features"]


def test_causes_come_before_their_consequences():
    order = [check.name for check in CHECKS]
    for check in CHECKS:
        for consequence in check.explains:
            assert order.index(check.name) < order.index(consequence), (check.name, consequence)


def test_every_check_is_asked_quiet_or_impossible(short):
    found = diagnose(short)
    asked = {check.name for check in found.quiet}
    not_asked = {check.name for checks in found.impossible.values() for check in checks}
    assert asked | not_asked == {check.name for check in CHECKS}
    assert not asked & not_asked
    assert found.impossible["no encoder ends in Tanh"][0].name == "saturated"


def test_a_moment_of_a_run_is_no_ground_for_a_finding(tmp_path):
    run = made(tmp_path, replace(BASELINE, updates=60))
    found = diagnose(with_metrics(run, FAULTS["constant_images"], (0, 1, 30, 60)))
    assert found.findings == ()
    assert "the run is shorter than 100 updates" in found.impossible


@pytest.mark.parametrize(
    ("success", "episodes", "expected"),
    [
        ((0.0, 0.3, 0.9), 50, Learning.YES),
        ((0.0, 0.08, 0.08), 50, Learning.NO),
        ((0.0, 0.3, 0.9), 3, Learning.UNKNOWN),
        ((), 50, Learning.UNKNOWN),
    ],
)
def test_whether_a_run_learns(tmp_path, success, episodes, expected):
    kind = replace(BASELINE, success=success, episodes=episodes)
    run = made(tmp_path, kind)
    if not success:
        lines = Lines.of(line for line in run.record.lines if line.update == 0)
        run = replace(run, record=replace(run.record, lines=lines))
    assert diagnose(run).learning is expected


@pytest.mark.parametrize(
    ("success", "expected"),
    [
        ((0.0, 0.9, 0.95), Learning.YES),  # within the first quarter
        ((1.0, 1.0, 1.0), Learning.UNKNOWN),  # loaded as it is
        ((0.1, 0.1, 0.1), Learning.LOW),
    ],
)
def test_without_a_floor_the_agents_own_beginning_stands_for_it(tmp_path, success, expected):
    kind = replace(BASELINE, success=success, episodes=50)
    run = load_run(write_run(tmp_path / "a", kind=kind))
    assert diagnose(run).learning is expected


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        (range(12), Learning.RISES),
        ((3, 1, 2) * 4, Learning.FLAT),
        (range(12, 0, -1), Learning.FLAT),
        (range(5), Learning.UNKNOWN),  # too few to tell
        ((20, 200, 480, *(500, 490, 510) * 5), Learning.RISES),  # and stays there
        ((500,) * 12, Learning.UNKNOWN),  # the best there is, or nothing
    ],
)
def test_whether_a_run_without_success_learns_is_asked_of_its_return(short, returns, expected):
    lines = Lines.of(
        Line(update, update, {"training/rollout.return": value, "training/rollout.episodes": 5})
        for update, value in enumerate(returns, 1)
    )
    run = replace(short, record=replace(short.record, lines=lines))
    metrics = {k: v for k, v in short.metrics.items() if not k.endswith("success_rate")}
    assert diagnose(replace(run, metrics=metrics)).learning is expected
