"""Mistakes of the fifth round in the features extractor, in the agent and in its settings."""

from typing import Any

import torch
from stable_baselines3 import SAC, TD3
from stable_baselines3.common.distributions import (
    DiagGaussianDistribution,
    SquashedDiagGaussianDistribution,
)
from stable_baselines3.common.type_aliases import TrainFreq, TrainFrequencyUnit
from torch import Tensor, nn

from benchmarks.planted_faults.spoils.fourth_round_agent_faults import head_layers
from benchmarks.planted_faults.spoils.second_round_faults import after_updates
from goalscope.training.agents.extractors import FusionExtractor

EPSILON = 1e-8  # meant as the smallest norm, and given as the largest
STEPS_PER_UPDATE = 10
DISCOUNT = 0.1  # meant as 1 - discount


# The features extractor


class Floor(nn.Module):
    """Rounds down."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the largest whole numbers below."""
        return images.floor()


class OverBatch(nn.Module):
    """Standardises each feature over the batch, whatever is in it: of one observation, to 0."""

    def forward(self, features: Tensor) -> Tensor:
        """Return float (B, D), each column with mean 0 and spread 1."""
        spread = features.std(dim=0, correction=0)
        return (features - features.mean(dim=0)) / (spread + 1e-5)


def images_floor_divided(extractor: FusionExtractor) -> None:
    """Divide images by 255 as whole numbers: all but the whitest pixels are black."""
    extractor.extractors["pixels"] = nn.Sequential(Floor(), extractor.extractors["pixels"])


def standardised_over_batch(extractor: FusionExtractor) -> None:
    """Standardise image features over the batch also as the agent acts, on a batch of one."""
    extractor.extractors["pixels"] = nn.Sequential(extractor.extractors["pixels"], OverBatch())


# What is carried out, and what is stored


def means_stored(model: SAC) -> None:
    """Store the action that the policy holds for best, where another is carried out."""
    choose = model._sample_action

    def act(*args: Any, **options: Any) -> Any:
        action, _ = choose(*args, **options)
        best, _ = model.predict(model._last_obs, deterministic=True)  # type: ignore[arg-type]
        return action, model.policy.scale_action(best)

    model._sample_action = act  # type: ignore[method-assign]


# Networks


def heads_zero(model: SAC) -> None:
    """Start the heads of actor and critics at zero: no ReLU among them ever passes a gradient."""
    for layer in head_layers(model):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    model.critic_target.load_state_dict(model.critic.state_dict())


def actor_ends_in_relu(model: SAC) -> None:
    """End the actor in a ReLU before its Tanh: no action's mean is below 0."""
    model.actor.mu.register_forward_hook(lambda _, __, mean: mean.relu())


def exp_twice(model: SAC) -> None:
    """Take the actor's exponential twice: what is read as log of the spread is the spread."""
    log_std = model.actor.log_std
    assert isinstance(log_std, nn.Linear)  # without SDE
    log_std.register_forward_hook(lambda _, __, spread: spread.exp())


class Uncorrected(SquashedDiagGaussianDistribution):
    """A squashed distribution whose densities are those of before the squashing."""

    def log_prob(self, actions: Tensor, gaussian_actions: Tensor | None = None) -> Tensor:
        """Return the log density, float (B,), of what Tanh was taken of."""
        assert gaussian_actions is not None  # SAC's actor gives them
        return DiagGaussianDistribution.log_prob(self, gaussian_actions)


def tanh_not_corrected(model: SAC) -> None:
    """Forget in the log of an action's density that Tanh has squashed it."""
    actor: Any = model.actor  # whose distribution SB3 types as the last it may be
    actor.action_dist = Uncorrected(actor.action_dist.action_dim)


def maximum_of_critics(model: SAC) -> None:
    """Take the larger of both critics' values in targets, where the smaller was meant."""

    def larger(_: nn.Module, __: object, values: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        largest = torch.stack(values).amax(dim=0)
        return (largest,) * len(values)

    model.critic_target.register_forward_hook(larger)


# Updates


def target_encoder_stale(model: SAC) -> None:
    """Leave the encoder out of the soft update: the target's heads follow, on its features."""
    encoder = model.critic_target.features_extractor
    first = {name: values.clone() for name, values in encoder.state_dict().items()}
    after_updates(model, lambda: encoder.load_state_dict(first))


def weights_in_bfloat16(model: SAC) -> None:
    """Keep all weights in bfloat16, in which a small step is rounded away."""

    def round_off() -> None:
        for values in model.policy.parameters():
            values.copy_(values.bfloat16())

    after_updates(model, round_off)


def gradients_clipped(model: SAC) -> None:
    """Clip gradients at the norm that was meant for what keeps a division from failing."""

    def clip(optimizer: torch.optim.Optimizer, *_: object) -> None:
        nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], EPSILON)

    for optimizer in (model.actor.optimizer, model.critic.optimizer):
        optimizer.register_step_pre_hook(clip)


def moments_forgotten(model: SAC) -> None:
    """Make Adam forget its moments after each update, as a model does that is loaded anew."""

    def forget() -> None:
        for optimizer in (model.actor.optimizer, model.critic.optimizer):
            optimizer.state.clear()

    after_updates(model, forget)


# Settings


def discount_small(model: SAC) -> None:
    """Give one less the discount for the discount: what comes after the next step is nothing."""
    model.gamma = DISCOUNT


def target_copied(model: SAC) -> None:
    """Copy the critic to its target at each update."""
    model.tau = 1.0


def updates_rare(model: SAC) -> None:
    """Make an update every ten steps, where one each was meant."""
    model.train_freq = TrainFreq(STEPS_PER_UPDATE, TrainFrequencyUnit.STEP)  # type: ignore[assignment]


def no_exploration(model: TD3) -> None:
    """Give TD3 no noise to explore with, as is its default."""
    model.action_noise = None
