"""What is wrong with a run: what is planted is named, causes first, and nothing is invented."""

import math
from dataclasses import replace

import pytest
from helpers.planted import FAULTS, HEALTHY, LIMITS, PER_NETWORK, UPDATES, with_metrics
from helpers.synthetic_info import FLOORS
from helpers.synthetic_runs import BASELINE, FIX, write_run

from goalscope.diagnostics.record import Line, Lines
from goalscope.diagnostics.record.metrics import metric_of
from goalscope.reports.checks.table import CHECKS
from goalscope.reports.findings.diagnosis import diagnose
from goalscope.reports.findings.learning import Learning
from goalscope.reports.numbers.runs import load_run

LONG = (0, 1, 100, 500, 1_000, 1_500, 2_000, 2_400)
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
}  # planted in tests of their own


def made(folder, kind):
    settings = {"agent.n_sampled_goal": 4, "agent.gamma": 0.95, **FLOORS, **kind.settings}
    return load_run(write_run(folder / "a", kind=replace(kind, settings=settings)))


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    return with_metrics(made(tmp_path_factory.mktemp("short"), BASELINE), HEALTHY)


@pytest.fixture(scope="module")
def normalised(tmp_path_factory):
    return with_metrics(made(tmp_path_factory.mktemp("normalised"), FIX), HEALTHY)


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    flat = replace(BASELINE, updates=2_400, success=(0.05, 0.05, 0.05), episodes=100)
    return with_metrics(made(tmp_path_factory.mktemp("failing"), flat), HEALTHY, LONG)


@pytest.fixture(scope="module")
def learning(tmp_path_factory):
    up = replace(BASELINE, updates=2_400, success=(0.05, 0.5, 0.9), episodes=100)
    return with_metrics(made(tmp_path_factory.mktemp("learning"), up), HEALTHY, LONG)


def names(run):
    return [finding.check.name for finding in diagnose(run).findings]


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
        assert set(check.explains) <= checks, check.name


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


def test_no_discount_is_a_fault_only_where_nothing_is_terminal(tmp_path):
    run = made(tmp_path, replace(BASELINE, settings={"agent.gamma": 1.0}))
    assert names(with_metrics(run, HEALTHY)) == ["discount_without_end"]
    ends = HEALTHY | {"transitions/replay.terminated_fraction": 0.02}
    assert names(with_metrics(run, ends)) == []


def test_an_end_that_was_not_measured_is_said(failing):
    key = "features/critic.pixels.norm"
    family = [k for k in failing.metrics if k.startswith("features/")]
    cut = {k: t[t["update"] <= 1_500] for k, t in failing.metrics.items() if k in family}
    assert key in cut
    assert names(replace(failing, metrics={**failing.metrics, **cut})) == ["late_unmeasured"]


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


def test_an_encoder_that_no_loss_reaches_is_read_from_the_routing(short):
    assert names(rerouted(short, losses=[]))[0] == "encoder_without_gradient"


def test_an_encoder_that_no_optimiser_holds_is_read_from_the_routing(short):
    assert names(rerouted(short, optimizer=None))[0] == "encoder_not_moving"


def rerouted(run, **changes):
    rows = [
        {**row, **changes} if row["group"].startswith("encoder") else row
        for row in run.record.routing
    ]
    return replace(run, record=replace(run.record, routing=rows))


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
    ("returns", "expected"),
    [
        (range(12), Learning.RISES),
        ((3, 1, 2) * 4, Learning.FLAT),
        (range(12, 0, -1), Learning.FLAT),
        (range(5), Learning.UNKNOWN),  # too few to tell
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


def test_weights_that_two_optimisers_hold_are_named(short):
    rows = [
        {**row, "optimizer": "critic, actor"} if row["network"] == "critic" else row
        for row in short.record.routing
    ]
    run = replace(short, record=replace(short.record, routing=rows))
    assert [(f.check.name, f.network) for f in diagnose(run).findings] == [
        ("held_by_two_optimisers", "critic")
    ]


@pytest.mark.parametrize(("coefficient", "found"), [(1.0, True), ("auto", False), (0.2, False)])
def test_a_large_entropy_coefficient_is_named_where_it_is_fixed(tmp_path, coefficient, found):
    settings = {**BASELINE.settings, "agent.entropy_coefficient": coefficient}
    run = with_metrics(made(tmp_path, replace(BASELINE, settings=settings)), HEALTHY)
    over = coefficient if isinstance(coefficient, float) else 1.0
    run = with_metrics(run, {"transitions/critic.entropy_over_rewards": over})
    assert names(run) == (["entropy_fixed_high"] if found else [])


def test_a_run_that_ended_without_an_update_is_named(short):
    begun = Line(0, 0, {"training/entropy.coefficient": 1.0})
    end = Line(300, 0, {}, "end", {"reason": "finished"})

    def of(*lines):
        return replace(short, metrics={}, record=replace(short.record, lines=Lines.of(lines)))

    assert names(of(begun, end)) == ["never_updated"]
    assert names(of(begun)) == []  # it may still be warming up


def test_vectors_that_a_tanh_holds_are_named(short):
    networks = {
        name: {
            **network,
            "blocks": [{**b, "ends_in": "Tanh"} for b in network["blocks"]],
        }
        for name, network in short.record.info.networks.items()
    }
    info = replace(short.record.info, networks=networks)
    held = {"features/actor.desired_goal.saturated_fraction": 0.98}
    run = with_metrics(replace(short, record=replace(short.record, info=info)), held)
    assert names(run) == ["vectors_saturated"]
    assert names(with_metrics(short, held)) == []


def test_images_that_no_encoder_reads_are_named(short):
    shown = {"observation of pixels": "float32 (3, 36, 36), 0 to 1"}
    flat = {"name": "pixels", "keys": ["pixels"], "width": 3 * 36 * 36, "encoder_parameters": 0}
    networks = {
        name: {**network, "blocks": [flat, *network["blocks"][1:]]}
        for name, network in short.record.info.networks.items()
    }
    info = replace(short.record.info, environment=shown, networks=networks)
    run = replace(short, record=replace(short.record, info=info))
    assert names(run) == ["images_flattened"]
    encoded = replace(info, networks=short.record.info.networks)
    assert names(replace(short, record=replace(short.record, info=encoded))) == []


def test_steps_that_a_schedule_lets_end_are_no_finding(short):
    steps = {
        f"gradient/critic_loss.{block}.update_ratio": [(u, 1e-3 * (600 - u) / 600) for u in UPDATES]
        for block in ("pixels", "achieved_goal", "desired_goal", "goal", "action")
    }
    assert names(with_metrics(short, steps)) == []
