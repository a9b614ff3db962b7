"""What `--fast` gains over plain SB3: each number a ratio, both sides taking turns in one run.

Plain is what a user would have without goalscope: SB3's SAC and HerReplayBuffer, the rendering of
gymnasium-robotics itself at 84x84, and DummyVecEnv. Run with `make bench`; writes
docs/results/speed.md and its rows as CSV.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import torch
import tyro
from gymnasium import spaces
from stable_baselines3 import SAC, HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env

from benchmarks.machine import gpu
from benchmarks.updates import measure as measure_updates
from goalscope.diagnostics.material.declared_task import declared_task
from goalscope.training import SharedFrameHerReplayBuffer
from goalscope.training.envs.making import make_environment, make_simulation
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.replay.sizes import replay_bytes
from goalscope.training.runs.agent import build_agent
from goalscope.training.runs.settings import RunSettings

N_ENVS, IMAGE = 8, 84
ROW_UPDATES = "updates per second, batch 256"
ROW_BFLOAT = "updates per second, batch 256, bfloat16"
ROW_FRAMES = "frames rendered per second"
ROW_RUN = "steps and updates per second of the pixel-her run, 8 environments"
ROW_BYTES = "bytes per transition, one frame"
ROW_BYTES_4 = "bytes per transition, four stacked frames"
ROW_DRAW = "index draws of a batch per second, 1M transitions"
GOALS: Mapping[str, tuple[float, bool]] = {  # goal, and whether more is better
    ROW_UPDATES: (1.4, True),
    ROW_BFLOAT: (1.9, True),
    ROW_FRAMES: (2.8, True),
    ROW_RUN: (1.4, True),
    ROW_BYTES: (0.52, False),
    ROW_BYTES_4: (0.14, False),
    ROW_DRAW: (5.0, True),
}
NOT_MEASURED = {
    "on an H100, updates per second, `pixel-her`": "5x",
    "on an H100 with 16 cores, the 8M-step `pixel-her` run": "under 45 minutes",
}


@dataclass(frozen=True)
class Speed:
    """Measure what is faster and smaller, side by side with plain SB3."""

    rounds: int = 7
    """Rounds; in each, both sides take their turn."""

    threads: int = 2
    """Torch's threads."""

    out: Path = Path("docs/results")
    """Folder of the table."""


class PlainPixels(gym.ObservationWrapper[Any, Any, Any]):
    """Pixels as gymnasium-robotics renders them, beside the goals."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        goal = spaces.Box(-np.inf, np.inf, (3,), np.float32)
        image = spaces.Box(0, 255, (3, IMAGE, IMAGE), np.uint8)
        self.observation_space = spaces.Dict(achieved_goal=goal, desired_goal=goal, pixels=image)

    def observation(self, observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return goals and pixels."""
        goals = {
            key: observation[key].astype(np.float32) for key in ("achieved_goal", "desired_goal")
        }
        return {**goals, "pixels": self.env.render().transpose(2, 0, 1)}  # type: ignore[union-attr]


def plain_environment() -> gym.Env[Any, Any]:
    make_simulation(EnvironmentSettings()).close()  # registers the tasks
    return PlainPixels(gym.make("FetchPush-v4", render_mode="rgb_array", width=IMAGE, height=IMAGE))


def plain_agent(steps: int) -> SAC:
    return SAC(
        "MultiInputPolicy",
        make_vec_env(plain_environment, n_envs=N_ENVS, seed=0),
        buffer_size=steps,
        learning_starts=100 * N_ENVS,
        replay_buffer_class=HerReplayBuffer,
        seed=0,
    )


def alternate(rounds: int, sides: Mapping[str, Callable[[], float]]) -> list[dict[str, Any]]:
    """Return a row per round and side: `value`, what it returned."""
    rows = []
    for number in range(rounds):
        names = list(sides) if number % 2 == 0 else list(sides)[::-1]
        rows += [{"round": number, "side": name, "value": sides[name]()} for name in names]
    return rows


