"""What can be wrong with the parameters of an agent that has been made and not yet trained."""

import copy

import numpy as np
import torch
from stable_baselines3 import SAC
from stable_baselines3.sac.policies import SACPolicy
from torch import Tensor, nn

_FIRST_NAN, _LAST_NAN = 100, 300  # the updates among which the seed chooses


def encoder_frozen(model: SAC) -> None:
    """Swap the encoders for copies, as one loads a pretrained one: the optimisers hold the old."""
    for network in (model.actor, model.critic):
        network.features_extractor = copy.deepcopy(network.features_extractor)


def nan_gradient(model: SAC) -> None:
    """Make the gradient of one layer of a critic NaN from some update on.

    Which update depends on the seed alone, and not on when anything is measured.
    """
    first = nan_update(model.seed or 0)

    def spoil(gradient: Tensor) -> Tensor:
        return gradient * torch.nan if model._n_updates + 1 >= first else gradient

    _weight(_critics(model)[0][2]).register_hook(spoil)


def nan_update(seed: int) -> int:
    """Return the update from which `nan_gradient` spoils the gradient."""
    return int(np.random.default_rng(seed).integers(_FIRST_NAN, _LAST_NAN))


def critic_constant(model: SAC) -> None:
    """Hold the weights of both critics' last layers at zero; their biases are still learnt."""
    for critic in _critics(model):
        weight = _weight(critic[-1])
        nn.init.zeros_(weight)
        weight.register_hook(torch.zeros_like)
    policy = model.policy
    assert isinstance(policy, SACPolicy)
    policy.critic_target.load_state_dict(policy.critic.state_dict())


def _weight(layer: nn.Module) -> Tensor:
    assert isinstance(layer, nn.Linear)  # SB3's critics
    return layer.weight


def _critics(model: SAC) -> list[nn.Sequential]:
    return [critic for critic in model.critic.q_networks if isinstance(critic, nn.Sequential)]
