"""Each planted fault does what it says, and nothing but its effects shows it."""

from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np
import pytest
import torch
from stable_baselines3 import SAC
from torch import Tensor

from benchmarks.planted_faults import extractor_faults, scoring
from benchmarks.planted_faults.agent import make_agent, make_wrapped
from benchmarks.planted_faults.agent_faults import first_update
from benchmarks.planted_faults.diagnosis import diagnose
from benchmarks.planted_faults.environment_faults import SHOWN_GOAL
from benchmarks.planted_faults.faults import FAULTS, PAIRS, Planting, plantings
from benchmarks.planted_faults.grounds import BATCH, GROUNDS, STARTS, UPDATES
from benchmarks.planted_faults.ranges import check_ranges
from benchmarks.planted_faults.running import OUTCOME_FILE, PlannedRun, make_run, read_outcome
from benchmarks.planted_faults.sets import SEEDS, planned_runs
from goalscope.diagnostics.instruments.replay_state import relabelled_rows
from goalscope.diagnostics.provenance import agent_settings
from goalscope.diagnostics.record import read_run
from goalscope.reports.checks.table import CHECKS
from goalscope.training.envs.tasks import task_of
from goalscope.training.envs.visibility import goal_units_per_pixel

MakePlanted = Callable[[str], SAC]
# What a user sets is in the settings, faulty or not.
SETTINGS_OF_FAULTS = {
    "target_frozen": "agent.tau",
    "discount_one": "agent.gamma",
    "learning_rate_x100": "agent.learning_rate",
    "entropy_dominates": "agent.entropy_coefficient",
}


def planting(name: str) -> Planting:
    return plantings(name)[0]


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
    """Return a maker of such agents whose replay holds whole episodes."""

    def make(name: str) -> SAC:
        model = make_planted(name)
        if not model.replay_buffer.pos and not model.replay_buffer.full:
            model.learn(STARTS)
        return model

    return make


@pytest.fixture(scope="module")
def observations(make_filled) -> dict[str, Tensor]:
    """Return a healthy batch as an extractor receives it."""
    batch = dict(make_filled("healthy_point").replay_buffer.sample(64).observations)
    return batch | {"pixels": batch["pixels"] / 255}


def extractor(make_planted: MakePlanted, ground: str, *spoils: extractor_faults.Spoil):
    torch.manual_seed(0)
    cls = extractor_faults.extractor_class(spoils)
    return cls(make_planted("healthy_point").observation_space, **GROUNDS[ground].extractor)


def pixels_of(features: Tensor) -> Tensor:
    return features.detach()[:, 4:]  # behind the two goals of two components


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
    healthy = extractor(make_planted, "point")(observations)
    spoilt = extractor(make_planted, "point", spoil)(observations)
    torch.testing.assert_close(spoilt[:, :4], goals * healthy[:, :4])
    torch.testing.assert_close(pixels_of(spoilt), images * pixels_of(healthy))


def test_no_gradient_reaches_a_detached_encoder(make_planted, observations):
    spoilt = extractor(make_planted, "point", extractor_faults.detached)
    goals = {k: v.clone().requires_grad_() for k, v in observations.items() if k != "pixels"}
    spoilt(observations | goals).square().sum().backward()
    assert all(parameter.grad is None for parameter in spoilt.parameters())
    assert bool(goals["desired_goal"].grad.any())


def test_killed_units_are_zero_and_pass_no_gradient(make_planted, observations):
    spoilt = extractor(make_planted, "point", extractor_faults.relu_killed)
    features = spoilt(observations)
    assert not bool(pixels_of(features).any())
    features.sum().backward()
    assert all(not bool(parameter.grad.any()) for parameter in spoilt.parameters())


def test_saturated_tanh(make_planted, observations):
    healthy = pixels_of(extractor(make_planted, "point_norm")(observations))
    spoilt = extractor(make_planted, "point_norm", extractor_faults.tanh_saturated)(observations)
    assert float((healthy.abs() > 0.99).float().mean()) < 0.05
    assert float((pixels_of(spoilt).abs() > 0.99).float().mean()) > 0.95


def test_constant_features_look_healthy_in_size_alone(make_planted, observations):
    healthy = pixels_of(extractor(make_planted, "point_norm")(observations))
    spoilt = extractor(make_planted, "point_norm", extractor_faults.images_scaled_twice)(
        observations
    )
    size = float(pixels_of(spoilt).norm(dim=1).mean() / healthy.norm(dim=1).mean())
    assert 0.5 < size < 2
    assert spread(pixels_of(spoilt)) < 0.02 * spread(healthy)


