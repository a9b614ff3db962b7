"""How each family of SB3's algorithms lays out its networks; nothing else tells one from another.

A family is a function: of a policy that it fits, network name -> layout; of any other, None. A new
algorithm is one more of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.distributions import (
    Distribution,
    SquashedDiagGaussianDistribution,
)
from stable_baselines3.common.policies import BaseModel, BasePolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from goalscope.errors import UserError

Answer = Callable[[Tensor, Tensor | None], Tensor]
Encode = Callable[[dict[str, Tensor], BaseFeaturesExtractor], Tensor]


class UnsupportedPolicy(UserError):
    """The agent is laid out in no way that goalscope knows, or observes no Dict; one line."""


@dataclass(frozen=True, eq=False)
class ActionHead:
    """The last layers of an actor, whose outputs an action is made of.

    Attributes:
        mean: whose output is the deterministic action, float (B, A), or what Tanh makes it of.
        squashed: whether the action is Tanh of it.
        log_spread: whose output is the logarithm of the standard deviation, float (B, A), of the
            normal distribution that is drawn from before Tanh; None where no layer tells it.
    """

    mean: nn.Module
    squashed: bool
    log_spread: nn.Module | None

    def action(self, mean: Tensor) -> Tensor:
        """Return the deterministic action, float (B, A) in [-1, 1], of that layer's output."""
        return mean.tanh() if self.squashed else mean


@dataclass(frozen=True, eq=False)
class Layout:
    """One of an agent's networks, as its family lays it out.

    Attributes:
        module: the SB3 module that holds extractor and heads.
        extractor: its features extractor.
        encode: observations as a buffer returns them, extractor -> the fused features, (B, D).
        heads: name -> what it answers with, of the module's children.
        optimizer: that trains it; None for a target.
        answer: runs the heads on fused features (B, D). Of an actor the deterministic action, float
            (B, A) in [-1, 1], where actions are discrete 2 p - 1 of each probability p. Of a critic
            the value, float (B,), of the actions (B, A) that are given, or of the greedy ones.
        reads_action: whether a critic's value is that of an action, and not of the state alone.
        action_head: of an actor whose last layers tell its action.
    """

    module: BaseModel
    extractor: BaseFeaturesExtractor
    encode: Encode
    heads: Mapping[str, nn.Module]
    optimizer: torch.optim.Optimizer | None
    answer: Answer
    reads_action: bool = False
    action_head: ActionHead | None = None


def layouts(policy: BasePolicy) -> dict[str, Layout]:
    """Return network name ("actor", "critic", "critic_target") -> how it is laid out.

    Raises:
        UnsupportedPolicy: no family fits.
    """
    for family in (_actor_and_critic, _table_of_q, _policy_and_value):
        found = family(policy)
        if found is not None:
            return found
    raise UnsupportedPolicy(
        f"{type(policy).__name__} is laid out in no way that goalscope knows; it watches actors "
        "with critics (SAC, TD3, DDPG, TQC), Q-networks (DQN, QRDQN), and policies with a value "
        "(PPO, A2C)"
    )


def refuse(algorithm: BaseAlgorithm) -> None:
    """Raise where what an algorithm does with its networks cannot be seen.

    Where it moves them in a way that no optimiser's step shows, or runs a compiled copy of them,
    in which hooks may not be called.

    Raises:
        UnsupportedPolicy: it does; the message says how.
    """
    if hasattr(algorithm, "cg_max_steps"):
        raise UnsupportedPolicy(
            f"{type(algorithm).__name__} moves its policy by conjugate gradients and line search, "
            "and no optimiser's step shows that; train the same policy with PPO to watch it"
        )
    holders = (algorithm, algorithm.policy)
    for name in ("policy", "actor", "critic", "critic_target", "q_net", "q_net_target"):
        if any(hasattr(getattr(holder, name, None), "_orig_mod") for holder in holders):
            raise UnsupportedPolicy(
                f"{name} is compiled as a copy, torch.compile({name}), in which hooks may not be "
                f"called; compile it in place to watch it: {name}.compile()"
            )


# SAC, TD3, DDPG, TQC: an actor and a critic that reads the action, each with its optimiser.


def _actor_and_critic(policy: BasePolicy) -> dict[str, Layout] | None:
    if not (hasattr(policy, "actor") and hasattr(policy, "critic")):
        return None
    return {
        name: _own(module, _action_of(module) if name == "actor" else _q_of(module), name)
        for name in ("actor", "critic", "critic_target")
        if (module := getattr(policy, name, None)) is not None
    }


def _own(module: BaseModel, answer: Answer, name: str) -> Layout:
    optimizer = None if name == "critic_target" else module.optimizer
    layout = _whole(module, optimizer, answer, reads_action=name != "actor")
    return replace(layout, action_head=_action_head(module)) if name == "actor" else layout


def _action_head(actor: BaseModel) -> ActionHead | None:
    mean, log_std = (getattr(actor, name, None) for name in ("mu", "log_std"))
    if not isinstance(mean, nn.Module):
        return None
    # Of noise that depends on the state log_std is a parameter: no layer tells the spread.
    drawn = type(getattr(actor, "action_dist", None)) is SquashedDiagGaussianDistribution
    told = log_std if drawn and isinstance(log_std, nn.Module) else None
    return ActionHead(mean, log_std is not None, told)


def _whole(
    module: BaseModel,
    optimizer: torch.optim.Optimizer | None,
    answer: Answer,
    *,
    reads_action: bool,
) -> Layout:
    """Return the layout of a network that is a module of its own."""
    extractor = cast(BaseFeaturesExtractor, module.features_extractor)
    heads, encode = dict(module.named_children()), module.extract_features
    return Layout(module, extractor, encode, heads, optimizer, answer, reads_action)


