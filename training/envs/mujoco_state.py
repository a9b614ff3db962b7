"""All that decides what a robot of gymnasium-robotics does next."""

from typing import Any

import numpy as np

from goalscope.training.envs.keeping import Arrays, Values, generator_of

# Of these mujoco holds as many as there are contacts, or bodies in contact; a step makes them anew.
_MADE_ANEW = ("efc_", "iefc_", "iacc", "ifrc_", "efm_", "island_", "map_", "solver_", "bvh_")


def robot_state(robot: Any) -> tuple[Arrays, Values]:
    """Return arrays and JSON values of a robot: simulation, goal and generator.

    The simulation with what it derived: gymnasium-robotics reads positions that MuJoCo computed
    before its last integration.
    """
    arrays = {f"data.{name}": value.copy() for name, value in _data_arrays(robot.data).items()}
    arrays["goal"] = robot.goal.copy()
    return arrays, {"time": robot.data.time, "generator": robot.np_random.bit_generator.state}


def restore_robot(robot: Any, arrays: Arrays, values: Values) -> None:
    """Take over what `robot_state` returned.

    Raises:
        KeyError, ValueError: the state is of another robot.
    """
    data = robot.data
    for name, value in _data_arrays(data).items():
        value[:] = arrays[f"data.{name}"]
    data.time = values["time"]
    robot._mujoco.mj_forward(robot.model, data)
    for name, value in _data_arrays(data).items():  # as they were, which is a step behind
        value[:] = arrays[f"data.{name}"]
    robot.goal = arrays["goal"].copy()
    robot.np_random = generator_of(values["generator"])


def _data_arrays(data: Any) -> Arrays:
    """Return the arrays of a mujoco.MjData whose sizes the model fixes, by name."""
    names = (name for name in dir(data) if not name.startswith(("_", *_MADE_ANEW)))
    found = {name: getattr(data, name) for name in names}
    return {name: v for name, v in found.items() if isinstance(v, np.ndarray) and v.size}