# What is wrong with the environment


def stepped(name: str):
    """Return what one step of a faulty environment returns, and of a healthy one as seeded."""
    found = []
    for wrappers in (planting(name).wrappers, ()):
        env = make_wrapped(GROUNDS["point"], wrappers)
        first, _ = env.reset(seed=0)
        found.append((first, env.step(np.array([1.0, 0.5], np.float32)), env))
    return found[0], found[1]


def test_the_agent_is_shown_one_goal(make_filled):
    model = make_filled("goal_constant")
    batch = model.replay_buffer.sample(BATCH)
    for shown in (batch.observations["desired_goal"], batch.next_observations["desired_goal"]):
        assert bool((shown == SHOWN_GOAL).all())
    assert set(batch.rewards.flatten().tolist()) == {-1.0, 0.0}  # of the goals that are not shown
    (first, _, _), (healthy, _, _) = stepped("goal_constant")
    np.testing.assert_array_equal(first["desired_goal"], SHOWN_GOAL)
    assert not np.allclose(healthy["desired_goal"], SHOWN_GOAL)


def test_every_image_is_black():
    (first, step, _), (healthy, _, _) = stepped("blank_images")
    assert not first["pixels"].any()
    assert not step[0]["pixels"].any()
    assert healthy["pixels"].any()
    np.testing.assert_array_equal(first["achieved_goal"], healthy["achieved_goal"])


def test_rewards_are_large_and_relabelled_ones_too(make_filled):
    (_, step, env), (_, healthy, _) = stepped("rewards_x100")
    assert step[1] == 100 * healthy[1] == -100
    goal = np.zeros(2, np.float32)
    assert env.get_wrapper_attr("compute_reward")(goal, goal + 3, {}) == -100
    rewards = make_filled("rewards_x100").replay_buffer.sample(BATCH).rewards
    assert set(rewards.flatten().tolist()) == {-100.0, 0.0}


def test_every_step_is_terminal(make_filled):
    (_, step, _), (_, healthy, _) = stepped("terminated_always")
    assert step[2:4] == (True, False)
    assert healthy[2:4] == (False, False)
    assert bool(make_filled("terminated_always").replay_buffer.sample(BATCH).dones.all())
    assert not make_filled("healthy_point").replay_buffer.sample(BATCH).dones.any()


def test_a_fiftieth_of_an_action_is_carried_out():
    (first, step, _), (_, healthy, _) = stepped("actions_x0.02")
    moved, whole = (
        after["achieved_goal"] - first["achieved_goal"] for after in (step[0], healthy[0])
    )
    np.testing.assert_allclose(moved, 0.02 * whole, atol=1e-6)


def test_desired_goals_have_another_origin():
    (first, _, env), (healthy, _, _) = stepped("goals_in_another_frame")
    np.testing.assert_allclose(first["desired_goal"], healthy["desired_goal"] + 5)
    np.testing.assert_array_equal(first["achieved_goal"], healthy["achieved_goal"])
    # Where both are shown as equal the reward says so.
    env.unwrapped._position = env.unwrapped._goal - (-5.0)
    shown = env.step(np.zeros(2, np.float32))
    distance = np.linalg.norm(shown[0]["achieved_goal"] - shown[0]["desired_goal"])
    assert (shown[1] >= 0) == (distance <= 0.5) == shown[4]["is_success"]


def test_normalisation_stops_within_the_first_episode(make_filled):
    statistics = {}
    for name in ("healthy_normalised", "normalisation_stale"):
        statistics[name] = make_filled(name).get_vec_normalize_env().obs_rms["desired_goal"]
    healthy, stale = statistics["healthy_normalised"], statistics["normalisation_stale"]
    assert healthy.var.min() > 1 > 1e-2 > stale.var.max()
    assert stale.count < 25 < STARTS < healthy.count + 25


# What is wrong with replay


