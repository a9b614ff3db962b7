"""A replay that stores or hands out something else than the environment gave is seen."""

import pytest
from helpers.transition_runs import Changed, Shuffled, Stuck, watched
from stable_baselines3 import HerReplayBuffer


class StoredActionsNegated(HerReplayBuffer):
    def add(self, obs, next_obs, action, *rest):
        super().add(obs, next_obs, -action, *rest)


class StoredRewardsHalved(HerReplayBuffer):
    def add(self, obs, next_obs, action, reward, *rest):
        super().add(obs, next_obs, action, reward / 2, *rest)


class StoredEnds(HerReplayBuffer):
    def add(self, obs, next_obs, action, reward, done, infos):
        super().add(obs, next_obs, action, reward, done, [{} for _ in infos])


class DrawnFlipped(Changed):
    def change(self, batch):
        flipped = {**batch.observations, "pixels": batch.observations["pixels"].flip(-1)}
        return {"observations": flipped}


@pytest.mark.parametrize(
    ("buffer", "key"),
    [
        (StoredActionsNegated, "replay.action_differs"),
        (StoredRewardsHalved, "replay.reward_differs"),
        (StoredEnds, "replay.end_differs"),
        (Stuck, "replay.pixels.next_differs"),
        (DrawnFlipped, "replay.pixels.differs"),
        (Shuffled, "replay.action_differs"),
    ],
)
def test_what_is_stored_or_drawn_otherwise_is_seen(buffer, key):
    found = watched(buffer=buffer, pixels=True).found()
    assert found[key] > 0.05
    others = {k for k, v in found.items() if k.endswith("differs") and v > 0} - {key}
    assert all("next_differs" in other for other in others)
