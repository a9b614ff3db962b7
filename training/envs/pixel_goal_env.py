"""Fetch goal tasks observed as pixels and goal vectors."""

from collections import deque
from typing import Any, SupportsFloat, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from goalscope.errors import UserError
from goalscope.training.envs.opengl import (
    FrameRenderer,
    FreeCamera,
    UnknownCamera,
    renderer_name,
)

SMALLEST_IMAGE = 36  # what NatureCNN's three convolutions need
FETCH_TASKS = tuple(f"Fetch{task}-v4" for task in ("Reach", "Push", "Slide", "PickAndPlace"))
GOALS = ("achieved_goal", "desired_goal")

Observation = dict[str, np.ndarray]


class UnusableEnvironment(UserError):
    """The environment cannot be used; the message is one line and names the remedy."""


class PixelGoalEnv(gym.Wrapper[Any, np.ndarray, Any, np.ndarray], RecordConstructorArgs):
    """A Fetch goal environment observed as a Dict of pixels and goal vectors.

    Observation, each part as asked: `pixels` uint8 (3 * frame_stack, H, W), oldest frame first;
    `achieved_goal` and `desired_goal` float32 (3,), metres; `proprioception` float32 (10,), the
    gripper's position (m), its fingers' positions (m), its velocity and its fingers' (m per control
    step), never anything of the object; `state` float32 (25,), all the simulator knows (10 without
    an object).

    `info` carries for probes `goal_distance`, metres, and, float64 (3,), metres and metres per
    second, `gripper_position`, `gripper_velocity` and, in tasks with an object, `object_position`
    and `object_velocity`.

    Args:
        env: a Fetch environment of gymnasium-robotics, made without a render mode.
        image_size: height and width in pixels.
        camera: camera of the model, or a free one; None is the environment's own view.
        proprioception: observe the gripper itself, too.
        frame_stack: frames stacked; at a reset the first is repeated.
        goal_marker: draw the red ball at the desired goal.
        offsamples: samples of antialiasing.
        pixels: observe the image; without it nothing is drawn.
        goals: observe the goal vectors.
        state: observe the simulator's whole state.

    Raises:
        UnusableEnvironment: not a Fetch goal environment, nothing to observe, unknown camera, image
            or stack too small.
    """

    def __init__(
        self,
        env: gym.Env[Any, np.ndarray],
        image_size: int = 84,
        camera: str | FreeCamera | None = None,
        proprioception: bool = False,
        frame_stack: int = 1,
        goal_marker: bool = True,
        offsamples: int = 0,
        pixels: bool = True,
        goals: bool = True,
        state: bool = False,
    ) -> None:
        RecordConstructorArgs.__init__(  # lets gymnasium make the environment anew from its spec
            self,
            image_size=image_size,
            camera=camera,
            proprioception=proprioception,
            frame_stack=frame_stack,
            goal_marker=goal_marker,
            offsamples=offsamples,
            pixels=pixels,
            goals=goals,
            state=state,
        )
        super().__init__(env)
        self._robot = cast(Any, env.unwrapped)
        _check(env)
        _check_image(image_size, frame_stack, offsamples)
        self._parts = {"pixels": pixels, "goals": goals, "state": state}
        self._proprioception = proprioception
        self._has_object = bool(self._robot.has_object)
        self.frames: deque[np.ndarray] = deque(maxlen=frame_stack)
        self._marker = self._robot.model.site("target0").id
        if not goal_marker:
            self._robot.model.site_rgba[self._marker, 3] = 0.0
        self._renderer: FrameRenderer | None = None
        if pixels:
            view = camera or FreeCamera(**self._robot.mujoco_renderer.default_cam_config)
            try:
                self._renderer = FrameRenderer(
                    self._robot.model, image_size, image_size, view, offsamples
                )
            except UnknownCamera as error:
                raise UnusableEnvironment(str(error)) from error
        shapes: dict[str, Any] = dict.fromkeys(GOALS, (3,)) if goals else {}
        if proprioception:
            shapes["proprioception"] = (10,)
        if state:
            shapes["state"] = cast(spaces.Dict, env.observation_space)["observation"].shape
        observed: dict[str, spaces.Space[Any]] = {
            key: spaces.Box(-np.inf, np.inf, shape, np.float32) for key, shape in shapes.items()
        }
        if pixels:
            image = (3 * frame_stack, image_size, image_size)
            observed["pixels"] = spaces.Box(0, 255, image, np.uint8)
        if not observed:
            raise UnusableEnvironment("nothing would be observed; observe pixels, goals or state")
        self.observation_space = spaces.Dict(observed)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        state, info = self.env.reset(seed=seed, options=options)
        if self._renderer is not None:
            self.frames.extend([self.draw()] * (self.frames.maxlen or 1))
        return self._observe(state), {**info, **self._truth(state)}

    def step(
        self, action: np.ndarray
    ) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take a step."""
        state, reward, terminated, truncated, info = self.env.step(action)
        if self._renderer is not None:
            self.frames.append(self.draw())
        return (
            self._observe(state),
            float(reward),
            terminated,
            truncated,
            {**info, **self._truth(state)},
        )

    def compute_reward(
        self, achieved_goal: np.ndarray, desired_goal: np.ndarray, info: object
    ) -> np.ndarray:
        """Return the task's reward of goals (..., 3), float (...); hindsight asks in batches."""
        reward: np.ndarray = self._robot.compute_reward(achieved_goal, desired_goal, info)
        return reward

    def draw(self) -> np.ndarray:
        """Return the frame of now, uint8 (3, H, W); what the simulation does next is unchanged.

        Raises:
            UnusableEnvironment: the environment was made without pixels.
        """
        if self._renderer is None:
            raise UnusableEnvironment("this environment draws nothing; make it with pixels=True")
        # The marker's place is a drawing matter: the next step computes site positions anew. The
        # environment's own way, mj_forward, bends the trajectory of FetchPickAndPlace.
        self._robot.data.site_xpos[self._marker] = self._robot.goal
        return self._renderer.draw(self._robot.data)

    def size_of_pixel(self) -> float:
        """Return how many metres one pixel spans where the goal is.

        Raises:
            UnusableEnvironment: the environment was made without pixels.
        """
        self.draw()
        assert self._renderer is not None  # it has drawn
        return self._renderer.size_of_pixel(self._robot.goal)

    def renderer_name(self) -> str:
        """Return OpenGL's own name of what draws in this process."""
        return renderer_name()

    def close(self) -> None:
        """Free the renderer."""
        if self._renderer is not None:
            self._renderer.close()
        super().close()

    def _observe(self, state: Observation) -> Observation:
        observation: Observation = {}
        if self._parts["goals"]:
            observation |= {key: state[key].astype(np.float32) for key in GOALS}
        if self._proprioception:
            # The gripper's own part: the first three, and what stands around the object's.
            own = state["observation"]
            fingers = own[9:11] if self._has_object else own[3:5]
            parts = [own[0:3], fingers, own[-5:]]
            observation["proprioception"] = np.concatenate(parts).astype(np.float32)
        if self._parts["state"]:
            observation["state"] = state["observation"].astype(np.float32)
        if self._parts["pixels"]:
            observation["pixels"] = np.concatenate(list(self.frames))
        return observation

    def _truth(self, state: Observation) -> dict[str, np.ndarray]:
        """Return where things really are; gymnasium-robotics scales velocities by its time step."""
        own = state["observation"]
        gripper_velocity = own[-5:-2] / self._robot.dt
        truth = {"gripper_position": own[0:3].copy(), "gripper_velocity": gripper_velocity}
        truth["goal_distance"] = np.linalg.norm(state["achieved_goal"] - state["desired_goal"])
        if self._has_object:
            truth["object_position"] = own[3:6].copy()
            # Recorded relative to the gripper.
            truth["object_velocity"] = own[14:17] / self._robot.dt + gripper_velocity
        return truth


