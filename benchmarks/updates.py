"""Milliseconds per update: stock SAC, LeanSAC, LeanSAC in bfloat16; FetchPush 84x84, batch 256.

The agents live in one process, have drawn the same real steps, and take turns in blocks of
updates, in another order every round, because on a shared machine only neighbours compare. A ratio
is taken within a round.
"""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import tyro
from stable_baselines3 import SAC, HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import Logger

from goalscope.training.agents.lean_sac import LeanSAC
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings

STOCK = "stock SAC"
VARIANTS: dict[str, tuple[type[SAC], dict[str, Any]]] = {
    STOCK: (SAC, {}),
    "LeanSAC": (LeanSAC, {}),
    "LeanSAC, bfloat16": (LeanSAC, {"precision": "bfloat16"}),
}
GOALS = {"LeanSAC": 1.40, "LeanSAC, bfloat16": 1.90}
STEPS = 300  # real ones, six episodes


@dataclass(frozen=True)
class Updates:
    """Measure updates per second, side by side."""

    rounds: int = 7
    """Rounds; each gives every agent one block."""

    updates: int = 5
    """Updates per block."""

    threads: int = 2
    """Torch's threads."""

    share: bool = False
    """Let actor and critic share an encoder."""


def measure(
    rounds: int, updates: int, threads: int = 2, share: bool = False
) -> list[dict[str, Any]]:
    """Return one row per round and variant: `round`, `variant`, `ms` per update."""
    rows = []
    with _threads(threads), _agents({"share_features_extractor": share}) as agents:
        for agent in agents.values():
            agent.train(2, batch_size=256)
        names = list(agents)
        for number in range(rounds):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                start = time.perf_counter()
                agents[name].train(updates, batch_size=256)
                spent = 1e3 * (time.perf_counter() - start) / updates
                rows.append({"round": number, "variant": name, "ms": spent})
    return rows


def speedups(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Return variant -> stock's milliseconds over its own, one per round."""
    stock = {row["round"]: row["ms"] for row in rows if row["variant"] == STOCK}
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["variant"] != STOCK:
            found.setdefault(row["variant"], []).append(stock[row["round"]] / row["ms"])
    return found


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _agents(policy_kwargs: dict[str, Any]) -> Iterator[dict[str, SAC]]:
    """Build every variant's agent on one filled replay buffer."""
    settings = EnvironmentSettings(id="FetchPush-v4", image_size=84)
    env = make_vec_env(lambda: make_environment(settings), n_envs=1, seed=0)
    try:
        agents = {}
        for name, (cls, options) in VARIANTS.items():
            agents[name] = cls(
                "MultiInputPolicy",
                env,
                replay_buffer_class=HerReplayBuffer,
                buffer_size=STEPS,
                learning_starts=STEPS,
                policy_kwargs=dict(policy_kwargs),
                seed=0,
                **options,
            )
        first = agents[STOCK]
        first.learn(STEPS - 1)
        for agent in agents.values():
            agent.replay_buffer = first.replay_buffer
            agent.set_logger(Logger(None, []))
        yield agents
    finally:
        env.close()


def main(options: Updates) -> None:
    """Measure and print."""
    rows = measure(options.rounds, options.updates, options.threads, options.share)
    for name in VARIANTS:
        spent = [row["ms"] for row in rows if row["variant"] == name]
        print(f"{name}: {statistics.median(spent):.0f} ms per update (median of {len(spent)})")
    for name, ratios in speedups(rows).items():
        middle, least, most = statistics.median(ratios), min(ratios), max(ratios)
        goal = GOALS[name]
        met = "met" if middle >= goal else "NOT met"
        print(
            f"{name}: {middle:.2f} times as fast "
            f"({least:.2f} to {most:.2f}; goal {goal:.2f}, {met})"
        )


if __name__ == "__main__":
    main(tyro.cli(Updates))
