"""A point that moves to a goal in a square: pixels and goal vectors without a simulator."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from goalscope.probes.blocks import GOAL_KEYS
from goalscope.training.envs.keeping import Arrays, Values, generator_of, numbered, refill
from goalscope.training.envs.observing import Observation, Observed
from goalscope.training.envs.tasks import PIXEL_POINT

_STRIDE = 0.2  # of an action of 1 in one step: at most ten from one side to the other
_GROUND, _POINT, _GOAL = (60, 60, 60), (230, 230, 230), (230, 40, 40)
_POINT_RADIUS, _GOAL_RADIUS = 0.14, 0.1


class PixelPointEnv(gym.Env[Observation, np.ndarray]):
    """A point in the square from -1 to 1 that an action moves, observed as pixels and goal vectors.

    Small, quick and exact, for trying things out and for tests; it needs numpy alone.

    Observation, each part as asked: `pixels` uint8 (3 * frame_stack, H, W), oldest frame first, a
    white disc for the point and a red one for the goal; `achieved_goal` and `desired_goal` float32
    (2,), positions; `proprioception` and `state` float32 (4,), position and last move, which is all
    there is. Action: float32 (2,), -1..1, a move of up to 0.2 along each axis. Reward: 0 within 0.1
    of the goal and -1 elsewhere, or minus the distance.

    `info` carries `is_success` and, for probes, `goal_distance` and, float64 (2,), `point_position`
    and `point_velocity`, the last move. `goal_task` says what the task is about.

    Args:
        image_size: height and width in pixels; at least 36, or NatureCNN would have nothing left.
        proprioception: observe the point itself, too.
        frame_stack: frames stacked; at a reset the first is repeated.
        goal_marker: draw the red disc.
        pixels: observe the image; without it nothing is drawn.
        goals: observe the goal vectors.
        state: observe position and last move.
        dense_reward: minus the distance instead of -1 and 0.

    Raises:
        UnusableEnvironment: nothing to observe, an image too small, a stack empty or too large.
    """

    goal_task = PIXEL_POINT

    def __init__(
        self,
        image_size: int = 36,
        proprioception: bool = False,
        frame_stack: int = 1,
        goal_marker: bool = True,
        pixels: bool = True,
        goals: bool = True,
        state: bool = False,
        dense_reward: bool = False,
    ) -> None:
        lengths: dict[str, int] = dict.fromkeys(GOAL_KEYS, 2) if goals else {}
        lengths |= {"proprioception": 4} if proprioception else {}
        lengths |= {"state": 4} if state else {}
        self._observed = Observed(lengths, image_size if pixels else None, frame_stack)
        self.observation_space = self._observed.space  # type: ignore[assignment]
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._axis = np.linspace(-1, 1, image_size)  # where the pixels lie
        self._goal_marker = goal_marker
        self._dense_reward = dense_reward
        self._tolerance = PIXEL_POINT.tolerance or 0.0
        self._position, self._move, self._goal = np.zeros((3, 2), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode: the point and its goal anywhere in the square."""
        super().reset(seed=seed)
        self._position, self._goal = self.np_random.uniform(-1, 1, (2, 2)).astype(np.float32)
        self._move = np.zeros(2, np.float32)
        if self._observed.has_image:
            self._observed.restart(self.draw())
        return self._observe(), self._info()

    def step(self, action: np.ndarray) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Take a step; the walls of the square stop the point."""
        before = self._position
        wanted = before + np.float32(_STRIDE) * np.clip(action, -1, 1).astype(np.float32)
        self._position = np.clip(wanted, -1, 1)
        self._move = self._position - before
        if self._observed.has_image:
            self._observed.frames.append(self.draw())
        reward = float(self.compute_reward(self._position, self._goal, {}))
        return self._observe(), reward, False, False, self._info()

    def compute_reward(
        self, achieved_goal: np.ndarray, desired_goal: np.ndarray, info: object
    ) -> np.ndarray:
        """Return the reward of goals (..., 2), float (...); hindsight asks in batches."""
        distance = _distance(achieved_goal, desired_goal)
        missed = distance if self._dense_reward else distance > self._tolerance
        return -np.asarray(missed, np.float64)

    def draw(self) -> np.ndarray:
        """Return the frame of now, uint8 (3, H, W)."""
        frame = np.broadcast_to(np.array(_GROUND, float)[:, None, None], (3, *2 * self._axis.shape))
        frame = self._with_disc(frame, self._position, _POINT_RADIUS, _POINT)
        if self._goal_marker:
            frame = self._with_disc(frame, self._goal, _GOAL_RADIUS, _GOAL)
        return frame.round().astype(np.uint8)

    def size_of_pixel(self) -> float:
        """Return how much of the square one pixel spans along each axis."""
        return float(self._axis[1] - self._axis[0])

    def get_state(self) -> tuple[Arrays, Values]:
        """Return all that decides what comes next, and the frames stacked."""
        arrays = {"position": self._position, "move": self._move, "goal": self._goal}
        values = {"generator": self.np_random.bit_generator.state}
        return arrays | numbered("frame", self._observed.frames), values

    def set_state(self, arrays: Arrays, values: Values) -> None:
        """Take over what `get_state` returned.

        Raises:
            KeyError: the state is of another environment.
        """
        self._position, self._move, self._goal = (
            arrays[name].copy() for name in ("position", "move", "goal")
        )
        self.np_random = generator_of(values["generator"])
        refill(self._observed.frames, "frame", arrays)

    def _with_disc(
        self, frame: np.ndarray, centre: np.ndarray, radius: float, colour: tuple[int, ...]
    ) -> np.ndarray:
        """Return the frame with a disc whose edge is smooth: it moves by less than a pixel."""
        distance = np.hypot(self._axis - centre[0], (self._axis[::-1] - centre[1])[:, None])
        covered = np.clip((radius - distance) / self.size_of_pixel() + 0.5, 0, 1)
        result: np.ndarray = frame + covered * (np.array(colour)[:, None, None] - frame)
        return result

    def _observe(self) -> Observation:
        own = np.concatenate([self._position, self._move])
        return self._observed.observation(
            {
                "achieved_goal": self._position,
                "desired_goal": self._goal,
                "proprioception": own,
                "state": own,
            }
        )

    def _info(self) -> dict[str, Any]:
        distance = _distance(self._position, self._goal)
        return {
            "is_success": float(distance <= self._tolerance),
            "goal_distance": distance,
            "point_position": self._position.astype(np.float64),
            "point_velocity": self._move.astype(np.float64),
        }


def _distance(achieved_goal: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
    distance: np.ndarray = np.linalg.norm(
        achieved_goal.astype(np.float64) - desired_goal.astype(np.float64), axis=-1
    )
    return distance


gym.register(
    PIXEL_POINT.name,
    entry_point=f"{__name__}:{PixelPointEnv.__name__}",
    max_episode_steps=PIXEL_POINT.episode_steps,
)
