"""Runs that never touched a file: a world in which every link of the plan's claim holds."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from goalscope.diagnostics.record import Line, Lines, RunInfo, RunRecord, named_task
from goalscope.diagnostics.record.keys import Family, parse
from goalscope.diagnostics.record.metrics import (
    ACTION_GOAL_SWAP,
    CONTENT_R2,
    DIMENSION_SHARE,
    DIRECTION_CONSISTENCY,
    DIRECTION_WINDOW,
    EVALUATION_EPISODES,
    FEATURE_SPREAD,
    FINAL_DISTANCE,
    FRESH_CONTENT_R2,
    LOSS,
    Q_GOAL_DISTANCE,
    Q_GOAL_SWAP,
    SIGNAL,
    SIGNAL_GRADIENT_SHARE,
    SIGNAL_SHARE,
    SUCCESS_HIGH,
    SUCCESS_LOW,
    SUCCESS_RATE,
    WEIGHT_GRADIENT_SHARE,
    metric_of,
)
from goalscope.reports.numbers.runs import Run
from helpers.synthetic_info import changes_in

BASELINE = "pixel-her"
ARMS = (BASELINE, "pixel-her-scale10", "pixel-her-scale0.1", "fix-a", "fix-b", "fix-c")
UPDATES = (0, 1, 500, 1000, 5000, 9000, 9500, 10000)
EPISODES = 50
LOSSES = ("critic_loss", "actor_loss")
CONTENT = CONTENT_R2.key("critic", "pixels", target="object")
FRESH = FRESH_CONTENT_R2.key("critic", "pixels", target="object")


def holding_numbers(level: int) -> dict[str, float]:
    """Return metric key -> value of an arm; 0 is the drowned baseline, higher hears more goal.

    Shares and sensitivities of level 1 are clear of the baseline's and of the thresholds.
    """
    share = (0.02, 0.15, 0.25, 0.4, 0.6, 0.8)[level]
    numbers = {SIGNAL_SHARE.key(network, "goal"): share for network in ("critic", "actor")}
    for loss in LOSSES:
        numbers |= {
            SIGNAL_GRADIENT_SHARE.key(loss, "goal"): share,
            WEIGHT_GRADIENT_SHARE.key(loss, "goal"): share,
        }
    return numbers | {
        Q_GOAL_SWAP.key(): 0.02 * 3**level,
        Q_GOAL_DISTANCE.key(): 0.05 + 0.15 * level,
        ACTION_GOAL_SWAP.key(): 0.004 * 3**level,
        **{DIRECTION_CONSISTENCY.key(loss, "pixels"): 0.12 for loss in LOSSES},
        **{DIRECTION_CONSISTENCY.key(loss, "goal"): 0.6 for loss in LOSSES},
        **{DIRECTION_WINDOW.key(loss): 10.0 for loss in LOSSES},
        **{CONTENT_R2.key(n, "pixels", target="object"): 0.41 for n in ("critic", "actor")},
        **{FRESH_CONTENT_R2.key(n, "pixels", target="object"): 0.40 for n in ("critic", "actor")},
        SIGNAL.key("critic", "goal"): 0.3,
        SIGNAL.key("critic", "pixels"): 0.3 * (1 - share) / share,
        DIMENSION_SHARE.key("critic", "goal"): 0.1 if level % 2 else 0.02,
        FEATURE_SPREAD.key("critic", "desired_goal"): 0.1,
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
        metric = metric_of(key)
        first = 2 if metric is DIRECTION_CONSISTENCY else parse(key).family == Family.GRADIENT
        own = [update for update in updates if update >= first]
        exact = metric in (DIRECTION_WINDOW, DIMENSION_SHARE)
        size = 0.0 if exact else 0.1 if parse(key).family == Family.CONTENT else 1.0
        noise = generator.normal(0, 0.03) + generator.normal(0, 0.02, len(own))
        values = np.minimum(value * np.exp(size * noise), 0.999 if "share" in key else np.inf)
        metrics[key] = pd.DataFrame({"update": own, "step": own, "value": values})
    lines = [Line(update, update, {LOSS.key("critic"): 1.0}) for update in updates]
    for place, rate in enumerate(success):
        values = {SUCCESS_RATE.key(): rate, SUCCESS_LOW.key(): 0.0, SUCCESS_HIGH.key(): 1.0}
        values |= {EVALUATION_EPISODES.key(): float(EPISODES), FINAL_DISTANCE.key(unit="cm"): 5.0}
        step = round(place * updates[-1] / max(1, len(success) - 1))
        lines.append(Line(step, step, values))
    settings = {
        "env.id": task,
        "arm.changes": changes_in(arm),
        "agent.learning_rate": learning_rate,
    }
    info = RunInfo(
        name=f"{arm}-{seed}", arm=arm, seed=seed, settings=settings, task=named_task(task)
    )
    record = RunRecord(Path(f"{arm}-{seed}"), info, Lines.of(lines), [], False)
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
