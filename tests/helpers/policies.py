"""Small policies whose answers can be worked out by hand, and batches to ask them."""

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, CombinedExtractor
from stable_baselines3.sac.policies import MultiInputPolicy
from stable_baselines3.td3.policies import MultiInputPolicy as TD3Policy
from torch import Tensor, nn

from goalscope.probes import GoalBatch

SPACE = spaces.Dict(
    achieved_goal=spaces.Box(-np.inf, np.inf, (3,), np.float32),
    desired_goal=spaces.Box(-np.inf, np.inf, (3,), np.float32),
    pixels=spaces.Box(0, 255, (3, 36, 36), np.uint8),
)


ACTIONS = spaces.Box(-1, 1, (4,), np.float32)


def policy_of(cls=MultiInputPolicy, **kwargs):
    torch.manual_seed(0)
    return cls(SPACE, ACTIONS, lambda _: 1e-3, **kwargs)


def batch_of(rows: int = 16, seed: int = 0) -> GoalBatch:
    generator = torch.Generator().manual_seed(seed)
    return GoalBatch(
        {
            "pixels": torch.randint(
                0, 255, (rows, 3, 36, 36), generator=generator, dtype=torch.uint8
            ),
            "achieved_goal": torch.randn(rows, 3, generator=generator),
            "desired_goal": torch.randn(rows, 3, generator=generator),
        },
        torch.rand(rows, 4, generator=generator) * 2 - 1,
        torch.randn(9, 3, generator=generator),
    )


class GoalEncoder(CombinedExtractor):
    """Encodes the desired goal with a layer of its own."""

    def __init__(self, space: spaces.Dict) -> None:
        super().__init__(space, cnn_output_dim=8)
        self.extractors["desired_goal"] = nn.Sequential(nn.Linear(3, 5), nn.Tanh())
        self._features_dim += 2


POLICIES = {
    "sb3": lambda: policy_of(),
    "shared": lambda: policy_of(share_features_extractor=True),
    "goal encoder": lambda: policy_of(features_extractor_class=GoalEncoder),
    "td3": lambda: policy_of(TD3Policy),
}


def set_linear_q(policy, weights: dict[int, float]) -> None:
    """Make every Q a linear function of single inputs: column -> weight."""
    for net in policy.critic.q_networks:
        nn.init.zeros_(net[0].weight)
        nn.init.zeros_(net[0].bias)
        for column, weight in weights.items():
            net[0].weight.data[0, column] = weight


class Mixing(BaseFeaturesExtractor):
    """A layer over pixels' mean and the goal: no column is the goal's alone."""

    def __init__(self, space: spaces.Dict) -> None:
        super().__init__(space, features_dim=4)
        self.mix = nn.Linear(4, 4)

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        mean = observations["pixels"].mean(dim=(1, 2, 3), keepdim=True).flatten(1)
        features: Tensor = self.mix(torch.cat([mean, observations["desired_goal"]], dim=1))
        return features
