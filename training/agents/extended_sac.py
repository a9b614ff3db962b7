"""SAC with what arms add to it, in a form that serves SB3's SAC and the lean one alike."""

from itertools import chain
from typing import Any

import numpy as np
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from torch import Tensor, nn

from goalscope.diagnostics.updates.passes import unwatched
from goalscope.training.agents.cuda_graphs import GraphedUpdate
from goalscope.training.agents.extractors import FusionExtractor
from goalscope.training.agents.inverse_dynamics import ROWS, InverseDynamics
from goalscope.training.agents.lean_encoding import trains_encoder
from goalscope.training.agents.lean_sac import LeanSAC
from goalscope.training.replay.buffer import SharedFrameHerReplayBuffer
from goalscope.training.replay.kept_features import KeptFeatures


class ExtendedSAC(SAC):
    """SB3's SAC with additions, each off by default; none rewrites its `train`.

    Args:
        *args: SAC's.
        random_actions: fraction of training actions that are drawn uniformly instead, after the
            warm-up; from the action space's generator, which a checkpoint keeps.
        target_range: the target critic's values are clipped to it. With (-1 / (1 - gamma), 0) and
            rewards of -1 and 0, targets stay in it, too, but for what entropy adds.
        action_penalty: weight of the actions' mean square in the actor's loss.
        inverse_dynamics: after each call's updates, as many steps of `InverseDynamics`, on batches
            and with an optimiser of its own.
        encoder_warmup: that many of these steps are taken before the first update, on what the
            warm-up gathered: from then on actor and critic read features that already tell
            positions.
        encoder_frozen: only these steps are.
        **kwargs: SAC's.

    Raises:
        ValueError: inverse dynamics without an image's encoder, or a frozen encoder that the loss
            of actor or critic trains, or nothing does.
    """

    def __init__(
        self,
        *args: Any,
        random_actions: float = 0.0,
        target_range: tuple[float, float] | None = None,
        action_penalty: float = 0.0,
        inverse_dynamics: bool = False,
        encoder_warmup: int = 0,
        encoder_frozen: bool = False,
        **kwargs: Any,
    ) -> None:
        self.random_actions = random_actions
        self.target_range = target_range
        self.action_penalty = action_penalty
        self.inverse_dynamics = inverse_dynamics
        self.encoder_warmup = encoder_warmup
        self.encoder_frozen = encoder_frozen
        super().__init__(*args, **kwargs)

    @property
    def auxiliary(self) -> dict[str, torch.optim.Optimizer]:
        """The optimisers beside SAC's own, by the name of what they learn."""
        return {"inverse_dynamics": self._inverse.optimizer} if self.inverse_dynamics else {}

    @property
    def _inverse(self) -> InverseDynamics:
        inverse = self.policy.get_submodule("inverse_dynamics")
        assert isinstance(inverse, InverseDynamics)
        return inverse

    def _setup_model(self) -> None:
        super()._setup_model()
        if self.target_range is not None:
            self.critic_target.register_forward_hook(self._clip_values)
        if self.action_penalty:
            self.critic.register_forward_hook(self._penalise_actions)
        if self.inverse_dynamics:  # in the policy, so that its weights are saved with the policy's
            rate = self.lr_schedule(1)
            self.policy.inverse_dynamics = InverseDynamics(self.policy, lr=rate)
            self._dynamics_update = GraphedUpdate(self._inverse.passes)
        if self.encoder_frozen and not self.inverse_dynamics:
            raise ValueError("a frozen encoder learns before it is; use inverse_dynamics=True")
        if self.encoder_frozen and any(map(trains_encoder, (self.actor, self.critic))):
            raise ValueError("a frozen encoder is one that no loss trains; use DecoupledPolicy")

    def _clip_values(self, _: nn.Module, __: object, values: tuple[Tensor, ...]) -> Any:
        assert self.target_range is not None
        return tuple(value.clamp(*self.target_range) for value in values)

    def _penalise_actions(
        self, _: nn.Module, args: tuple[Any, ...], values: tuple[Tensor, ...]
    ) -> Any:
        actions: Tensor = args[1]
        if not actions.requires_grad:  # recorded ones: those with a gradient are the actor's
            return None
        penalty = self.action_penalty * actions.square().mean(dim=1, keepdim=True)
        return tuple(value - penalty for value in values)

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        actions, stored = super()._sample_action(learning_starts, action_noise, n_envs)
        if self.random_actions and self.num_timesteps >= learning_starts:
            drawn = self.action_space.np_random.random(n_envs) < self.random_actions
            for env in np.flatnonzero(drawn):
                actions[env] = self.action_space.sample()
                stored[env] = self.policy.scale_action(actions[env])
        return actions, stored

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Make `gradient_steps` updates on batches of `batch_size`, and what goes beside them."""
        if not self._n_updates:
            self.warm_up_encoder(self.encoder_warmup)
        super().train(gradient_steps, batch_size)
        if self.inverse_dynamics and not self.encoder_frozen:
            self._learn_dynamics(gradient_steps, batch_size)

    def warm_up_encoder(self, steps: int) -> None:
        """Take so many steps of inverse dynamics, if there are such, before the first update."""
        if self.inverse_dynamics and steps:
            self._learn_dynamics(steps, self.batch_size)
            self.critic_target.load_state_dict(self.critic.state_dict())  # equal, as at any start

    def _learn_dynamics(self, steps: int, batch_size: int) -> None:
        assert self.replay_buffer is not None
        self._update_learning_rate(self._inverse.optimizer)
        held = chain(self.policy.parameters(), self.policy.buffers())
        self._dynamics_update.rely_on(held, self._inverse.optimizer)
        losses = []
        with unwatched():  # these passes are no network's
            for _ in range(steps):
                batch: Any = self.replay_buffer.sample(
                    min(batch_size, ROWS), self._vec_normalize_env
                )
                losses.append(self._dynamics_update(batch)["inverse_dynamics_loss"])
        if losses:
            self.logger.record("train/inverse_dynamics_loss", float(torch.stack(losses).mean()))

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_dynamics_update"]

    def _get_torch_save_params(self) -> tuple[list[str], list[str]]:
        states, tensors = super()._get_torch_save_params()
        if self.inverse_dynamics:
            states.append("policy.inverse_dynamics.optimizer")
        return states, tensors


class ExtendedLeanSAC(ExtendedSAC, LeanSAC):
    """`LeanSAC` with the additions of `ExtendedSAC`.

    What a frozen encoder makes of a replay that stores each frame once is worked out once, too.
    """

    def _setup_model(self) -> None:
        super()._setup_model()
        self._kept: KeptFeatures | None = None
        self._kept_of: list[int] = []

    def _sample(self, batch_size: int) -> ReplayBufferSamples:
        buffer = self.replay_buffer
        takes_features = isinstance(self.critic.features_extractor, FusionExtractor)
        if not (self.encoder_frozen and takes_features):
            return super()._sample(batch_size)
        if not isinstance(buffer, SharedFrameHerReplayBuffer) or buffer.random_shift is not None:
            return super()._sample(batch_size)
        # A tensor counts what is written to it: weights that were loaded or trained since.
        weights = [p._version for p in self.critic.features_extractor.parameters()]
        if self._kept is None or self._kept.buffer is not buffer or weights != self._kept_of:
            self._kept, self._kept_of = KeptFeatures(buffer, self._inverse.encoders), weights
        batch: Any = buffer.sample(batch_size, self._vec_normalize_env, self._kept)
        return batch  # type: ignore[no-any-return]  # as SB3's own buffers of Dict do

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_kept", "_kept_of"]

    def _constants(self) -> tuple[object, ...]:
        return *super()._constants(), self.target_range, self.action_penalty
