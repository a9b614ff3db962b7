"""The faults as a whole: each has a check, and nothing but its effects shows it."""

import pytest
from helpers.faulty import planting

from benchmarks.planted_faults.faults import FAULTS, PAIRS, Planting, plantings
from goalscope.diagnostics.provenance import agent_settings
from goalscope.reports.checks.table import CHECKS

# What a user sets is in the settings, faulty or not.
SETTINGS_OF_FAULTS = {
    "target_frozen": "agent.tau",
    "discount_one": "agent.gamma",
    "learning_rate_x100": "agent.learning_rate",
    "rate_finder": "agent.learning_rate",
    "rate_decays": "agent.learning_rate",
    "target_entropy_positive": "agent.target_entropy",
    "entropy_dominates": "agent.entropy_coefficient",
    "discount_small": "agent.gamma",
    "target_copied": "agent.tau",
    "updates_rare": "agent.train_freq",
    "images_as_floats": "agent.replay_buffer",
    "rate_too_high": "agent.learning_rate",
    "no_sampled_goals": "agent.n_sampled_goal",
    "discount_too_small": "agent.gamma",
    "target_hardly_follows": "agent.tau",
    "entropy_weight_one": "agent.entropy_coefficient",
    "larger_critic": "agent.class",
    "actor_loss_sign": "agent.class",
    "encoder_shared": "agent.class",
    "actor_of_stored_actions": "agent.class",
    "starts_never": "agent.learning_starts",
    "learning_rate_too_high": "agent.learning_rate",
    "entropy_coefficient_fixed_too_high": "agent.entropy_coefficient",
    "actor_loss_trains_shared_encoder": "agent.class",
    "td_target_broadcast": "agent.class",
    "tau_confused_with_polyak": "agent.tau",
    "entropy_bonus_outweighs_reward": "agent.entropy_coefficient",
    "learning_rate_too_high_again": "agent.learning_rate",
    "target_network_never_updated": "agent.class",
    "td_target_broadcast_again": "agent.class",
    "actor_loss_sign_flipped": "agent.class",
    "eval_without_training_statistics": "agent.learning_rate",
}
# Of a plain replay buffer there is nothing else to tell.
SETTINGS_OF_HINDSIGHT = {"n_sampled_goal", "goal_selection_strategy", "moved_half", "replay_buffer"}


def healthy_twin(fault: Planting) -> str:
    """Return the control that the fault is planted in, of a longer run the shorter one."""
    twins = {planting(n).ground_name: n for n, f in FAULTS.items() if f.kind == "control"}
    return twins[fault.ground_name.removesuffix("_long")]


@pytest.mark.parametrize("name", [n for n, f in FAULTS.items() if f.grounds != ("push",)])
def test_settings_do_not_tell_the_fault(make_planted, name):
    found = agent_settings(make_planted(name))
    healthy = agent_settings(make_planted(healthy_twin(planting(name))))
    told = {SETTINGS_OF_FAULTS[name]} if name in SETTINGS_OF_FAULTS else set()
    if name == "her_not_actually_used":
        told = {f"agent.{key}" for key in SETTINGS_OF_HINDSIGHT}
    if name == "no_exploration_noise":
        told = {"agent.learning_rate", "agent.learning_starts"}  # TD3's own, and a short warm-up
    assert {key for key in found | healthy if found.get(key) != healthy.get(key)} == told


def test_every_fault_has_a_check_that_should_name_it():
    expected = {check for fault in FAULTS.values() for check in (fault.check, *fault.also) if check}
    assert expected <= {check.name for check in CHECKS}
    without = {name for name, fault in FAULTS.items() if fault.check is None}
    controls = {name for name, fault in FAULTS.items() if fault.kind == "control"}
    assert {FAULTS[name].kind for name in without - controls} <= {"blind"}


def test_pairs_are_of_faults_with_checks_of_their_own():
    for pair in PAIRS:
        assert len(set(planting("+".join(pair)).checks)) == 2
    assert planting("constant_features+goals_x0.02").ground_name == "point_norm"
    with pytest.raises(ValueError, match="no fault 'cnn_x5'; choose from"):
        plantings("cnn_x5")
