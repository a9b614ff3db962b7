"""What is trained: environments, features extractors, arms, runs and studies.

The names below are imported when they are first used: listing arms needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goalscope.training.agents.extractors import NormalizedCombinedExtractor
    from goalscope.training.agents.lean_sac import LeanSAC
    from goalscope.training.envs.pixel_goal_env import PixelGoalEnv
    from goalscope.training.replay import SharedFrameHerReplayBuffer

__all__ = [
    "LeanSAC",
    "NormalizedCombinedExtractor",
    "PixelGoalEnv",
    "SharedFrameHerReplayBuffer",
]

_WHERE = {
    "LeanSAC": "agents.lean_sac",
    "NormalizedCombinedExtractor": "agents.extractors",
    "PixelGoalEnv": "envs.pixel_goal_env",
    "SharedFrameHerReplayBuffer": "replay",
}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