def _check(env: gym.Env[Any, np.ndarray]) -> None:
    name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    space = env.observation_space
    choose = f"choose one of {', '.join(FETCH_TASKS)}"
    if not isinstance(space, spaces.Dict):
        raise UnusableEnvironment(
            f"{name} observes a {type(space).__name__}, not a Dict with goals; {choose}"
        )
    if "desired_goal" not in space.spaces or "achieved_goal" not in space.spaces:
        raise UnusableEnvironment(f"{name} has no goals; {choose}")
    if not hasattr(env.unwrapped, "has_object") or not hasattr(env.unwrapped, "mujoco_renderer"):
        raise UnusableEnvironment(f"{name} is not a Fetch task; {choose}")


def _check_image(image_size: int, frame_stack: int, offsamples: int) -> None:
    if image_size < SMALLEST_IMAGE:
        raise UnusableEnvironment(
            f"an image of {image_size} pixels is too small for NatureCNN; use at least "
            f"{SMALLEST_IMAGE}"
        )
    if frame_stack < 1:
        raise UnusableEnvironment(f"a stack of {frame_stack} frames is empty; use at least 1")
    if 3 * frame_stack > image_size:
        raise UnusableEnvironment(
            f"{frame_stack} stacked frames have more channels than an image of {image_size} pixels "
            f"has rows, and SB3 would take it for channels-last; stack at most {image_size // 3}"
        )
    if offsamples < 0:
        raise UnusableEnvironment(
            f"{offsamples} samples of antialiasing are too few; use 0 or more"
        )


class ShuffledPixels(gym.Wrapper[Any, np.ndarray, Any, np.ndarray]):
    """Shows the image of another observation: a control in which pixels tell nothing of now.

    Each image goes into a pool, and one of the pool is shown. Its generator is its own; a
    seeded reset seeds it and keeps the pool.

    Args:
        env: an environment that observes `pixels`.
        pool: images kept.
    """

    def __init__(self, env: gym.Env[Any, np.ndarray], pool: int = 256) -> None:
        super().__init__(env)
        self.pool: deque[np.ndarray] = deque(maxlen=pool)
        self.generator = np.random.default_rng(0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        if seed is not None:
            self.generator = np.random.default_rng(seed)
        observation, info = self.env.reset(seed=seed, options=options)
        return self._shuffle(observation), info

    def step(
        self, action: np.ndarray
    ) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take a step."""
        observation, *rest = self.env.step(action)
        return (self._shuffle(observation), *rest)  # type: ignore[return-value]

    def _shuffle(self, observation: Observation) -> Observation:
        self.pool.append(observation["pixels"])
        return {**observation, "pixels": self.pool[self.generator.integers(len(self.pool))]}
