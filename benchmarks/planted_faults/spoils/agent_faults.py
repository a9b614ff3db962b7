"""What can be wrong with the parameters of an agent that has been made and not yet trained."""

import copy

import numpy as np
import torch
from stable_baselines3 import SAC
from stable_baselines3.sac.policies import SACPolicy
from torch import Tensor, nn

from benchmarks.planted_faults.spoils.extractor_faults import relu_killed

_FIRST, _LAST = 60, 160  # the updates among which the seed chooses when a fault begins
_NO_ENTROPY = 1e-5


def encoder_frozen(model: SAC) -> None:
    """Swap the encoders for copies, as one loads a pretrained one: the optimisers hold the old."""
    for network in (model.actor, model.critic):
        network.features_extractor = copy.deepcopy(network.features_extractor)


def nan_gradient(model: SAC) -> None:
    """Make the gradient of one layer of a critic NaN from some update on.

    Which update depends on the seed alone, and not on when anything is measured.
    """
    first = first_update(model.seed or 0)

    def spoil(gradient: Tensor) -> Tensor:
        return gradient * torch.nan if model._n_updates + 1 >= first else gradient

    _weight(_critics(model)[0][2]).register_hook(spoil)


def first_update(seed: int) -> int:
    """Return the update at which a fault begins that does so during training."""
    return int(np.random.default_rng(seed).integers(_FIRST, _LAST))


def encoder_dies(model: SAC) -> None:
    """Kill the units of both encoders at some update, as one step that is too large does."""
    first = first_update(model.seed or 0)

    def kill(*_: object) -> None:
        if model._n_updates + 1 == first:  # counted after the steps of an update
            with torch.no_grad():
                relu_killed(model.actor.features_extractor)
                relu_killed(model.critic.features_extractor)

    model.actor.optimizer.register_step_post_hook(kill)  # the last step of an update


def entropy_gone(model: SAC) -> None:
    """Hold the entropy coefficient at next to nothing, from the start."""
    coefficient = model.log_ent_coef
    assert coefficient is not None  # the agent learns it
    with torch.no_grad():
        coefficient.fill_(float(np.log(_NO_ENTROPY)))
    coefficient.register_hook(torch.zeros_like)


def fix_entropy(model: SAC, coefficient: float) -> None:
    """Fix the entropy coefficient, in the place of one that is learnt."""
    model.ent_coef = coefficient  # type: ignore[assignment]
    model.ent_coef_optimizer = model.log_ent_coef = None
    model.ent_coef_tensor = torch.tensor(coefficient, device=model.device)


def target_frozen(model: SAC) -> None:
    """Never update the target network."""
    model.tau = 0.0


def discount_one(model: SAC) -> None:
    """Count the rewards of the far future as much as the next one."""
    model.gamma = 1.0


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
