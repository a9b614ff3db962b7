"""What is trained: environments, features extractors, arms, runs and studies."""

from goalscope.training.envs.opengl import select_backend

select_backend()  # mujoco reads MUJOCO_GL once, as it is imported

from goalscope.training.agents.extractors import NormalizedCombinedExtractor  # noqa: E402
from goalscope.training.agents.lean_sac import LeanSAC  # noqa: E402
from goalscope.training.envs.pixel_goal_env import PixelGoalEnv  # noqa: E402
from goalscope.training.replay import SharedFrameHerReplayBuffer  # noqa: E402

__all__ = [
    "LeanSAC",
    "NormalizedCombinedExtractor",
    "PixelGoalEnv",
    "SharedFrameHerReplayBuffer",
]
