"""Fetch goal tasks observed as pixels and goal vectors."""

from typing import Any, SupportsFloat, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from goalscope.diagnostics.record import fetch_task
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.training.envs.keeping import Arrays, Values, numbered, refill
from goalscope.training.envs.mujoco_state import restore_robot, robot_state
from goalscope.training.envs.observing import Observation, Observed, UnusableEnvironment
from goalscope.training.envs.opengl import FrameRenderer, FreeCamera, UnknownCamera
from goalscope.training.envs.tasks import FETCH_TASKS


class PixelGoalEnv(gym.Wrapper[Any, np.ndarray, Any, np.ndarray], RecordConstructorArgs):
    """A Fetch goal environment observed as a Dict of pixels and goal vectors.

    Observation, each part as asked: `pixels` uint8 (3 * frame_stack, H, W), oldest frame first;
    `achieved_goal` and `desired_goal` float32 (3,), metres; `proprioception` float32 (10,), the
    gripper's position (m), its fingers' positions (m), its velocity and its fingers' (m per control
    step), never anything of the object; `state` float32 (25,), all the simulator knows (10 without
    an object).

    `info` carries for probes `goal_distance`, metres, and, float64 (3,), metres and metres per
    second, `gripper_position`, `gripper_velocity` and, in tasks with an object, `object_position`
    and `object_velocity`. `goal_task` says what the task is about.

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
        _check(env, offsamples)
        self.goal_task = fetch_task(_name(env))
        self._has_object = bool(self._robot.has_object)
        lengths: dict[str, int] = dict.fromkeys(GOAL_KEYS, 3) if goals else {}
        if proprioception:
            lengths["proprioception"] = 10
        if state:
            own = cast(spaces.Dict, env.observation_space)["observation"]
            lengths["state"] = cast(spaces.Box, own).shape[0]
        self._observed = Observed(lengths, image_size if pixels else None, frame_stack)
        self.observation_space = self._observed.space
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

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode."""
        state, info = self.env.reset(seed=seed, options=options)
        if self._renderer is not None:
            self._observed.restart(self.draw())
        return self._observe(state), {**info, **self._truth(state)}

    def step(
        self, action: np.ndarray
    ) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take a step."""
        state, reward, terminated, truncated, info = self.env.step(action)
        if self._renderer is not None:
            self._observed.frames.append(self.draw())
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

    def get_state(self) -> tuple[Arrays, Values]:
        """Return what the robot does next, and the frames stacked."""
        arrays, values = robot_state(self._robot)
        return arrays | numbered("frame", self._observed.frames), values

    def set_state(self, arrays: Arrays, values: Values) -> None:
        """Take over what `get_state` returned.

        Raises:
            KeyError, ValueError: the state is of another environment.
        """
        restore_robot(self._robot, arrays, values)
        refill(self._observed.frames, "frame", arrays)

    def close(self) -> None:
        """Free the renderer."""
        if self._renderer is not None:
            self._renderer.close()
        super().close()

    def _observe(self, state: Observation) -> Observation:
        own = state["observation"]
        # The gripper's own part: the first three, and what stands around the object's.
        fingers = own[9:11] if self._has_object else own[3:5]
        proprioception = np.concatenate([own[0:3], fingers, own[-5:]])
        return self._observed.observation({**state, "proprioception": proprioception, "state": own})

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


def _name(env: gym.Env[Any, np.ndarray]) -> str:
    return env.spec.id if env.spec is not None else type(env.unwrapped).__name__


def _check(env: gym.Env[Any, np.ndarray], offsamples: int) -> None:
    name, space = _name(env), env.observation_space
    choose = f"choose one of {', '.join(FETCH_TASKS)}"
    if not isinstance(space, spaces.Dict):
        raise UnusableEnvironment(
            f"{name} observes a {type(space).__name__}, not a Dict with goals; {choose}"
        )
    if not set(GOAL_KEYS) <= set(space.spaces):
        raise UnusableEnvironment(f"{name} has no goals; {choose}")
    if not hasattr(env.unwrapped, "has_object") or not hasattr(env.unwrapped, "mujoco_renderer"):
        raise UnusableEnvironment(f"{name} is not a Fetch task; {choose}")
    if offsamples < 0:
        raise UnusableEnvironment(
            f"{offsamples} samples of antialiasing are too few; use 0 or more"
        )
