"""Heads of other shapes than SB3's: what is read of the fused features, and what comes back."""

from functools import partial

import pytest
import torch
from helpers.more_keys import vector_agent
from helpers.point_env import PointEnv
from stable_baselines3 import PPO, SAC, TD3
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from benchmarks.matrix.checking import outcome_of_agent
from goalscope.probes import view_networks

WIDTH = 6


class Encoder(BaseFeaturesExtractor):
    """Encodes the achieved goal, and hands the desired one on."""

    def __init__(self, space):
        super().__init__(space, features_dim=WIDTH)
        self.net = nn.Linear(2, WIDTH - 2)

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        achieved = self.net(observations["achieved_goal"])
        return torch.cat([achieved, observations["desired_goal"]], dim=1)


class Normalised(nn.Module):
    """Normalises what the first layer reads."""

    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.net = net

    def forward(self, inputs: Tensor) -> Tensor:
        return self.net(nn.functional.layer_norm(inputs, inputs.shape[1:]))


class ActionFirst(Normalised):
    """Reads the action before the features."""

    def forward(self, inputs: Tensor) -> Tensor:
        return self.net(inputs.roll(-WIDTH, dims=1))


class Dense(nn.Module):
    """D2RL: another hidden layer, which reads the first one and the features again."""

    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.first, self.rest = net[:2], net[2:]
        read, hidden = net[0].in_features, net[0].out_features
        self.second = nn.Sequential(nn.Linear(hidden + read, hidden), nn.ReLU())

    def forward(self, inputs: Tensor) -> Tensor:
        return self.rest(self.second(torch.cat([self.first(inputs), inputs], dim=1)))


HEADS = {"LayerNorm before them": Normalised, "D2RL": Dense, "action first": ActionFirst}


def actors_and_critics(agent) -> list[tuple[nn.Module, str, torch.optim.Optimizer | None]]:
    """Return each head's owner, its name there, and the optimiser that trains it."""
    if isinstance(agent, PPO):
        heads = ("policy_net", "value_net")
        return [(agent.policy.mlp_extractor, name, agent.policy.optimizer) for name in heads]
    critics = [(agent.critic, agent.critic.optimizer), (agent.critic_target, None)]
    found = [(c, f"qf{number}", o) for c, o in critics for number in range(2)]
    if isinstance(agent, TD3):
        actors = [(agent.actor, agent.actor.optimizer), (agent.actor_target, None)]
        return [*found, *((actor, "mu", optimizer) for actor, optimizer in actors)]
    return [*found, (agent.actor, "latent_pi", agent.actor.optimizer)]


def made(algorithm, head: str, shared: bool):
    """Return an agent with such heads, from the same seed every time."""
    policy = {
        "net_arch": [16],
        "features_extractor_class": Encoder,
        "share_features_extractor": shared,
    }
    if algorithm is PPO:
        sizes = {"n_steps": 12, "batch_size": 12, "n_epochs": 2, "seed": 0}
        agent = PPO("MultiInputPolicy", PointEnv(), policy_kwargs=policy, **sizes)
    else:
        agent = vector_agent(algorithm, policy_kwargs=policy)
    for owner, name, optimizer in actors_and_critics(agent):
        if head == "action first" and not name.startswith("qf"):
            continue  # an actor reads none
        net = HEADS[head](getattr(owner, name))
        setattr(owner, name, net)
        if name.startswith("qf"):
            owner.q_networks[int(name[-1])] = net
        if head == "D2RL" and optimizer is not None:
            optimizer.add_param_group({"params": [*net.second.parameters()]})
    if algorithm is not PPO:
        agent.critic_target.load_state_dict(agent.critic.state_dict())
    if algorithm is TD3:
        agent.actor_target.load_state_dict(agent.actor.state_dict())
    return agent


@pytest.mark.parametrize(  # every two of algorithm, heads and encoder meet
    ("algorithm", "head", "shared"),
    [
        (SAC, "LayerNorm before them", False),
        (TD3, "LayerNorm before them", True),
        (PPO, "LayerNorm before them", True),
        (SAC, "D2RL", True),
        (TD3, "D2RL", False),
        (PPO, "D2RL", False),
        (SAC, "action first", False),
        (TD3, "action first", True),
    ],
)
def test_what_comes_back_to_the_features_is_autograds(algorithm, head, shared):
    networks = view_networks(made(algorithm, head, shared).policy)
    assert bool(networks["critic"].consumers) == (head == "D2RL")
    outcome = outcome_of_agent(partial(made, algorithm, head, shared))
    assert outcome.wrong == []
    assert {"features", "gradient", "sensitivity"} <= set(outcome.families)
    without_layers = head == "LayerNorm before them"  # of all networks alike
    assert ("signal" in outcome.families) != without_layers
