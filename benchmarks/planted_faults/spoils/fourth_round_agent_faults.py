"""Mistakes of the fourth round in the features extractor, and in the agent and its optimisers."""

from collections.abc import Callable
from typing import Any

import torch
from stable_baselines3 import SAC
from torch import Tensor, nn

from benchmarks.planted_faults.spoils.second_round_faults import after_updates
from goalscope.training.agents.extractors import FusionExtractor

RESET_EVERY = 40  # updates
DECAY = 0.99  # of the learning rate, meant for an epoch
GAIN = 10.0
_FIRST_RATE = 3e-4  # SAC's own
_ENTROPY_RATE = 0.03  # a hundred times SAC's own
_DROPPED = 0.8  # meant as the part that is kept


# The features extractor


def softmax_after_encoder(extractor: FusionExtractor) -> None:
    """End the encoder in a softmax, as a classifier ends."""
    _follow_pixels(extractor, nn.Softmax(dim=1))


def dropout_after_encoder(extractor: FusionExtractor) -> None:
    """Drop four of five image features as the agent learns, and none as it acts."""
    _follow_pixels(extractor, nn.Dropout(_DROPPED))


# The agent


def actor_moves_critic(model: SAC) -> None:
    """Give the actor's optimiser the critics' weights, too: their Q is raised to please it."""
    model.actor.optimizer.add_param_group({"params": list(model.critic.parameters())})


def polyak_swapped(model: SAC) -> None:
    """Exchange the arguments of the soft update: the critic follows the target."""
    target = [values.clone() for values in model.critic_target.parameters()]

    def follow() -> None:
        for values, kept, first in zip(
            model.critic.parameters(), model.critic_target.parameters(), target, strict=True
        ):
            kept.copy_(first)
            values.lerp_(first, model.tau)

    after_updates(model, follow)


def betas_swapped(model: SAC) -> None:
    """Exchange Adam's betas: a step is the mean of a thousand gradients over the size of ten."""
    for optimizer in (model.actor.optimizer, model.critic.optimizer):
        for group in optimizer.param_groups:
            group["betas"] = group["betas"][::-1]


def rate_decays(model: SAC) -> None:
    """Let the rate decay whenever it is asked for, not each epoch: four times an update."""
    calls = 0

    def rate(_: float) -> float:
        nonlocal calls
        calls += 1
        return float(_FIRST_RATE * DECAY**calls)

    model.learning_rate = rate
    model._setup_lr_schedule()


def heads_large(model: SAC) -> None:
    """Give the heads of actor and critics orthogonal weights ten times as large as they should."""
    for layer in head_layers(model):
        nn.init.orthogonal_(layer.weight, GAIN)
    model.critic_target.load_state_dict(model.critic.state_dict())


def target_entropy_positive(model: SAC) -> None:
    """Ask for an entropy that no bounded action has, with a rate that soon answers it."""
    assert isinstance(model.target_entropy, float)
    assert model.ent_coef_optimizer is not None  # the agent learns its coefficient
    model.target_entropy = -model.target_entropy

    def hasten(optimizer: torch.optim.Optimizer, *_: object) -> None:
        for group in optimizer.param_groups:
            group["lr"] = _ENTROPY_RATE

    model.ent_coef_optimizer.register_step_pre_hook(hasten)


def images_unscaled(model: SAC) -> None:
    """Leave images at 0..255, as with `normalize_images=False`."""
    for part in (model.policy, model.actor, model.critic, model.critic_target):
        part.normalize_images = False


def heads_reset(model: SAC) -> None:
    """Reset the heads of actor and critics, against overfitting, far too often."""

    def reset() -> None:
        if model._n_updates % RESET_EVERY == 0:
            for layer in head_layers(model):
                layer.reset_parameters()

    after_updates(model, reset)


def action_unheard(model: SAC) -> None:
    """Hide the action from the critics: Q is that of the observation alone."""
    assert model.action_space.shape is not None  # a Box
    width = model.action_space.shape[0]

    def hide(_: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        features = inputs[0][:, :-width]
        return (torch.cat([features, features.new_zeros(len(features), width)], dim=1),)

    for network in (model.critic, model.critic_target):
        for critic in network.q_networks:
            critic.register_forward_pre_hook(hide)


def next_of_reset(model: SAC) -> None:
    """Take what a reset shows for what followed the last step of the episode before."""
    store: Callable[..., None] = model._store_transition

    def forget(*args: Any) -> None:
        told = ({k: v for k, v in info.items() if k != "terminal_observation"} for info in args[-1])
        store(*args[:-1], list(told))

    model._store_transition = forget  # type: ignore[method-assign, assignment]


def _follow_pixels(extractor: FusionExtractor, module: nn.Module) -> None:
    extractor.extractors["pixels"] = nn.Sequential(extractor.extractors["pixels"], module)


def head_layers(model: SAC) -> list[nn.Linear]:
    heads = (model.actor.latent_pi, model.actor.mu, *model.critic.q_networks)
    return [layer for head in heads for layer in head.modules() if isinstance(layer, nn.Linear)]
