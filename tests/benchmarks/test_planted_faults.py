"""Each planted fault does what it says, and nothing but its effects shows it."""

from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np
import pytest
import torch
from stable_baselines3 import SAC
from torch import Tensor

from benchmarks.planted_faults import extractor_faults, scoring
from benchmarks.planted_faults.agent import ARMS, BATCH, GOALS, STARTS, make_agent, make_wrapped
from benchmarks.planted_faults.agent_faults import nan_update
from benchmarks.planted_faults.diagnosis import check_ranges, diagnose
from benchmarks.planted_faults.faults import CONTROLS, FAULTS, PAIRS, planting
from benchmarks.planted_faults.running import OUTCOME_FILE, PlannedRun, make_run, read_outcome
from benchmarks.planted_faults.sets import SEEDS, UPDATES, planned_runs
from goalscope.diagnostics.instruments.replay_state import relabelled_rows
from goalscope.diagnostics.provenance import agent_settings
from goalscope.diagnostics.record import read_run
from goalscope.reports.rivals.faults import FAULT_CHECKS

MakePlanted = Callable[[str], SAC]


@pytest.fixture(scope="module")
def make_planted() -> Iterator[MakePlanted]:
    """Return a maker of untrained agents with a fault in them; each is made once."""
    made: dict[str, SAC] = {}

    def make(name: str) -> SAC:
        if name not in made:
            made[name] = make_agent(planting(name), seed=0, total_steps=STARTS)
        return made[name]

    yield make
    for model in made.values():
        model.get_env().close()


@pytest.fixture(scope="module")
def make_filled(make_planted) -> MakePlanted:
    """Return a maker of such agents whose replay holds two episodes."""

    def make(name: str) -> SAC:
        model = make_planted(name)
        if not model.replay_buffer.pos and not model.replay_buffer.full:
            model.learn(STARTS)
        return model

    return make


@pytest.fixture(scope="module")
def observations(make_filled) -> dict[str, Tensor]:
    """Return a healthy batch as an extractor receives it."""
    batch = dict(make_filled("healthy").replay_buffer.sample(64).observations)
    return batch | {"pixels": batch["pixels"] / 255}


def extractor(make_planted: MakePlanted, arm: str, *spoils: extractor_faults.Spoil):
    torch.manual_seed(0)
    cls = extractor_faults.extractor_class(spoils)
    return cls(make_planted("healthy").observation_space, **ARMS[arm], **GOALS)


def pixels_of(features: Tensor) -> Tensor:
    return features.detach()[:, 6:]  # behind the two goals of three components


def spread(values: Tensor) -> float:
    return float(values.std(dim=0, correction=0).square().mean().sqrt())


# What is wrong with the features extractor


@pytest.mark.parametrize(
    ("spoil", "goals", "images"),
    [
        (extractor_faults.image_block_times_50, 1.0, 50.0),
        (extractor_faults.goals_times_002, 0.02, 1.0),
    ],
)
def test_blocks_are_scaled(make_planted, observations, spoil, goals, images):
    healthy = extractor(make_planted, "plain")(observations)
    spoilt = extractor(make_planted, "plain", spoil)(observations)
    torch.testing.assert_close(spoilt[:, :6], goals * healthy[:, :6])
    torch.testing.assert_close(pixels_of(spoilt), images * pixels_of(healthy))


def test_no_gradient_reaches_a_detached_encoder(make_planted, observations):
    spoilt = extractor(make_planted, "plain", extractor_faults.detached)
    goals = {k: v.clone().requires_grad_() for k, v in observations.items() if k != "pixels"}
    spoilt(observations | goals).square().sum().backward()
    assert all(parameter.grad is None for parameter in spoilt.parameters())
    assert bool(goals["desired_goal"].grad.any())


def test_killed_units_are_zero_and_pass_no_gradient(make_planted, observations):
    spoilt = extractor(make_planted, "plain", extractor_faults.relu_killed)
    features = spoilt(observations)
    assert not bool(pixels_of(features).any())
    features.sum().backward()
    assert all(not bool(parameter.grad.any()) for parameter in spoilt.parameters())


def test_saturated_tanh(make_planted, observations):
    healthy = pixels_of(extractor(make_planted, "norm")(observations))
    spoilt = extractor(make_planted, "norm", extractor_faults.tanh_saturated)(observations)
    assert float((healthy.abs() > 0.99).float().mean()) < 0.05
    assert float((pixels_of(spoilt).abs() > 0.99).float().mean()) > 0.95


def test_constant_features_look_healthy_in_size_alone(make_planted, observations):
    healthy = pixels_of(extractor(make_planted, "norm")(observations))
    spoilt = extractor(make_planted, "norm", extractor_faults.images_scaled_twice)(observations)
    size = float(pixels_of(spoilt).norm(dim=1).mean() / healthy.norm(dim=1).mean())
    assert 0.5 < size < 2
    assert spread(pixels_of(spoilt)) < 0.02 * spread(healthy)


# What is wrong with environment and replay


def test_the_agent_is_shown_one_goal(make_filled):
    model = make_filled("goal_constant")
    batch = model.replay_buffer.sample(BATCH)
    shown = batch.observations["desired_goal"]
    assert bool((shown == shown[0]).all())
    assert bool((batch.next_observations["desired_goal"] == shown[0]).all())
    with closing(make_wrapped(planting("goal_constant").wrappers)) as env:
        first, second = env.reset(seed=0)[0], env.reset(seed=1)[0]
        np.testing.assert_array_equal(first["desired_goal"], second["desired_goal"])
        np.testing.assert_array_equal(first["desired_goal"], shown[0].numpy())
        assert not np.allclose(env.unwrapped.goal, first["desired_goal"])
    assert set(batch.rewards.flatten().tolist()) == {-1.0, 0.0}  # of the goals that are not shown