@pytest.mark.parametrize(("name", "wrong"), [("healthy_point", False), ("reward_mismatch", True)])
def test_rewards_of_relabelled_goals(make_filled, name, wrong):
    model = make_filled(name)
    batch = model.replay_buffer.sample(128)
    relabelled = relabelled_rows(model.replay_buffer, 128).numpy()
    achieved = batch.next_observations["achieved_goal"].numpy()
    desired = batch.observations["desired_goal"].numpy()
    true = model.get_env().env_method("compute_reward", achieved, desired, {}, indices=[0])[0]
    differs = batch.rewards.flatten().numpy() != true
    assert not differs[~relabelled].any()
    assert (differs[relabelled].mean() > 0.05) == wrong


def test_drq_shifts_by_far_too_much(make_planted):
    assert make_planted("drq_shift").replay_buffer.random_shift == 16
    assert make_planted("healthy_point").replay_buffer.random_shift is None


def same_batch(make_filled: MakePlanted, name: str):
    """Return the same batch of a faulty and of a healthy agent, which acted alike so far."""
    found = []
    for model in map(make_filled, (name, "healthy_point")):
        np.random.seed(0)  # noqa: NPY002 - what SB3's replay draws from
        found.append(model.replay_buffer.sample(BATCH))
    return found


def test_next_observations_are_the_observations(make_filled):
    batch, healthy = same_batch(make_filled, "next_is_same")
    for key, values in batch.observations.items():
        assert torch.equal(values, batch.next_observations[key])
        assert torch.equal(values, healthy.observations[key])
    assert not torch.equal(
        healthy.next_observations["achieved_goal"], healthy.observations["achieved_goal"]
    )


def test_actions_are_those_of_other_rows(make_filled):
    batch, healthy = same_batch(make_filled, "actions_shuffled")
    assert torch.equal(batch.actions.roll(-1, 0), healthy.actions)
    same = (batch.actions == healthy.actions).all(dim=1)  # a row that was drawn twice in a row
    assert float(same.float().mean()) < 0.2


def test_channels_are_swapped_in_replay_alone(make_filled):
    batch, healthy = same_batch(make_filled, "channels_swapped")
    for side in ("observations", "next_observations"):
        images, true = getattr(batch, side)["pixels"], getattr(healthy, side)["pixels"]
        assert torch.equal(images[:, [2, 1, 0]], true)
        assert not torch.equal(images, true)


def test_no_goal_is_relabelled(make_filled):
    model = make_filled("no_relabelling")
    buffer = model.replay_buffer
    goals = {tuple(goal) for goal in buffer.observations["desired_goal"][:STARTS, 0].tolist()}
    shown = buffer.sample(BATCH).observations["desired_goal"]
    assert {tuple(goal) for goal in shown.tolist()} <= goals
    assert agent_settings(model)["agent.n_sampled_goal"] == 4


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
    model._n_updates = first_update(0) - 2
    model.train(1, BATCH)
    assert all(bool(p.isfinite().all()) for p in model.policy.parameters())
    model.train(1, BATCH)
    broken = [name for name, p in model.critic.named_parameters() if not p.isfinite().all()]
    assert broken == ["qf0.2.weight"]


def test_an_encoder_dies_in_the_middle_of_training(make_filled):
    model = make_filled("encoder_dies")
    encoders = [network.features_extractor for network in (model.actor, model.critic)]
    observations = dict(model.replay_buffer.sample(BATCH).observations)
    observations["pixels"] = observations["pixels"] / 255
    model._n_updates = first_update(0) - 2
    model.train(1, BATCH)
    assert all(bool(pixels_of(encoder(observations)).any()) for encoder in encoders)
    model.train(1, BATCH)
    assert not any(bool(pixels_of(encoder(observations)).any()) for encoder in encoders)


def test_updates_at_which_faults_begin_differ_and_lie_within_a_run():
    updates = {first_update(seed) for seeds in SEEDS.values() for seed in seeds}
    assert len(updates) > 5
    assert all(0 < update < UPDATES - 100 for update in updates)  # a check waits for 100


def test_the_target_stays_where_it_was(make_filled):
    model = make_filled("target_frozen")
    before, critic = parameters_of(model.critic_target), parameters_of(model.critic)
    model.train(5, BATCH)
    assert all(map(torch.equal, before, model.critic_target.parameters()))
    assert not any(map(torch.equal, critic[-2:], list(model.critic.parameters())[-2:]))


def test_entropy_is_gone_and_stays_so(make_filled):
    model = make_filled("entropy_gone")
    model.train(3, BATCH)
    assert float(model.log_ent_coef.detach().exp()) == pytest.approx(1e-5)


