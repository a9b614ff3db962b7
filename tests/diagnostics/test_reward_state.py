"""What the environment's reward says when it is asked, in real runs on the point."""

import numpy as np
import pytest
from helpers.transition_runs import REPLAYS, healthy, measured, trained
from helpers.transitions import TOLERANCE
from stable_baselines3.common.buffers import DictReplayBuffer

pytestmark = pytest.mark.usefixtures("all_states")
ASKED = ("replay.goal_ignored_fraction", "replay.paid_distance")


@pytest.mark.parametrize("name", [name for name in REPLAYS if name != "no hindsight"])
def test_a_healthy_reward_hears_its_goal_and_pays_to_its_tolerance(name):
    found = healthy(name).found()
    assert found["replay.goal_ignored_fraction"] == 0
    assert found["replay.paid_distance"] == pytest.approx(TOLERANCE, rel=1e-2)


@pytest.mark.parametrize(
    "settings",
    [{"buffer": DictReplayBuffer}, {"replay_buffer_kwargs": {"copy_info_dict": True}}],
)
def test_without_hindsight_or_with_its_infos_nothing_is_asked(settings):
    assert not set(ASKED) & set(measured(trained(**settings)))


def spoilt(reward) -> dict[str, float]:
    """Return what is measured where another reward is computed from now on."""
    agent = trained()
    agent.get_env().envs[0].unwrapped.compute_reward = reward
    return measured(agent)


def test_a_reward_of_the_environments_own_goal_is_seen():
    agent = trained()
    env = agent.get_env().envs[0].unwrapped
    pay = type(env).compute_reward
    env.compute_reward = lambda achieved, _, infos: pay(
        env, achieved, np.broadcast_to(env.goal, achieved.shape), infos
    )
    assert measured(agent)["replay.goal_ignored_fraction"] > 0.9


def test_a_reward_that_looks_for_a_success_in_infos_is_seen():
    found = spoilt(lambda achieved, _, infos: np.array([i.get("success", 0.0) - 1 for i in infos]))
    assert found["replay.goal_ignored_fraction"] == 1
    assert "replay.paid_distance" not in found


@pytest.mark.parametrize("factor", [1e-3, 4])
def test_another_tolerance_is_measured(factor):
    def within(achieved, desired, _):
        return (np.linalg.norm(achieved - desired, axis=-1) < factor * TOLERANCE) - 1.0

    found = spoilt(within)
    assert found["replay.paid_distance"] == pytest.approx(factor * TOLERANCE, abs=2e-3)


def test_a_reward_by_the_distance_has_no_tolerance():
    found = spoilt(lambda achieved, desired, _: -np.linalg.norm(achieved - desired, axis=-1))
    assert found["replay.goal_ignored_fraction"] == 0
    assert "replay.paid_distance" not in found