def test_every_image_is_black():
    with closing(make_wrapped(planting("blank_images").wrappers)) as env:
        shown = [env.reset(seed=0)[0], env.step(env.action_space.sample())[0]]
    assert not any(observation["pixels"].any() for observation in shown)
    assert not np.array_equal(shown[0]["achieved_goal"], shown[1]["achieved_goal"])


@pytest.mark.parametrize(("name", "wrong"), [("healthy", False), ("reward_mismatch", True)])
def test_rewards_of_relabelled_goals(make_filled, name, wrong):
    model = make_filled(name)
    batch = model.replay_buffer.sample(BATCH)
    relabelled = relabelled_rows(model.replay_buffer, BATCH).numpy()
    achieved = batch.next_observations["achieved_goal"].numpy()
    desired = batch.observations["desired_goal"].numpy()
    true = model.get_env().env_method("compute_reward", achieved, desired, {}, indices=[0])[0]
    differs = batch.rewards.flatten().numpy() != true
    assert not differs[~relabelled].any()
    assert (differs[relabelled].mean() > 0.05) == wrong


def test_drq_shifts_by_far_too_much(make_planted):
    assert make_planted("drq_shift").replay_buffer.random_shift == 16
    assert make_planted("healthy").replay_buffer.random_shift is None


# What is wrong with the agent's parameters


def parameters_of(module: torch.nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def test_nothing_moves_a_frozen_encoder(make_filled):
    model = make_filled("encoder_frozen")
    encoders = {n: n.features_extractor for n in (model.actor, model.critic)}
    before = {network: parameters_of(encoder) for network, encoder in encoders.items()}
    heads = parameters_of(model.critic.qf0)
    model.train(5, BATCH)
    for network, encoder in encoders.items():
        for old, new in zip(before[network], encoder.parameters(), strict=True):
            assert torch.equal(old, new)
            assert bool(new.grad.any())
    assert not any(map(torch.equal, heads, model.critic.qf0.parameters()))


def test_one_gradient_is_nan_from_some_update_on(make_filled):
    model = make_filled("nan_gradient")
    model._n_updates = nan_update(0) - 2
    model.train(1, BATCH)
    assert all(bool(p.isfinite().all()) for p in model.policy.parameters())
    model.train(1, BATCH)
    broken = [name for name, p in model.critic.named_parameters() if not p.isfinite().all()]
    assert broken == ["qf0.2.weight"]


def test_updates_at_which_gradients_break_differ_and_lie_within_a_run():
    updates = {nan_update(seed) for seeds in SEEDS.values() for seed in seeds}
    assert len(updates) > 5
    assert all(0 < update < UPDATES for update in updates)


def test_critics_are_one_constant_that_is_learnt(make_filled):
    model = make_filled("critic_constant")
    before = model.critic.qf0[-1].bias.detach().clone()
    model.train(5, BATCH)
    batch = model.replay_buffer.sample(BATCH)
    for network in (model.critic, model.critic_target):
        for values in network(batch.observations, batch.actions):
            assert len(values.unique()) == 1
    assert not torch.equal(before, model.critic.qf0[-1].bias)


# What the report can see of it


@pytest.mark.parametrize("name", FAULTS)
def test_settings_do_not_tell_the_fault(make_planted, name):
    control = "healthy_norm" if FAULTS[name].arm == "norm" else "healthy"
    assert agent_settings(make_planted(name)) == agent_settings(make_planted(control))


def test_every_check_of_a_fault_has_a_fault_that_it_should_name():
    expected = {fault.check for fault in FAULTS.values() if fault.check is not None}
    assert expected == {check.name for check in FAULT_CHECKS}
    assert len(expected) == len(FAULTS) - len(CONTROLS)


def test_pairs_are_of_faults_with_checks_of_their_own():
    for pair in PAIRS:
        assert len(set(planting("+".join(pair)).checks)) == 2
    assert planting("constant_features+goals_x0.02").arm == "norm"
    with pytest.raises(ValueError, match="no fault 'cnn_x5'; choose from"):
        planting("cnn_x5")


def test_sets_do_not_share_seeds(tmp_path):
    assert not set(SEEDS["setting"]) & set(SEEDS["scoring"])
    runs = planned_runs("scoring", tmp_path)
    assert len({run.folder for run in runs}) == len(runs) == len(FAULTS) * len(SEEDS["scoring"])


def test_a_run_counts_when_it_was_made_to_its_end(tmp_path):
    run = PlannedRun(planting("healthy"), 0, UPDATES, tmp_path / "run")
    assert read_outcome(run) is None
    run.folder.mkdir()
    assert read_outcome(run) is None
    outcome = f'{{"updates": {UPDATES}, "wall_seconds": 1, "processor_seconds": 1, "ended": "x"}}'
    (run.folder / OUTCOME_FILE).write_text(outcome)
    assert read_outcome(run).ended == "x"
    assert read_outcome(PlannedRun(run.planted, 0, UPDATES + 1, run.folder)) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_real_run_lasts_and_is_named(tmp_path, name):
    run = PlannedRun(planting(name), 0, UPDATES, tmp_path / name)
    run.folder.mkdir()
    (run.folder / "run.json").write_text("{}")  # left of a run that was cut off
    outcome = make_run(run)
    assert read_outcome(run) == outcome
    assert (outcome.ended == "finished") == (name != "nan_gradient")
    assert not read_run(run.folder).failures
    assert {entry.planted for entry in check_ranges([run])} == {name}
    assert scoring.named_among_two(diagnose(run))
