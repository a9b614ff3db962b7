"""What an encoder that learns no more saves of a FetchPush run: steps per second, side by side.

Three agents of the preset `push` take turns in blocks of steps with the updates that belong to
them, in another order every round: the recipe in plain SB3, the recipe with `--fast`, and with a
frozen encoder besides, which is another algorithm and no faster form of the same. A ratio is taken
within a round. Writes docs/results/recipe_speed.md and its rows as CSV.
"""

import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import tyro
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger

from benchmarks.machine import gpu
from goalscope.training.runs.agent import build_agent
from goalscope.training.runs.run import make_probe_set
from goalscope.training.runs.settings import RunSettings
from goalscope.training.runs.timing import warm_up_time

N_ENVS, UPDATES = 4, 3  # environments, and updates in a step of all of them
STARTS = 400  # steps: two episodes of each
PLAIN, FAST, FROZEN = "recipe, plain SB3", "recipe, --fast", "recipe+frozen-encoder, --fast"
VARIANTS = {
    PLAIN: ("pixel-her-recipe", False),
    FAST: ("pixel-her-recipe", True),
    FROZEN: ("pixel-her-recipe+frozen-encoder", True),
}


@dataclass(frozen=True)
class RecipeSpeed:
    """Measure steps per second of the recipe's run, side by side."""

    rounds: int = 5
    """Rounds; each gives every agent one block."""

    steps: int = 80
    """Steps per block, over all environments."""

    threads: int = 1
    """Torch's threads."""

    out: Path = Path("docs/results")
    """Folder of the results."""


def measure(options: RecipeSpeed) -> tuple[list[dict[str, Any]], float]:
    """Return a row per round and variant, and the seconds of the encoder's whole warm-up.

    A row holds `round`, `variant` and `rate`, in steps per second.
    """
    rows = []
    with _agents() as agents:
        warm_up = warm_up_time(agents[FROZEN])
        for agent in agents.values():
            agent.learn(options.steps, reset_num_timesteps=False)
        names = list(agents)
        for number in range(options.rounds):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                begun = time.perf_counter()
                agents[name].learn(options.steps, reset_num_timesteps=False)
                rate = options.steps / (time.perf_counter() - begun)
                rows.append({"round": number, "variant": name, "rate": rate})
    return rows, warm_up


@contextmanager
def _agents() -> Iterator[dict[str, BaseAlgorithm]]:
    """Build every variant's agent, its replay filled with as many steps."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        agents = {}
        for name, (arm, fast) in VARIANTS.items():
            settings = RunSettings(
                arm,
                folder,
                env="FetchPush-v4",
                image_size=48,
                batch_size=128,
                n_envs=N_ENVS,
                gradient_steps=UPDATES,
                total_steps=20_000,
                learning_starts=STARTS,
                fast=fast,
            )
            agent = build_agent(settings, make_probe_set(settings.environment), folder / "replay")
            env = agent.get_env()
            assert env is not None
            stack.callback(env.close)
            agent.set_logger(Logger(None, []))
            agent.learn(STARTS)
            agents[name] = agent
        yield agents


def report(rows: list[dict[str, Any]], warm_up: float, options: RecipeSpeed) -> str:
    """Return the results as Markdown."""
    table = pd.DataFrame(rows).pivot(index="round", columns="variant", values="rate")
    lines = [
        "# How long a FetchPush run by the recipe takes",
        "",
        f"Made by `python -m benchmarks.recipe_speed --rounds {options.rounds} --threads "
        f"{options.threads}` ({platform.machine()}, {gpu()}), unwatched, each with this project's "
        f"rendering: 48x48 pixels, {N_ENVS} environments, "
        f"{UPDATES} updates of batch 128 in {N_ENVS} steps. All take turns; a ratio is taken "
        "within a round; median (smallest to largest) over rounds. Rows: recipe_speed.csv.",
        "",
        "| run | steps per second | over plain SB3 |",
        "|---|---|---|",
    ]
    for name in VARIANTS:
        ratios = table[name] / table[PLAIN]
        spread = f"{ratios.median():.2f}x ({ratios.min():.2f} to {ratios.max():.2f})"
        lines.append(f"| {name} | {statistics.median(table[name]):.3g} | {spread} |")
    lines += [
        "",
        f"Before its first update a frozen encoder learns for {warm_up:.0f} seconds, once. It is "
        "another algorithm, not the same in less time: what its encoder knows then is all that it "
        "will.",
        "",
    ]
    return "\n".join(lines)


def main(options: RecipeSpeed) -> None:
    """Measure, print and write."""
    torch.set_num_threads(options.threads)
    rows, warm_up = measure(options)
    text = report(rows, warm_up, options)
    (options.out / "recipe_speed.md").write_text(text)
    pd.DataFrame(rows).to_csv(options.out / "recipe_speed.csv", index=False)
    print(text)


if __name__ == "__main__":
    main(tyro.cli(RecipeSpeed))
