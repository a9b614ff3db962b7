"""SAC with the work left out that does not change what it learns."""

from collections.abc import Iterator
from typing import Any, Literal, get_args

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.policies import BaseModel
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.utils import polyak_update
from torch import Tensor
from torch.nn import functional

from goalscope.probes.families import substituted_features
from goalscope.training.agents.critic_encoder import Detached
from goalscope.training.agents.cuda_graphs import GraphedUpdate, Passes
from goalscope.training.agents.lean_encoding import (
    BatchEncoding,
    encode,
    held_parameters,
    prepare,
)

Precision = Literal["float32", "bfloat16"]
_DTYPES: dict[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_KNOWN = (BaseModel.extract_features, Detached.extract_features)


class LeanSAC(SAC):
    """A drop-in for SB3's SAC that makes the same updates in less time.

    Same arithmetic, same random draws in the same order, same logged values; what is left out:

    - The actor's loss asks for the gradient at the actor's parameters alone. SB3 also takes it
      through the critic and its encoder, and then throws it away.
    - Images are scaled once per batch instead of once per network, and laid out channels-last.
    - Where actor and critic share an encoder, it runs once for what both read from it.
    - Adam's step is fused, unless `optimizer_kwargs` chose a form.
    - On a GPU, an update's passes are launched as CUDA graphs (`GraphedUpdate`): what an extractor
      or a hook works out in Python, such as a factor that falls, stays what it was.
    - Losses stay on the device; one transfer per call of `train`.

    After an update a critic parameter's `.grad` therefore holds the critic's loss alone. Hooks on
    optimisers, on the heads and on an encoder's layers see what they see in SB3, save that a shared
    encoder runs less often; on a GPU, those on layers see the updates that our callbacks measure.

    Args:
        *args: SAC's.
        precision: "bfloat16" runs the features extractors under torch.autocast. Their output, the
            heads, losses, weights and optimisers stay float32; so do vectors that an extractor only
            flattens. An extractor that passes goal vectors through layers of its own rounds them to
            8 significant bits: leave it at "float32".
        **kwargs: SAC's.

    Raises:
        ValueError: an unknown precision, `use_sde`, or a policy whose networks extract features in
            a way of their own.
    """

    def __init__(self, *args: Any, precision: Precision = "float32", **kwargs: Any) -> None:
        if precision not in get_args(Precision):
            names = " or ".join(get_args(Precision))
            raise ValueError(f"precision {precision!r} is unknown; use {names}")
        self.precision = precision
        super().__init__(*args, **kwargs)

    def _setup_model(self) -> None:
        if self.use_sde:
            raise ValueError("LeanSAC does not support use_sde; leave it out or use SAC")
        super()._setup_model()
        for module in (self.actor, self.critic, self.critic_target):
            if type(module).extract_features not in _KNOWN:
                raise ValueError(
                    f"{type(module).__name__} overrides extract_features, which LeanSAC "
                    "rearranges; use SAC"
                )
        for optimizer in self._optimizers():
            _fuse(optimizer)
        self._encoder_repeats: bool | None = None
        self._update = GraphedUpdate(self._passes)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_update"]

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Make `gradient_steps` updates on batches of `batch_size` transitions."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self._optimizers())
        self._update.rely_on(self._held(), *self._optimizers(), *self._constants())

        logged: dict[str, list[Tensor]] = {}
        for step in range(gradient_steps):
            batch = self._sample(batch_size)
            for name, value in self._update(batch).items():
                logged.setdefault(name, []).append(value.reshape(()))
            if step % self.target_update_interval == 0:
                self._follow()

        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        names = list(logged)
        if names:
            values = torch.stack([torch.stack(logged[name]) for name in names])
            means = values.cpu().double().mean(dim=1).tolist()
            for name, mean in zip(names, means, strict=True):
                self.logger.record(f"train/{name}", mean)

    def _sample(self, batch_size: int) -> ReplayBufferSamples:
        """Return the batch of an update."""
        assert self.replay_buffer is not None
        return self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        entropy = [] if self.ent_coef_optimizer is None else [self.ent_coef_optimizer]
        return [self.actor.optimizer, self.critic.optimizer, *entropy]

    def _held(self) -> Iterator[Tensor]:
        """Yield every tensor that updates read or write, but for batches."""
        yield from self.policy.parameters()
        yield from self.policy.buffers()
        yield self.ent_coef_tensor if self.log_ent_coef is None else self.log_ent_coef

    def _constants(self) -> tuple[object, ...]:
        """Return what updates read of the agent itself."""
        return self.gamma, self.target_entropy, self.precision

    def _passes(self, batch: ReplayBufferSamples) -> Passes:
        """Yield temperature's, critic's and actor's optimiser, each to step on its loss.

        Haarnoja et al. 2018, in SB3's order: the actor acts before the critic's step and is judged
        by the critic after it.
        """
        dtype = _DTYPES[self.precision]
        prepared = prepare(batch.observations, self.actor, dtype)
        encoding = BatchEncoding(self.policy, prepared, dtype, self._encoder_repeats)

        with substituted_features(self.actor, encoding.for_acting()):
            actions_pi, log_prob = self.actor.action_log_prob(batch.observations)
        self._encoder_repeats = encoding.repeats
        log_prob = log_prob.reshape(-1, 1)
        if self.ent_coef_optimizer is None or self.log_ent_coef is None:
            ent_coef = self.ent_coef_tensor
        else:
            assert isinstance(self.target_entropy, float)  # SB3 has converted it
            ent_coef = self.log_ent_coef.detach().exp()
            loss = -(self.log_ent_coef * (log_prob.detach() + self.target_entropy)).mean()
            self.ent_coef_optimizer.zero_grad()
            loss.backward()
            yield self.ent_coef_optimizer, {"ent_coef_loss": loss}

        target = self._target_values(batch, ent_coef, dtype)
        with substituted_features(self.critic, encoding.for_valuing()):
            values = self.critic(batch.observations, batch.actions)
        critic_loss = 0.5 * torch.stack([functional.mse_loss(q, target) for q in values]).sum()
        self.critic.optimizer.zero_grad()
        critic_loss.backward(inputs=held_parameters(self.critic.optimizer))
        yield self.critic.optimizer, {"critic_loss": critic_loss, "ent_coef": ent_coef}

        with substituted_features(self.critic, encoding.for_judging()):
            values = self.critic(batch.observations, actions_pi)
        least = torch.cat(values, dim=1).min(dim=1, keepdim=True).values
        actor_loss = (ent_coef * log_prob - least).mean()
        self.actor.optimizer.zero_grad()
        actor_loss.backward(inputs=held_parameters(self.actor.optimizer))
        yield self.actor.optimizer, {"actor_loss": actor_loss}

    @torch.no_grad()
    def _target_values(
        self, batch: ReplayBufferSamples, ent_coef: Tensor, dtype: torch.dtype
    ) -> Tensor:
        """Return the critic's targets, float (B, 1), from the actor's next actions."""
        prepared = prepare(batch.next_observations, self.actor, dtype)
        with substituted_features(self.actor, encode(self.actor, prepared, dtype)):
            actions, log_prob = self.actor.action_log_prob(batch.next_observations)
        with substituted_features(self.critic_target, encode(self.critic_target, prepared, dtype)):
            values = self.critic_target(batch.next_observations, actions)
        least = torch.cat(values, dim=1).min(dim=1, keepdim=True).values
        soft = least - ent_coef * log_prob.reshape(-1, 1)
        # SB3 before 2.7 has no n-step returns and no such field.
        discounts = getattr(batch, "discounts", None)
        discounts = self.gamma if discounts is None else discounts
        return batch.rewards + (1 - batch.dones) * discounts * soft

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the target critic follow: SB3's polyak_update, in two launches instead of many."""
        leading: list[Tensor] = list(self.critic.parameters())
        following: list[Tensor] = list(self.critic_target.parameters())
        torch._foreach_mul_(following, 1 - self.tau)
        torch._foreach_add_(following, leading, alpha=self.tau)
        polyak_update(self.batch_norm_stats, self.batch_norm_stats_target, 1.0)


def _fuse(optimizer: torch.optim.Optimizer) -> None:
    """Have Adam step in one fused loop; before its first step, because its state depends on it."""
    if type(optimizer) not in (torch.optim.Adam, torch.optim.AdamW):
        return
    for group in optimizer.param_groups:
        fusible = all(parameter.device.type in ("cpu", "cuda") for parameter in group["params"])
        if fusible and group["fused"] is None and group["foreach"] is None:
            group["fused"] = True
