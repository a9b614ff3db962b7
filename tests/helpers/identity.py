"""Two agents trained alike, and whether they are the same to the last bit."""

import random

import numpy as np
import torch
from stable_baselines3 import SAC

UPDATES = 20  # beyond the dense start


def trained(make_agent, callback, **settings) -> SAC:
    random.seed(0)
    agent = make_agent(**settings)
    agent.learn(60 + UPDATES, callback=callback)
    assert agent._n_updates == UPDATES
    return agent


def assert_identical(left: SAC, right: SAC) -> None:
    for (name, one), (_, other) in zip(
        left.policy.state_dict().items(), right.policy.state_dict().items(), strict=True
    ):
        assert torch.equal(one, other), name
    assert torch.equal(left.log_ent_coef, right.log_ent_coef)
    for part in ("actor", "critic"):
        states = [getattr(a, part).optimizer.state_dict()["state"] for a in (left, right)]
        assert states[0].keys() == states[1].keys()
        for key, state in states[0].items():
            for name, value in state.items():
                assert torch.equal(value, states[1][key][name]), (part, key, name)
    one, other = left.replay_buffer, right.replay_buffer
    assert one.pos == other.pos
    for key in one.observations:
        assert np.array_equal(one.observations[key], other.observations[key])
        assert np.array_equal(one.next_observations[key], other.next_observations[key])
    for name in ("actions", "rewards", "dones", "ep_start", "ep_length"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def generators() -> tuple[object, ...]:
    state = np.random.get_state()  # noqa: NPY002
    return random.getstate(), state[1].tolist(), state[2], torch.get_rng_state().tolist()
