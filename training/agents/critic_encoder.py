"""One encoder that actor and critic read: trained by the critic's loss alone, or by neither's."""

import torch
from stable_baselines3.common.policies import BaseModel, ContinuousCritic
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from stable_baselines3.sac.policies import Actor, MultiInputPolicy
from torch import Tensor


class Detached(BaseModel):
    """A network on features that its loss does not train."""

    def extract_features(
        self, obs: PyTorchObs, features_extractor: BaseFeaturesExtractor
    ) -> Tensor:
        """Return the fused features, float (B, D), without a graph."""
        with torch.no_grad():
            return super().extract_features(obs, features_extractor)


class DetachedActor(Detached, Actor):
    """SAC's actor on features that its loss does not train."""


class EncodingCritic(ContinuousCritic):
    """SAC's critic, whose encoder learns from the values of recorded actions alone."""

    def forward(self, obs: Tensor, actions: Tensor) -> tuple[Tensor, ...]:
        """Return each Q-net's values, float (B, 1), of observations and actions (B, A)."""
        # Actions that carry a gradient are the actor's: its loss must not reach the encoder.
        learn = torch.is_grad_enabled() and not actions.requires_grad
        with torch.set_grad_enabled(learn):
            features = self.extract_features(obs, self.features_extractor)
        inputs = torch.cat([features, actions], dim=1)
        return tuple(q_network(inputs) for q_network in self.q_networks)


class DetachedCritic(Detached, ContinuousCritic):
    """SAC's critic on features that its loss does not train."""


class CriticEncoderPolicy(MultiInputPolicy):
    """SAC's policy for Dict observations with one features extractor, trained by the critic's loss.

    The actor reads the critic's features without a graph, and its optimiser holds none of the
    extractor's parameters; critic_target follows with a copy of its own. So DrQ-v2 routes its
    gradients (Yarats et al. 2021, section 3.1), against SB3's two choices: an encoder each, or with
    `share_features_extractor` one that only the actor's loss trains.

    Use it as `SAC(CriticEncoderPolicy, env)`; it takes the arguments of `MultiInputPolicy`.

    Raises:
        ValueError: `share_features_extractor` is set, which asks for the opposite routing.
    """

    critic_class: type[ContinuousCritic] = EncodingCritic
    critic_trains_encoder = True

    def _build(self, lr_schedule: Schedule) -> None:
        if self.share_features_extractor:
            raise ValueError(
                f"{type(self).__name__} already shares its features extractor, and the actor does "
                "not train it; leave share_features_extractor out"
            )
        self.critic = self.make_critic()
        self.critic_target = self.make_critic()
        self.critic_target.load_state_dict(self.critic.state_dict())
        self.critic_target.set_training_mode(False)
        self.actor = self.make_actor(self.critic.features_extractor)
        encoder = set(self.critic.features_extractor.parameters())
        settings = {**self.optimizer_kwargs, "lr": lr_schedule(1)}
        for network in (self.critic, self.actor):
            learns = network is self.critic and self.critic_trains_encoder
            held = [p for p in network.parameters() if learns or p not in encoder]
            network.optimizer = self.optimizer_class(held, **settings)

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> Actor:
        """Return an actor on the given features extractor."""
        settings = self._update_features_extractor(self.actor_kwargs, features_extractor)
        return DetachedActor(**settings).to(self.device)

    def make_critic(
        self, features_extractor: BaseFeaturesExtractor | None = None
    ) -> ContinuousCritic:
        """Return a critic, with a features extractor of its own unless one is given."""
        settings = self._update_features_extractor(self.critic_kwargs, features_extractor)
        return self.critic_class(**settings).to(self.device)


class DecoupledPolicy(CriticEncoderPolicy):
    """The same with an encoder that no loss of SAC trains: what it learns is another's affair.

    Representation learning decoupled from reinforcement learning (Stooke et al. 2021): here
    `InverseDynamics` trains it. critic_target still follows with a copy of its own.
    """

    critic_class = DetachedCritic
    critic_trains_encoder = False
