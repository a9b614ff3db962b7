"""An asymmetric agent: the critic reads what the simulator knows, the actor what a camera sees."""

from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.sac.policies import Actor, MultiInputPolicy

from goalscope.training.agents.extractors import FusionExtractor

HIDDEN = "state"  # from the actor


class AsymmetricPolicy(MultiInputPolicy):
    """SAC's policy for Dict observations whose critic reads no image and whose actor no state.

    The critic is needed in training alone, where the simulator's state is at hand; what acts has
    to do with pixels (Pinto et al. 2017, "Asymmetric Actor Critic"). All other vectors are read by
    both.

    Use it as `SAC(AsymmetricPolicy, env)` with `FusionExtractor`, and an observation that holds
    `state` beside the images.
    """

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> Actor:
        """Return an actor with an extractor of its own, which does not read the state."""
        return super().make_actor(self._not_reading(HIDDEN))

    def make_critic(
        self, features_extractor: BaseFeaturesExtractor | None = None
    ) -> ContinuousCritic:
        """Return a critic with an extractor of its own, which reads no images."""
        spaces = self.observation_space.spaces.items()  # type: ignore[attr-defined]
        return super().make_critic(
            self._not_reading(*(key for key, space in spaces if is_image_space(space)))
        )

    def _not_reading(self, *keys: str) -> FusionExtractor:
        settings = {**self.features_extractor_kwargs, "unread": keys}
        return FusionExtractor(self.observation_space, **settings)  # type: ignore[arg-type]
