"""The agents of the matrix: small, real, on an environment without a simulator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from sb3_contrib import QRDQN, TQC, TRPO, CrossQ, MaskablePPO, RecurrentPPO
from stable_baselines3 import A2C, DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecFrameStack, VecNormalize

from goalscope.training.envs.pixel_point import PixelPointEnv

_OFF = {"learning_starts": 16, "batch_size": 8, "buffer_size": 200, "train_freq": 1}
_ON = {"n_steps": 12, "batch_size": 12, "n_epochs": 2}
_CNN = {"cnn_output_dim": 16}

ALGORITHMS: dict[str, tuple[type[BaseAlgorithm], dict[str, Any]]] = {
    "SAC": (SAC, _OFF),
    "TD3": (TD3, _OFF),
    "DDPG": (DDPG, _OFF),
    "TQC": (TQC, _OFF),
    "DQN": (DQN, _OFF),
    "QRDQN": (QRDQN, _OFF),
    "PPO": (PPO, _ON),
    "A2C": (A2C, {"n_steps": 6}),
    "MaskablePPO": (MaskablePPO, _ON),
    "RecurrentPPO": (RecurrentPPO, _ON),
}
REFUSED: dict[str, tuple[type[BaseAlgorithm], dict[str, Any]]] = {
    "TRPO": (TRPO, {"n_steps": 12, "batch_size": 12}),
    "CrossQ": (CrossQ, {"learning_starts": 4, "batch_size": 4, "buffer_size": 50}),
}
_DISCRETE = ("DQN", "QRDQN", "MaskablePPO")
_ONE_NETWORK = ("DQN", "QRDQN")
WRAPPERS = ("plain", "VecNormalize", "VecFrameStack", "VecTransposeImage", "4 envs")
STEPS = 48


@dataclass(frozen=True)
class Cell:
    """One combination.

    Attributes:
        algorithm: of `ALGORITHMS`.
        shared: whether actor and critic share their features extractor.
        goal: whether goals are observed; else the point itself is, as a vector.
        wrapper: of `WRAPPERS`.
    """

    algorithm: str
    shared: bool
    goal: bool
    wrapper: str

    def __str__(self) -> str:
        shared = "shared" if self.shared else "separate"
        return f"{self.algorithm}, {shared}, {'goal' if self.goal else 'no goal'}, {self.wrapper}"


def every_cell() -> list[Cell]:
    """Return every combination there is; an agent of one network shares nothing."""
    cells = (
        Cell(*chosen) for chosen in product(ALGORITHMS, (False, True), (True, False), WRAPPERS)
    )
    return [cell for cell in cells if not (cell.shared and cell.algorithm in _ONE_NETWORK)]


def pairwise() -> list[Cell]:
    """Return a few in which every two values of two factors meet in some cell."""
    left = every_cell()
    missing = {pair for cell in left for pair in _pairs(cell)}
    chosen = []
    while missing:
        best = max(left, key=lambda cell: len(missing & _pairs(cell)))
        chosen.append(best)
        missing -= _pairs(best)
    return chosen


def _pairs(cell: Cell) -> set[tuple[object, ...]]:
    values = list(enumerate((cell.algorithm, cell.shared, cell.goal, cell.wrapper)))
    return {(one, other) for one in values for other in values if one[0] < other[0]}


def make_agent(cell: Cell) -> BaseAlgorithm:
    """Return the agent of a cell, from the same seed every time."""
    cls, settings = ALGORITHMS[cell.algorithm]
    policy: dict[str, Any] = {"net_arch": [8], "features_extractor_kwargs": _CNN}
    if cell.algorithm not in _ONE_NETWORK:
        policy["share_features_extractor"] = cell.shared
    if cell.algorithm == "RecurrentPPO":
        policy["lstm_hidden_size"] = 8
        name = "MultiInputLstmPolicy"
    else:
        name = "MultiInputPolicy"
    return cls(name, _environment(cell), policy_kwargs=policy, seed=0, **settings)


def make_refused(name: str) -> BaseAlgorithm:
    """Return an agent of an algorithm that is not watched."""
    cls, settings = REFUSED[name]
    if name == "CrossQ":  # it has no policy for Dict observations
        return cls("MlpPolicy", "Pendulum-v1", seed=0, **settings)
    env = _environment(Cell(name, shared=False, goal=True, wrapper="plain"))
    return cls("MultiInputPolicy", env, seed=0, **settings)


def _environment(cell: Cell) -> VecEnv:
    def make() -> gym.Env[Any, Any]:
        env: gym.Env[Any, Any] = PixelPointEnv(goals=cell.goal, proprioception=not cell.goal)
        env = gym.wrappers.TimeLimit(env, 10)
        if cell.wrapper == "VecTransposeImage":
            env = ChannelsLast(env)
        if cell.algorithm in _DISCRETE:
            env = FourMoves(env)
        return Monitor(env)

    makers: Sequence[Callable[[], gym.Env[Any, Any]]] = [make] * (4 if "4" in cell.wrapper else 1)
    env: VecEnv = DummyVecEnv(list(makers))
    if cell.wrapper == "VecFrameStack":
        return VecFrameStack(env, 2, channels_order={key: _order(key) for key in _keys(env)})
    if cell.wrapper == "VecNormalize":
        vectors = [key for key in _keys(env) if key != "pixels"]
        return VecNormalize(env, norm_obs_keys=vectors)
    return env


def _keys(env: VecEnv) -> list[str]:
    assert isinstance(env.observation_space, spaces.Dict)
    return list(env.observation_space.spaces)


def _order(key: str) -> str:
    return "first" if key == "pixels" else "last"


class ChannelsLast(gym.ObservationWrapper[Any, Any, Any]):
    """Shows the image (H, W, C), which SB3 turns round by itself."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        assert isinstance(env.observation_space, spaces.Dict)
        parts = dict(env.observation_space.spaces)
        channels, height, width = parts["pixels"].shape or ()
        parts["pixels"] = spaces.Box(0, 255, (height, width, channels), np.uint8)
        self.observation_space = spaces.Dict(parts)

    def observation(self, observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the observation with its image turned."""
        return {**observation, "pixels": np.moveaxis(observation["pixels"], 0, -1)}


class FourMoves(gym.ActionWrapper[Any, Any, Any]):
    """Takes one of four moves, of which the first may be masked."""

    _MOVES = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.action_space = spaces.Discrete(4)

    def action(self, action: int) -> np.ndarray:
        """Return the move of that number, float32 (2,)."""
        chosen: np.ndarray = self._MOVES[int(action)]
        return chosen

    def action_masks(self) -> np.ndarray:
        """Return which moves are allowed, bool (4,)."""
        return np.array([False, True, True, True])
