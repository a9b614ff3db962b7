"""Runs with made-up but realistic probes, written through the record's own writer."""

from dataclasses import replace

import numpy as np

from goalscope.diagnostics.record import Line, write_probes
from goalscope.diagnostics.record.metrics import (
    ACTION_ABLATION,
    ACTION_ALIGNMENT,
    CONTENT_ERROR,
    CONTENT_R2,
    CONTENT_SPEED_ERROR,
    FRESH_CONTENT_ERROR,
    FRESH_CONTENT_R2,
    FRESH_CONTENT_SPEED_ERROR,
    FRONT,
    FRONT_CONTRAST,
    FRONT_FIT,
    INTEGRATED_GRADIENT_SHARE,
    NEXT_GOAL_R2,
    NEXT_GOAL_WITH_R2,
    PIXEL_SPAN,
    Q_ABLATION,
    RAW_CONTENT_ERROR,
    RAW_CONTENT_R2,
    RAW_CONTENT_SPEED_ERROR,
    SHAPLEY_SHARE,
    SHIFT,
    WOULD_BE_AUGMENTATION_NOISE,
)
from helpers.synthetic_runs import BASELINE, write_run

SHORT = replace(BASELINE, updates=20)
REACH = replace(SHORT, settings={"env.id": "FetchReach-v4"})
STEPS = (0, 100, 200, 300, 400)
_READ = (  # R^2, error of a position, error of a velocity: of image features, raw pixels, fresh
    (CONTENT_R2, CONTENT_ERROR, CONTENT_SPEED_ERROR),
    (RAW_CONTENT_R2, RAW_CONTENT_ERROR, RAW_CONTENT_SPEED_ERROR),
    (FRESH_CONTENT_R2, FRESH_CONTENT_ERROR, FRESH_CONTENT_SPEED_ERROR),
)


def values(progress: float = 1.0, pixels: bool = True, pushed: bool = True) -> dict[str, float]:
    """Return what the probes would find, at 0 an untrained agent and at 1 a trained one."""
    goal = 0.1 + 0.4 * progress
    found = {
        SHAPLEY_SHARE.key("critic", "desired_goal"): 0.6 * goal,
        SHAPLEY_SHARE.key("critic", "achieved_goal"): 0.4 * goal,
        SHAPLEY_SHARE.key("critic", "goal"): goal,
        SHAPLEY_SHARE.key("critic", "action"): 0.15,
        SHAPLEY_SHARE.key("actor", "desired_goal"): 0.75,
        SHAPLEY_SHARE.key("actor", "achieved_goal"): 0.25,
        SHAPLEY_SHARE.key("actor", "goal"): 1.0,
        INTEGRATED_GRADIENT_SHARE.key(block="goal"): 1.0,
        Q_ABLATION.key(block="goal"): 0.9,
        ACTION_ABLATION.key(block="goal"): 0.2,
        FRONT.key(): 0.03 + 0.1 * progress,
        FRONT_CONTRAST.key(): 1.5,
        FRONT_FIT.key(): 0.3,
        ACTION_ALIGNMENT.key(): 0.5 * progress,
        NEXT_GOAL_R2.key(): 0.5,
        NEXT_GOAL_WITH_R2.key(extra="previous"): 0.6,
        NEXT_GOAL_WITH_R2.key(extra="proprioception"): 0.8,
    }
    if not pixels:
        return found
    found[SHAPLEY_SHARE.key("critic", "pixels")] = 0.85 - goal
    found[SHAPLEY_SHARE.key("actor", "pixels")] = 0.0
    targets = ["gripper", "desired_goal", *(["object", "object_velocity"] if pushed else [])]
    for network in ("critic", "actor"):
        for target in targets:
            for (r2, *errors), error in zip(_READ, (9 - 5 * progress, 3.0, 9.5), strict=True):
                metric = errors[target.endswith("velocity")]
                found[r2.key(network, "pixels", target=target)] = 1 - error / 10
                found[metric.key(network, "pixels", target=target, unit="cm")] = error
        found[WOULD_BE_AUGMENTATION_NOISE.key(network, "pixels")] = 2.0
    return found | {PIXEL_SPAN.key(unit="cm"): 2.5, SHIFT.key(unit="cm"): 10.0}


def arrays(pixels: bool = True, pushed: bool = True, heights: int = 1) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    axes = [np.linspace(1.2, 1.5, 4), np.linspace(0.6, 0.9, 5), np.linspace(0.42, 0.6, heights)]
    goals = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float32)
    achieved = generator.uniform([1.2, 0.6, 0.42], [1.5, 0.9, 0.6], (8, 3)).astype(np.float32)
    drawn = np.array([0, 2, 5, 7])
    distance = np.linalg.norm(achieved[:, None] - goals, axis=2)
    found = {
        "map.goals": goals,
        "map.q": -4 * distance + generator.normal(0, 0.1, distance.shape),
        "map.actions": generator.uniform(-1, 1, (*distance.shape, 4)),
        "map.achieved": achieved,
        "map.distance": distance,
        "drawn": drawn,
        "truth.gripper": achieved[drawn] + (0.05 if pushed else 0),
        "shown.achieved_goal": achieved[drawn],
    }
    if pushed:
        found["truth.object"] = achieved[drawn]
    if pixels:
        found["shown.pixels"] = generator.integers(0, 256, (4, 3, 9, 9)).astype(np.uint8)
        for network in ("critic", "actor"):
            found[f"saliency.{network}.pixels"] = generator.random((4, 9, 9))
    return {name: np.asarray(array) for name, array in found.items()}


def probed(folder, steps=STEPS, kind=SHORT, changed=None, without=(), **shape):
    """Write a run whose probes found `values`, with some of them changed at every checkpoint."""
    run = write_run(folder, kind=kind)
    lines = []
    for step in steps:
        progress = step / max(steps) if max(steps) else 1.0
        found = values(progress, shape.get("pixels", True), shape.get("pushed", True))
        lines.append(Line(step, step - step // 10, found | (changed or {})))
    kept = {k: v for k, v in arrays(**shape).items() if not k.startswith(tuple(without))}
    write_probes(run, lines, {step: kept for step in steps})
    return run
