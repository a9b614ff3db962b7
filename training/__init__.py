"""What is trained: environments, features extractors, arms, runs and studies.

The names below are imported when they are first used: listing arms needs no torch.
"""

from typing import TYPE_CHECKING

from goalscope.lazy import lazy_names

__all__ = [
    "LeanSAC",
    "NormalizedCombinedExtractor",
    "PixelGoalEnv",
    "SharedFrameHerReplayBuffer",
]

if TYPE_CHECKING:
    from goalscope.training.agents.extractors import NormalizedCombinedExtractor
    from goalscope.training.agents.lean_sac import LeanSAC
    from goalscope.training.envs.pixel_goal_env import PixelGoalEnv
    from goalscope.training.replay import SharedFrameHerReplayBuffer
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "LeanSAC": ".agents.lean_sac",
            "NormalizedCombinedExtractor": ".agents.extractors",
            "PixelGoalEnv": ".envs.pixel_goal_env",
            "SharedFrameHerReplayBuffer": ".replay",
        },
    )
