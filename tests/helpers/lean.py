"""Agents that are brought to the same state, updated alike and compared: stock SAC and LeanSAC."""

from typing import Any

import numpy as np
import torch
from stable_baselines3 import SAC
from torch import Tensor

UPDATES = 20
BATCH = 8
SHARED: dict[str, Any] = {"share_features_extractor": True}


def of(cls: type[SAC], policy: Any = "MultiInputPolicy") -> Any:
    """Return the class with another policy, for `make_agent`."""
    return lambda _, env, **settings: cls(policy, env, **settings)


def gather(agent: SAC) -> SAC:
    """Fill the replay with the same random steps every time."""
    agent.learn(59)
    assert agent._n_updates == 0
    return agent


def update(agent: SAC, calls: int = UPDATES, gradient_steps: int = 1) -> SAC:
    """Make updates from fixed generators, without environment steps between."""
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 - SB3's buffers draw from it
    for _ in range(calls):
        agent.train(gradient_steps, batch_size=BATCH)
    return agent


def weights(agent: SAC) -> dict[str, Tensor]:
    found = {name: value.clone() for name, value in agent.policy.state_dict().items()}
    if agent.log_ent_coef is not None:
        found["log_ent_coef"] = agent.log_ent_coef.detach().clone()
    return found


def assert_close(left: SAC, right: SAC, **tolerance: float) -> None:
    torch.testing.assert_close(weights(left), weights(right), **tolerance)


def extractor(cls: type, **settings: Any) -> dict[str, Any]:
    return {"policy_kwargs": {"features_extractor_class": cls, **settings}}
