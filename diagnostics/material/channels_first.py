"""An environment's images in the order in which SB3's agents see them."""

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first
from stable_baselines3.common.vec_env import VecTransposeImage

from goalscope.errors import UserError


class NotDict(UserError):
    """An environment observes no Dict; the message is one line and names the remedy."""


class ChannelsFirst(gym.ObservationWrapper[Any, Any, Any]):
    """Shows images (H, W, C) as (C, H, W), as SB3 turns them without a word before it trains.

    Args:
        env: whose images are shown.

    Raises:
        NotDict: it observes something else than a Dict.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, spaces.Dict):
            raise NotDict(
                f"the environment observes a {type(space).__name__}, and probes ask about the keys "
                "of a Dict; give the environment that a MultiInputPolicy is trained in"
            )
        self._turned = {
            key: VecTransposeImage.transpose_space(part, key)
            for key, part in space.spaces.items()
            if isinstance(part, spaces.Box)
            and is_image_space(part)
            and not is_image_space_channels_first(part)
        }
        ordered = {**space.spaces, **self._turned}.items()
        self.observation_space = spaces.Dict([*ordered])  # a dictionary would be sorted

    def observation(self, observation: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the observation with its images turned."""
        return {
            key: np.moveaxis(value, -1, 0) if key in self._turned else value
            for key, value in observation.items()
        }