def _action_of(actor: BaseModel) -> Answer:
    # SAC's actor samples unless told not to; TD3's takes no such argument.
    forward = cast(Callable[..., Tensor], actor)
    told = {"deterministic": True} if hasattr(actor, "log_std") else {}

    def answer(features: Tensor, _: Tensor | None) -> Tensor:
        with substituted_features(actor, features):
            actions: Tensor = forward(None, **told)
        return actions

    return answer


def _q_of(critic: BaseModel) -> Answer:
    """Return the least of the critics; of quantiles their mean, which TQC's actor maximises."""

    def answer(features: Tensor, actions: Tensor | None) -> Tensor:
        with substituted_features(critic, features):
            values = critic(None, actions)
        if isinstance(values, Tensor):  # TQC: (B, critics, quantiles)
            return values.flatten(1).mean(dim=1)
        return torch.cat(values, dim=1).amin(dim=1)

    return answer


# DQN, QRDQN: one network with a value for each action, its optimiser the policy's.


def _table_of_q(policy: BasePolicy) -> dict[str, Layout] | None:
    for name in ("q_net", "quantile_net"):
        if hasattr(policy, f"{name}_target"):
            net, target = getattr(policy, name), getattr(policy, f"{name}_target")
            return {
                "critic": _whole(net, policy.optimizer, _entry_of(net), reads_action=True),
                "critic_target": _whole(target, None, _entry_of(target), reads_action=True),
            }
    return None


def _entry_of(net: BaseModel) -> Answer:
    def answer(features: Tensor, actions: Tensor | None) -> Tensor:
        with substituted_features(net, features):
            values = net(None)
        if values.ndim == 3:  # QRDQN: (B, quantiles, actions)
            values = values.mean(dim=1)
        if actions is None:
            greedy: Tensor = values.amax(dim=1)
            return greedy
        taken: Tensor = values.gather(1, actions.long().view(len(values), 1))
        return taken.flatten()

    return answer


# PPO, A2C, MaskablePPO, RecurrentPPO: policy and value in one module, one optimiser for both.


def _policy_and_value(policy: Any) -> dict[str, Layout] | None:
    if not (hasattr(policy, "action_net") and hasattr(policy, "value_net")):
        return None
    actor = "lstm_actor", "mlp_extractor.policy_net", "action_net"
    critic = "lstm_critic", "critic", "mlp_extractor.value_net", "value_net"
    return {
        "actor": _half(policy, policy.pi_features_extractor, actor, _expectation),
        "critic": _half(policy, policy.vf_features_extractor, critic, _value),
    }


def _half(
    policy: Any,
    extractor: BaseFeaturesExtractor,
    heads: Sequence[str],
    answer: Callable[[Any, Tensor], Tensor],
) -> Layout:
    """Return the layout of a policy's actor or critic; the named heads that it has are its own."""
    # Not the policy's own: of two extractors that returns both outputs, and warns.
    encode = partial(BaseModel.extract_features, policy)
    there = dict(policy.named_modules())
    own = {name: there[name] for name in heads if name in there}

    def answered(features: Tensor, _: Tensor | None) -> Tensor:
        return answer(policy, features)

    return Layout(policy, extractor, encode, own, policy.optimizer, answered)


def _value(policy: Any, features: Tensor) -> Tensor:
    lstm, linear = (getattr(policy, name, None) for name in ("lstm_critic", "critic"))
    if lstm is None and getattr(policy, "shared_lstm", False):
        lstm = policy.lstm_actor
    if lstm is not None:
        features = _as_first_step(policy, features, lstm)
    elif linear is not None:
        features = linear(features)
    value: Tensor = policy.value_net(policy.mlp_extractor.forward_critic(features))
    return value.flatten()


def _expectation(policy: Any, features: Tensor) -> Tensor:
    if hasattr(policy, "lstm_actor"):
        features = _as_first_step(policy, features, policy.lstm_actor)
    latent = policy.mlp_extractor.forward_actor(features)
    distribution: Distribution = policy._get_action_dist_from_latent(latent)
    space = policy.action_space
    if not isinstance(space, spaces.Box):
        parts: Any = getattr(distribution, "distributions", None) or distribution.distribution
        parts = parts if isinstance(parts, list) else [parts]  # several of MultiDiscrete
        return 2 * torch.cat([part.probs for part in parts], dim=1) - 1
    mean = distribution.mode()
    if policy.squash_output:
        return mean
    low, high = (torch.as_tensor(end, device=mean.device) for end in (space.low, space.high))
    return 2 * (mean.clamp(low, high) - low) / (high - low) - 1


def _as_first_step(policy: Any, features: Tensor, lstm: nn.LSTM) -> Tensor:
    """Return what an LSTM makes of observations that each begin an episode."""
    state = features.new_zeros(lstm.num_layers, len(features), lstm.hidden_size)
    begins = features.new_ones(len(features))
    output: Tensor = policy._process_sequence(features, (state, state), begins, lstm)[0]
    return output


@contextmanager
def substituted_features(module: BaseModel, features: Tensor) -> Iterator[None]:
    """Let the network's own heads run on the given fused features instead of encoding again."""

    def substitute(*_: object, **__: object) -> Tensor:
        return features

    object.__setattr__(module, "extract_features", substitute)
    try:
        yield
    finally:
        object.__delattr__(module, "extract_features")
