"""Checks that read more than one metric: what makes each speak, and what does not."""

from dataclasses import replace

import pytest
from helpers.diagnosed import LONG, made, names
from helpers.planted import HEALTHY, UPDATES, with_metrics
from helpers.synthetic_runs import BASELINE

from goalscope.diagnostics.record import Line, Lines
from goalscope.reports.findings.diagnosis import diagnose
from goalscope.reports.findings.words import headline


def test_no_discount_is_a_fault_only_where_nothing_is_terminal(tmp_path):
    run = made(tmp_path, replace(BASELINE, settings={"agent.gamma": 1.0}))
    assert names(with_metrics(run, HEALTHY)) == ["discount_without_end"]
    ends = HEALTHY | {"transitions/replay.terminated_fraction": 0.02}
    assert names(with_metrics(run, ends)) == []


def test_an_encoder_that_no_loss_reaches_is_read_from_the_routing(short):
    assert names(rerouted(short, losses=[]))[0] == "encoder_without_gradient"


def test_an_encoder_that_no_optimiser_holds_is_read_from_the_routing(short):
    assert names(rerouted(short, optimizer=None))[0] == "encoder_not_moving"


def test_features_are_compared_with_a_fresh_encoders_where_it_is_fresh(tmp_path):
    loud = HEALTHY | {"signal/critic.pixels.signal": 40.0}
    assert names(with_metrics(made(tmp_path / "a", BASELINE), loud)) == ["image_block_loud"]
    warmed = replace(BASELINE, settings={"agent.encoder_warmup": 5_000})
    assert names(with_metrics(made(tmp_path / "b", warmed), loud)) == []


def rerouted(run, **changes):
    rows = [
        {**row, **changes} if row["group"].startswith("encoder") else row
        for row in run.record.routing
    ]
    return replace(run, record=replace(run.record, routing=rows))


def test_weights_that_two_optimisers_hold_are_named(short):
    rows = [
        {**row, "optimizer": "critic, actor"} if row["network"] == "critic" else row
        for row in short.record.routing
    ]
    run = replace(short, record=replace(short.record, routing=rows))
    assert [(f.check.name, f.network) for f in diagnose(run).findings] == [
        ("held_by_two_optimisers", "critic")
    ]


def test_a_shared_encoder_that_both_optimisers_hold_is_named_where_the_run_fails(failing, learning):
    both = {"optimizer": "critic, actor", "shared_with": "actor encoder of pixels"}
    assert names(rerouted(failing, **both)) == ["encoder_held_by_both"]
    assert names(rerouted(learning, **both)) == []
    assert names(rerouted(failing)) == []
    assert names(rerouted(failing, **both | {"shared_with": None})) == []  # of an auxiliary loss


@pytest.mark.parametrize(
    ("paid", "levels", "settings", "found"),
    [
        (0.01, 2.0, {}, True),
        (0.2, 2.0, {}, False),  # some steps are paid
        (0.01, 90.0, {}, False),  # by the distance
    ],
)
def test_sparse_rewards_that_nothing_relabels_are_named(short, paid, levels, settings, found):
    info = short.record.info
    kept = {k: v for k, v in info.settings.items() if k != "agent.n_sampled_goal"} | settings
    run = replace(short, record=replace(short.record, info=replace(info, settings=kept)))
    numbers = {
        "transitions/stored.success_fraction": paid,
        "transitions/replay.reward_levels": levels,
        "transitions/replay.relabelled_fraction": 0.0,
    }
    assert names(with_metrics(run, numbers)) == (["hindsight_missing"] if found else [])


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


@pytest.mark.parametrize(
    ("every", "settings", "found"),
    [
        (50, {}, True),  # an update an episode
        (8, {}, False),  # the plan's 8 environments
        (50, {"agent.batch_size": 4096}, False),  # many environments, large batches
        (50, {"agent.replay_buffer": None}, False),  # PPO's rounds of updates
    ],
)
def test_a_run_that_hardly_updates_is_named(tmp_path, every, settings, found):
    usual = {"agent.replay_buffer": "HerReplayBuffer", "agent.batch_size": 256}
    kept = {key: value for key, value in (usual | settings).items() if value is not None}
    kind = replace(BASELINE, steps_per_update=every, settings=kept)
    run = with_metrics(made(tmp_path, kind), HEALTHY)
    assert names(run) == (["hardly_updated"] if found else [])


def test_success_that_no_step_is_paid_for_is_told_of_rewards_that_say_yes_or_no(short):
    unpaid = {"training/rollout.success_rate": 0.8}
    assert names(with_metrics(short, unpaid)) == ["success_unpaid"]
    stored = unpaid | {"transitions/stored.success_fraction": 0.02}
    assert names(with_metrics(short, stored)) == []  # a step an episode is seldom drawn
    dense = unpaid | {"transitions/replay.reward_levels": 120.0}
    assert names(with_metrics(short, dense)) == []


def test_an_agent_without_replay_cannot_take_more_gradient_steps(failing):
    few = with_metrics(failing, {"training/updates_per_step": 0.15}, LONG)
    assert names(few) == ["few_updates"]
    settings = {**few.record.info.settings, "agent.gae_lambda": 0.95}
    info = replace(few.record.info, settings=settings)
    assert names(replace(few, record=replace(few.record, info=info))) == []


def test_each_camera_is_judged_and_named(short):
    info = short.record.info
    networks = {
        name: {
            **network,
            "blocks": [
                *network["blocks"],
                *({**b, "name": "wrist"} for b in network["blocks"] if b["name"] == "pixels"),
            ],
        }
        for name, network in info.networks.items()
    }
    seen = {**info.environment, "observation of wrist": "uint8 (3, 36, 36), 0 to 255"}
    info = replace(info, networks=networks, environment=seen)
    run = replace(short, record=replace(short.record, info=info))
    key = "observation/replay.{}.spread"
    blank = with_metrics(run, {key.format("pixels"): 0.1, key.format("wrist"): 0.0})
    (finding,) = diagnose(blank).findings
    assert (finding.check.name, finding.block) == ("constant_images", "wrist")
    assert "wrist" in headline(finding, blank)
    both = with_metrics(run, {key.format("pixels"): 0.0, key.format("wrist"): 0.0})
    (finding,) = diagnose(both).findings
    assert finding.block == ""


def test_weights_that_jump_once_are_named_to_the_end(tmp_path):
    run = with_metrics(made(tmp_path, BASELINE), HEALTHY)
    paces = [(10, 10.0), (50, 15.0), (300, 15.0), (550, 2e3), (600, 15.0)]
    found = diagnose(with_metrics(run, {"transitions/critic.first_layers.travel": paces})).findings
    assert [(one.check.name, one.network, one.spell.since) for one in found] == [
        ("weights_jump", "critic", 550)
    ]


def test_a_policy_that_explored_nothing_before_it_saturated_is_named(tmp_path):
    run = with_metrics(made(tmp_path, BASELINE), HEALTHY)
    alone = {
        "transitions/acting.own_fraction": [(u, 1.0) for u in (9, 10, 20, 40, 80)],
        "transitions/actor.saturated_fraction": [(u, float(u > 80)) for u in range(0, 601, 40)],
        "transitions/replay.action_effect_r2": [
            (u, -1.0 if u > 80 else 1.0) for u in range(0, 601, 40)
        ],
    }
    (found,) = diagnose(with_metrics(run, alone)).findings
    assert found.check.name == "acts_without_exploration"
    assert {one.check.name for one in found.follows} >= {"actor_saturated"}
