"""Runs that never touched a file: a world in which every link of the plan's claim holds."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from goalscope.diagnostics.record import Line, RunInfo, RunRecord
from goalscope.reports.numbers.runs import Run
from helpers.synthetic_runs import changes_in

BASELINE = "pixel-her"
ARMS = (BASELINE, "pixel-her-scale10", "pixel-her-scale0.1", "fix-a", "fix-b", "fix-c")
UPDATES = (0, 1, 500, 1000, 9000, 9500, 10000)
EPISODES = 50
CONTENT = "content/critic.pixels.object_r2"
FRESH = "content/critic.pixels.fresh_object_r2"


def holding_numbers(level: int) -> dict[str, float]:
    """Return metric key -> value of an arm; 0 is the drowned baseline, higher hears more goal.

    Shares and sensitivities of level 1 are clear of the baseline's and of the thresholds.
    """
    share = (0.02, 0.15, 0.25, 0.4, 0.6, 0.8)[level]
    numbers = {f"signal/{network}.goal.share": share for network in ("critic", "actor")}
    for loss in ("critic_loss", "actor_loss"):
        numbers |= {
            f"gradient/{loss}.goal.signal_gradient_share": share,
            f"gradient/{loss}.goal.weight_gradient_share": share,
        }
    return numbers | {
        "sensitivity/critic.desired_goal.q_goal_swap": 0.02 * 3**level,
        "sensitivity/critic.goal.q_goal_distance": 0.05 + 0.15 * level,
        "gradient/critic_loss.pixels.direction_consistency": 0.12,
        "gradient/critic_loss.goal.direction_consistency": 0.6,
        "gradient/critic_loss.direction_window": 10.0,
        CONTENT: 0.41,
        FRESH: 0.40,
        "signal/critic.goal.signal": 0.3,
        "signal/critic.pixels.signal": 0.3 * (1 - share) / share,
        "features/critic.goal.dimension_share": 0.1 if level % 2 else 0.02,
        "features/critic.desired_goal.spread": 0.1,
    }


def memory_run(
    arm: str,
    seed: int,
    numbers: Mapping[str, float],
    success: tuple[float, ...] = (),
    task: str = "FetchPush-v4",
    updates: tuple[int, ...] = UPDATES,
    learning_rate: float = 3e-4,
) -> Run:
    """Return a run whose metrics keep their numbers, but for some percent by seed and update."""
    generator = np.random.default_rng([len(arm), seed])
    metrics = {}
    for key, value in numbers.items():
        first = 2 if key.endswith("direction_consistency") else key.startswith("gradient/")
        own = [update for update in updates if update >= first]
        exact = key.endswith(("direction_window", "dimension_share"))
        size = 0.0 if exact else 0.1 if key.startswith("content/") else 1.0
        noise = generator.normal(0, 0.03) + generator.normal(0, 0.02, len(own))
        values = np.minimum(value * np.exp(size * noise), 0.999 if "share" in key else np.inf)
        metrics[key] = pd.DataFrame({"update": own, "step": own, "value": values})
    lines = [Line(update, update, {"training/critic.loss": 1.0}) for update in updates]
    for place, rate in enumerate(success):
        values = {"success_rate": rate, "success_low": 0.0, "success_high": 1.0}
        values |= {"episodes": float(EPISODES), "final_distance_cm": 5.0}
        step = round(place * updates[-1] / max(1, len(success) - 1))
        lines.append(Line(step, step, {f"evaluation/policy.{k}": v for k, v in values.items()}))
    settings = {
        "env.id": task,
        "arm.changes": changes_in(arm),
        "agent.learning_rate": learning_rate,
    }
    info = RunInfo(name=f"{arm}-{seed}", arm=arm, seed=seed, settings=settings)
    record = RunRecord(Path(f"{arm}-{seed}"), info, lines, [], False)
    return Run(record, arm, seed, metrics)


def holding_world(seeds: int = 5) -> dict[str, list[Run]]:
    """Return arms -> runs of a study in which C1 to C7 all hold late in training."""
    world = {}
    for level, arm in enumerate(ARMS):
        best = (0.04, 0.2, 0.4, 0.9, 0.94, 0.98)[level]
        runs = []
        for seed in range(seeds):
            successes = [round(EPISODES * best * part) - seed % 2 for part in (0.5, 1.0)]
            curve = (0.0, *(max(0, count) / EPISODES for count in successes))
            runs.append(memory_run(arm, seed, holding_numbers(level), curve))
        world[arm] = runs
    return world
