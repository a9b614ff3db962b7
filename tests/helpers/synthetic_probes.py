"""Runs with made-up but realistic probes, written through the record's own writer."""

from dataclasses import replace

import numpy as np

from goalscope.diagnostics.record import Line, write_probes
from helpers.synthetic_runs import BASELINE, write_run

SHORT = replace(BASELINE, updates=20)
REACH = replace(SHORT, settings={"env.id": "FetchReach-v4"})
STEPS = (0, 100, 200, 300, 400)


def values(progress: float = 1.0, pixels: bool = True, pushed: bool = True) -> dict[str, float]:
    """Return what the probes would find, at 0 an untrained agent and at 1 a trained one."""
    goal = 0.1 + 0.4 * progress
    found = {
        "attribution/critic.desired_goal.shapley_share": 0.6 * goal,
        "attribution/critic.achieved_goal.shapley_share": 0.4 * goal,
        "attribution/critic.goal.shapley_share": goal,
        "attribution/critic.action.shapley_share": 0.15,
        "attribution/actor.desired_goal.shapley_share": 0.75,
        "attribution/actor.achieved_goal.shapley_share": 0.25,
        "attribution/actor.goal.shapley_share": 1.0,
        "attribution/critic.goal.integrated_gradient_share": 1.0,
        "attribution/critic.goal.q_ablation": 0.9,
        "attribution/actor.goal.action_ablation": 0.2,
        "goal_map/critic.goal.front": 0.03 + 0.1 * progress,
        "goal_map/critic.goal.front_contrast": 1.5,
        "goal_map/critic.goal.front_fit": 0.3,
        "goal_map/actor.goal.action_alignment": 0.5 * progress,
        "prediction/critic.features.next_goal_r2": 0.5,
        "prediction/critic.features.next_goal_with_previous_r2": 0.6,
        "prediction/critic.features.next_goal_with_proprioception_r2": 0.8,
    }
    if not pixels:
        return found
    found["attribution/critic.pixels.shapley_share"] = 0.85 - goal
    found["attribution/actor.pixels.shapley_share"] = 0.0
    targets = {"gripper": "cm", "desired_goal": "cm"}
    if pushed:
        targets |= {"object": "cm", "object_velocity": "cm_per_s"}
    for network in ("critic", "actor"):
        for target, unit in targets.items():
            for source, error in (("", 9 - 5 * progress), ("raw_", 3.0), ("fresh_", 9.5)):
                start = f"content/{network}.pixels.{source}{target}"
                found |= {f"{start}_r2": 1 - error / 10, f"{start}_{unit}": error}
        key = f"augmentation/{network}.pixels.would_be_augmentation_over_signal"
        found[key] = 2.0
    return found | {"augmentation/camera.cm_per_pixel": 2.5, "augmentation/camera.shift_cm": 10.0}


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