def test_a_pixel_of_the_coarse_camera_spans_more_than_the_tolerance():
    with closing(make_wrapped(planting("camera_too_coarse").ground, ())) as env:
        assert goal_units_per_pixel(env) > task_of("FetchPush-v4").tolerance


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


def healthy_twin(fault: Planting) -> str:
    """Return the control that the fault is planted in."""
    twins = {planting(n).ground_name: n for n, f in FAULTS.items() if f.kind == "control"}
    return twins[fault.ground_name]


@pytest.mark.parametrize("name", [n for n, f in FAULTS.items() if f.grounds != ("push",)])
def test_settings_do_not_tell_the_fault(make_planted, name):
    found = agent_settings(make_planted(name))
    healthy = agent_settings(make_planted(healthy_twin(planting(name))))
    told = SETTINGS_OF_FAULTS.get(name)
    assert {key for key in found | healthy if found.get(key) != healthy.get(key)} == (
        {told} if told else set()
    )


def test_every_fault_has_a_check_that_should_name_it():
    expected = {fault.check for fault in FAULTS.values() if fault.check is not None}
    assert expected <= {check.name for check in CHECKS}
    without = {name for name, fault in FAULTS.items() if fault.check is None}
    controls = {name for name, fault in FAULTS.items() if fault.kind == "control"}
    assert {FAULTS[name].kind for name in without - controls} <= {"blind"}


def test_controls_are_enough_and_of_three_tasks_and_two_algorithms(tmp_path):
    runs = planned_runs("controls", tmp_path)
    assert len(runs) >= 60
    grounds = [run.planted.ground for run in runs]
    assert len({ground.environment.id for ground in grounds}) == 3
    assert len({ground.algorithm for ground in grounds}) == 2


def test_pairs_are_of_faults_with_checks_of_their_own():
    for pair in PAIRS:
        assert len(set(planting("+".join(pair)).checks)) == 2
    assert planting("constant_features+goals_x0.02").ground_name == "point_norm"
    with pytest.raises(ValueError, match="no fault 'cnn_x5'; choose from"):
        plantings("cnn_x5")


def test_sets_do_not_share_folders_and_thresholds_have_seeds_of_their_own(tmp_path):
    runs = [run for name in SEEDS for run in planned_runs(name, tmp_path)]
    assert len({run.folder for run in runs}) == len(runs)
    scored = {seed for name, seeds in SEEDS.items() if name != "setting" for seed in seeds}
    assert not scored & set(SEEDS["setting"])
    kinds = {run.planted.kind for run in planned_runs("setting", tmp_path)}
    assert kinds == {"known", "control"}  # no threshold sees a blind one


def test_a_run_counts_when_it_was_made_to_its_end(tmp_path):
    run = PlannedRun(planting("healthy_point"), 0, UPDATES, tmp_path / "run")
    assert read_outcome(run) is None
    run.folder.mkdir()
    assert read_outcome(run) is None
    outcome = f'{{"updates": {UPDATES}, "wall_seconds": 1, "processor_seconds": 1, "ended": "x"}}'
    (run.folder / OUTCOME_FILE).write_text(outcome)
    assert read_outcome(run).ended == "x"
    assert read_outcome(PlannedRun(run.planted, 0, UPDATES + 1, run.folder)) is None


def test_a_short_run_is_made_and_diagnosed(tmp_path):
    run = PlannedRun(planting("healthy_push_state_td3"), 0, 12, tmp_path / "run")
    run.folder.mkdir()
    (run.folder / "run.json").write_text("{}")  # left of a run that was cut off
    outcome = make_run(run)
    assert read_outcome(run) == outcome
    assert outcome.ended == "finished"
    assert not read_run(run.folder).failures
    assert {entry.planted for entry in check_ranges([run])} == {"healthy_push_state_td3"}
    found = diagnose(run)
    assert (found.ground, found.seed, found.named) == ("push_state_td3", 0, ())


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, f in FAULTS.items() if f.kind != "blind"])
def test_a_known_fault_or_a_control_lasts_and_is_scored(tmp_path, name):
    planted = planting(name)
    run = PlannedRun(planted, 0, planted.ground.updates, tmp_path / name)
    outcome = make_run(run)
    assert (outcome.ended == "finished") == (name != "nan_gradient")
    assert not read_run(run.folder).failures
    assert scoring.named_at_all(diagnose(run))