def per_second(action: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        action()
    return times / (time.perf_counter() - start)


def frames(rounds: int) -> list[dict[str, Any]]:
    plain, ours = plain_environment(), make_environment(EnvironmentSettings(image_size=IMAGE))
    plain.reset(seed=0)
    ours.reset(seed=0)
    draw = ours.draw  # type: ignore[attr-defined]
    per_second(plain.render, 20), per_second(draw, 20)
    rows = alternate(
        rounds,
        {
            "plain": lambda: per_second(plain.render, 100),
            "goalscope": lambda: per_second(draw, 100),
        },
    )
    plain.close()
    ours.close()
    return rows


def whole_run(rounds: int, block: int = 40) -> list[dict[str, Any]]:
    """Blocks of 40 vectorised steps and as many updates, after the first 800 steps."""
    starts, steps = 100 * N_ENVS, (100 + (rounds + 1) * block) * N_ENVS
    settings = RunSettings("pixel-her", Path("runs"), total_steps=steps, n_envs=N_ENVS, fast=True)
    ours = build_agent(replace(settings, frames="memory"))
    agents = {"plain": plain_agent(steps), "goalscope": ours}
    for agent in agents.values():
        agent.learn(starts + 5 * N_ENVS)

    def go_on(agent: SAC) -> float:
        start = time.perf_counter()
        agent.learn(block * N_ENVS, reset_num_timesteps=False)
        return block * N_ENVS / (time.perf_counter() - start)

    rows = alternate(
        rounds,
        {name: lambda agent=agent: go_on(agent) for name, agent in agents.items()},  # type: ignore[misc]
    )
    for agent in agents.values():
        agent.get_env().close()  # type: ignore[union-attr]
    return rows


def bytes_per_transition(stack: int) -> list[dict[str, Any]]:
    """Of the arrays SB3 allocates, and of what `SharedFrameHerReplayBuffer` holds at 1M."""
    env = make_vec_env(
        lambda: make_environment(EnvironmentSettings(image_size=IMAGE, frame_stack=stack)), n_envs=1
    )
    rows = 1_000
    stock = HerReplayBuffer(rows, env.observation_space, env.action_space, env=env)  # type: ignore[arg-type]
    arrays = [*stock.observations.values(), *stock.next_observations.values(), stock.actions]
    arrays += [stock.rewards, stock.dones, stock.timeouts, stock.ep_start, stock.ep_length]
    plain = sum(array.nbytes for array in arrays) / rows
    assert isinstance(env.observation_space, spaces.Dict)
    episode = declared_task(env).episode_steps
    need = replay_bytes(env.observation_space, env.action_space, 1_000_000, 1, stack, episode)
    env.close()
    values = {"plain": plain, "goalscope": need.total / 1_000_000}
    return [{"round": 0, "side": side, "value": value} for side, value in values.items()]


def index_draw(rounds: int, size: int = 1_000_000) -> list[dict[str, Any]]:
    """Of buffers of a million transitions in finished episodes of 50, with tiny images."""
    env = make_vec_env(lambda: make_environment(EnvironmentSettings(image_size=36)), n_envs=1)
    space = spaces.Dict(
        {**env.observation_space.spaces, "pixels": spaces.Box(0, 255, (3, 3, 3), np.uint8)}  # type: ignore[attr-defined]
    )
    stock = HerReplayBuffer(size, space, env.action_space, env=env)  # type: ignore[arg-type]
    ours = SharedFrameHerReplayBuffer(size, space, env.action_space, env=env)
    stock.full = True
    stock.ep_length[:] = 50
    ours.finished.end[:] = size

    def draw_stock() -> object:
        valid = np.flatnonzero(stock.ep_length > 0)  # as HerReplayBuffer.sample has it
        chosen = np.random.choice(valid, size=256, replace=True)  # noqa: NPY002
        return np.unravel_index(chosen, stock.ep_length.shape)

    rows = alternate(
        rounds,
        {
            "plain": lambda: per_second(draw_stock, 50),
            "goalscope": lambda: per_second(lambda: ours.finished.draw(256), 1_000),
        },
    )
    env.close()
    return rows


def updates(rounds: int, threads: int) -> dict[str, list[dict[str, Any]]]:
    sides = {"stock SAC": "plain", "LeanSAC": "goalscope", "LeanSAC, bfloat16": "bfloat16"}
    rows = [
        {"round": row["round"], "side": sides[row["variant"]], "value": 1e3 / row["ms"]}
        for row in measure_updates(rounds, 5, threads)
    ]
    plain = [row for row in rows if row["side"] == "plain"]
    single = [row for row in rows if row["side"] == "goalscope"]
    half = [{**row, "side": "goalscope"} for row in rows if row["side"] == "bfloat16"]
    return {ROW_UPDATES: plain + single, ROW_BFLOAT: plain + half}


def main(options: Speed) -> None:
    """Measure, print and write the table."""
    torch.set_num_threads(options.threads)
    found = updates(options.rounds, options.threads)
    found[ROW_FRAMES] = frames(options.rounds)
    found[ROW_RUN] = whole_run(options.rounds)
    found[ROW_BYTES] = bytes_per_transition(1)
    found[ROW_BYTES_4] = bytes_per_transition(4)
    found[ROW_DRAW] = index_draw(options.rounds)
    table = pd.DataFrame([{"what": what, **row} for what, rows in found.items() for row in rows])
    options.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out / "speed.csv", index=False)
    text = report(table, options)
    (options.out / "speed.md").write_text(text)
    print(text)


def report(table: pd.DataFrame, options: Speed) -> str:
    """Return the page."""
    lines = [
        "# What is faster and smaller than plain SB3",
        "",
        f"Made by `python -m benchmarks.speed --rounds {options.rounds} --threads "
        f"{options.threads}` on {os.cpu_count()} cores ({platform.machine()}), {gpu()}: "
        f"FetchPush-v4, {IMAGE}x{IMAGE} pixels. Plain: SB3's SAC and HerReplayBuffer, "
        "gymnasium-robotics' own rendering, DummyVecEnv. Both sides take turns; a ratio is taken "
        "within a round; median (smallest to largest) over rounds. Rows: speed.csv.",
        "",
        "| what | plain | goalscope | ratio | goal |",
        "|---|---|---|---|---|",
    ]
    for what, (goal, more) in GOALS.items():
        part = table[table.what == what].pivot(index="round", columns="side", values="value")
        ratio = part["goalscope"] / part["plain"]
        middle = statistics.median(ratio)
        met = "met" if (middle >= goal if more else middle <= goal) else "**NOT met**"
        spread = f" ({ratio.min():.2f} to {ratio.max():.2f})" if len(ratio) > 1 else ""
        plain, ours = part["plain"].median(), part["goalscope"].median()
        lines.append(
            f"| {what} | {plain:,.4g} | {ours:,.4g} | {middle:.3g}x{spread} | "
            f"{'at least' if more else 'at most'} {goal}x: {met} |"
        )
    for what, wanted in NOT_MEASURED.items():
        lines.append(f"| {what} | - | - | not measured: no GPU | {wanted} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main(tyro.cli(Speed))
