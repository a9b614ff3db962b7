"""What faults are planted in: a task, and an agent that learns it as users of SB3 have theirs.

SAC or TD3 with hindsight. Goal vectors are standardised: without that the same agent stays at 0 %
on FetchReach for 5,000 steps, and a fault in an agent that does not learn anyway shows nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stable_baselines3 import SAC, TD3

from goalscope.probes.blocks import GOAL_KEYS
from goalscope.training.envs.settings import EnvironmentSettings

GroundName = Literal[
    "point",
    "point_norm",
    "point_normalised",
    "point_stacked",
    "point_td3",
    "reach",
    "reach_long",
    "reach_td3",
    "push",
    "push_state",
    "push_state_td3",
]
BATCH = 32
STARTS = 100  # steps before the first update: two episodes of Fetch, four of the point
UPDATES = 300


@dataclass(frozen=True)
class Ground:
    """A task and an agent.

    Attributes:
        environment: what is observed, and of what.
        algorithm: that trains it.
        extractor: options of the features extractor.
        agent: options of the algorithm.
        normalised: whether a VecNormalize standardises the goals instead of the extractor.
        updates: that a run makes.
        probed: whether the trained agent is asked the offline probes, too.
    """

    environment: EnvironmentSettings
    algorithm: type[SAC] | type[TD3] = SAC
    extractor: Mapping[str, Any] = field(default_factory=dict)
    agent: Mapping[str, Any] = field(default_factory=dict)
    normalised: bool = False
    updates: int = UPDATES
    probed: bool = False


_POINT = EnvironmentSettings(id="PixelPoint-v0", image_size=36)
_STACKED = EnvironmentSettings(id="PixelPoint-v0", image_size=36, frame_stack=3)
_REACH = EnvironmentSettings(id="FetchReach-v4", image_size=36)
_PUSH = EnvironmentSettings(id="FetchPush-v4", image_size=36)
_PUSH_STATE = EnvironmentSettings(id="FetchPush-v4", pixels=False, state=True)
_SQUARE = {"standardised": dict.fromkeys(GOAL_KEYS, ((0.0, 0.0), (2.9, 2.9)))}
# Fetch draws goals evenly within 15 cm of where the gripper starts.
_TABLE = {
    "standardised": dict.fromkeys(GOAL_KEYS, ((1.34, 0.75, 0.53), (0.087, 0.087, 0.087))),
}
_SMALL: dict[str, Any] = {"cnn_output_dim": 128}
_BOUNDED: dict[str, Any] = {"cnn_output_dim": 50, "trunk": "layernorm-tanh"}
# TD3's own rate of 0.001 drives the point's actor to the ends of its Tanh within 60 updates in some
# seeds, and no gradient ever brings it back: such a run is no healthy one.
_SLOW = {"learning_rate": 3e-4}
_SOFT = {"ent_coef": "auto_0.05"}  # SAC's own start of 1 outweighs rewards of -1 for long
# Long enough for a limit to be told, and no run of this length learns to push.
_FAILING_UPDATES = 2_400
# Long enough for a dozen episodes of Fetch before a fault begins, and for twenty behind it.
_LONG_UPDATES = 1_600

GROUNDS: Mapping[GroundName, Ground] = {
    "point": Ground(_POINT, SAC, _SMALL | _SQUARE, _SOFT),
    "point_norm": Ground(_POINT, SAC, _BOUNDED | _SQUARE, _SOFT),
    "point_normalised": Ground(_POINT, SAC, _SMALL, _SOFT, normalised=True),
    "point_stacked": Ground(_STACKED, SAC, _SMALL | _SQUARE, _SOFT),
    "point_td3": Ground(_POINT, TD3, _SMALL | _SQUARE, _SLOW),
    "reach": Ground(_REACH, SAC, _SMALL | _TABLE, _SOFT),
    "reach_long": Ground(_REACH, SAC, _SMALL | _TABLE, _SOFT, updates=_LONG_UPDATES),
    "reach_td3": Ground(_REACH, TD3, _SMALL | _TABLE, _SLOW),
    "push": Ground(
        _PUSH,
        SAC,
        _SMALL | _TABLE,
        _SOFT | {"batch_size": 16},
        updates=_FAILING_UPDATES,
        probed=True,
    ),
    "push_state": Ground(_PUSH_STATE, SAC, _TABLE, _SOFT),
    "push_state_td3": Ground(_PUSH_STATE, TD3, _TABLE, _SLOW),
}
