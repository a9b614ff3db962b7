"""Run folders with made-up but realistic numbers, written through the record's own writer."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from goalscope.diagnostics.record import Line, RecordWriter, RunInfo, write_probes

BLOCKS = ("pixels", "achieved_goal", "desired_goal")
BASES = ("pixel-her", "goal-only-wide", "goal-only", "state-her")
PROBE_SHA = "3f2a" * 16


@dataclass(frozen=True)
class Synthetic:
    """What a made-up run shows.

    Attributes:
        goal_share: of signal and gradients at update 0.
        late_share: the same at the last update.
        q_goal_swap: at the last update.
        noise: standard deviation between seeds, on the logit scale.
        updates: of the run.
        start: steps before the first update.
        steps_per_update: environment transitions per update.
        ends: whether the run finishes; else it is cut off.
        sensitivity: families of goal sensitivity that are recorded.
        cnn_dim: image features.
        normalised: whether the image encoder ends in LayerNorm and Tanh.
        settings: beside the usual ones.
        overrides: (metric key, update) -> value.
        without: metric keys that are not recorded.
        success: success rates of evaluations, evenly spread from the first step to the last.
        episodes: of each evaluation.
        probes: what probes of the checkpoints found, metric key -> value: at update 0, halfway and
            at the end, alike but for 0.01 of noise.
        resumes: updates at which the run was resumed, and whether its buffer was lost.
    """

    goal_share: float = 0.35
    late_share: float = 0.2
    q_goal_swap: float = 0.4
    noise: float = 0.15
    updates: int = 600
    start: int = 100
    steps_per_update: float = 1.0
    ends: bool = True
    sensitivity: tuple[str, ...] = ("sensitivity", "sensitivity_replay")
    cnn_dim: int = 256
    normalised: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[tuple[str, int], float] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    success: tuple[float, ...] = ()
    episodes: int = 20
    probes: Mapping[str, float] = field(default_factory=dict)
    resumes: Mapping[int, bool] = field(default_factory=dict)


BASELINE = Synthetic()
FIX = Synthetic(
    goal_share=0.12,
    late_share=0.3,
    q_goal_swap=0.8,
    cnn_dim=50,
    normalised=True,
    settings={
        "agent.features_extractor": "NormalizedCombinedExtractor",
        "agent.features_extractor.cnn_output_dim": 50,
        "agent.learning_rate": 1e-4,
    },
)


def write_run(
    folder: Path, arm: str | None = "pixel-her", seed: int | None = 0, kind: Synthetic = BASELINE
) -> Path:
    """Write a run and return its folder."""
    writer = RecordWriter(folder, RunInfo(**run_info(folder.name, arm, seed, kind)))
    generator = np.random.default_rng([hash_name(arm), seed or 0])
    offset = generator.normal(0, kind.noise)
    for update in due(kind.updates):
        step = round(kind.start + update * kind.steps_per_update)
        if update in kind.resumes:
            details = {"kept_lines": writer.lines, "lost_buffer": kind.resumes[update]}
            writer.write(Line(step, update, event="resumed", details=details))
        for values in _values(kind, update, offset, generator):
            kept = {k: v for k, v in values.items() if k not in kind.without}
            kept |= {k: v for (k, u), v in kind.overrides.items() if u == update and k in kept}
            if kept:
                writer.write(Line(step, update, kept))
    for values, update in zip(_evaluations(kind, generator), _spread(kind), strict=True):
        step = round(kind.start + update * kind.steps_per_update) if update else 0
        writer.write(Line(step, update, values))
    writer.write_routing(ROUTING)
    if kind.ends:
        last = round(kind.start + kind.updates * kind.steps_per_update)
        writer.write(Line(last, kind.updates, event="end", details={"reason": "finished"}))
    writer.close()
    if kind.probes:
        probed = [
            Line(
                round(kind.start + update * kind.steps_per_update) if update else 0,
                update,
                {key: value + generator.normal(0, 0.01) for key, value in kind.probes.items()},
            )
            for update in (0, kind.updates // 2, kind.updates)
        ]
        write_probes(folder, probed, {})
    return folder


def write_arms(
    root: Path, seeds: int = 2, arms: Mapping[str, Synthetic] | None = None
) -> list[Path]:
    """Write seeds of each arm and return the folders."""
    arms = arms or {"pixel-her": BASELINE, "pixel-her-norm": FIX}
    return [
        write_run(root / f"{arm}-{seed}", arm, seed, kind)
        for arm, kind in arms.items()
        for seed in range(seeds)
    ]


def changes_in(arm: str | None) -> list[str]:
    """Return the base and the changes that an arm's name is put together from."""
    name = arm or ""
    base = next((b for b in BASES if re.match(rf"{b}([-+]|$)", name)), name)
    rest = name.removeprefix(base)[1:]
    return [base, *rest.split("+")] if rest else [base]


def due(updates: int) -> list[int]:
    """Return the updates measured, as the callbacks' schedules have it."""
    grown = [round(10 * 1.5**power) for power in range(1, 6)]
    every = range(50, updates + 1, 50)
    return sorted(u for u in {*range(11), *grown, *every, updates} if u <= updates)


def hash_name(name: str | None) -> int:
    return sum(map(ord, name or ""))


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _values(
    kind: Synthetic, update: int, offset: float, generator: np.random.Generator
) -> list[dict[str, float]]:
    progress = math.log1p(update) / math.log1p(max(kind.updates, 1))

    def share(shift: float = 0.0) -> float:
        middle = (1 - progress) * _logit(kind.goal_share) + progress * _logit(kind.late_share)
        return _expit(middle + offset + shift + generator.normal(0, 0.05))

    lines = [_features(kind, share, progress, generator), _training(kind, update, progress)]
    if update:
        lines.append(_gradients(kind, update, share, generator))
    if update <= 10 or update % 250 == 0 or update in (20, 40, 80, 160, kind.updates):
        for family in kind.sensitivity:
            lines.append(_sensitivity(kind, family, progress, offset, generator))
    return lines


def _features(kind: Synthetic, share: Any, progress: float, generator: Any) -> dict[str, float]:
    values: dict[str, float] = {}
    dims = {"pixels": kind.cnn_dim, "achieved_goal": 3, "desired_goal": 3, "goal": 6}
    total = kind.cnn_dim + 6
    for network, shift in (("critic", 0.0), ("actor", -0.3), ("critic_target", 0.02)):
        goal = share(shift)
        parts = {"pixels": 1 - goal, "achieved_goal": 0.45 * goal, "desired_goal": 0.55 * goal}
        for block, width in dims.items():
            pixels = block == "pixels"
            norm = (4.9 if kind.normalised else 0.9 + 6 * progress) if pixels else 1.6
            names = {
                "norm": norm * (1 if width < 6 or pixels else 1.41),
                "spread": (0.3 if kind.normalised else 0.006 + 0.2 * progress) if pixels else 0.09,
                "zero_fraction": 0.0 if kind.normalised or not pixels else 0.49,
                "dead_units": 0.42 * (1 - progress) if pixels and not kind.normalised else 0.0,
                "effective_rank": 21.0 + 9 * progress if pixels else width * 0.9,
                "max_abs": 0.98 if kind.normalised and pixels else 1.5,
                "nonfinite": 0.0,
                "spread_share": parts.get(block, goal),
                "dimension_share": width / total,
            }
            if pixels and kind.normalised:
                names["saturated_fraction"] = 0.02 + 0.05 * progress
            values |= {f"features/{network}.{block}.{k}": v for k, v in names.items()}
            values[f"signal/{network}.{block}.signal"] = parts.get(block, goal) * 0.4
            values[f"signal/{network}.{block}.share"] = parts.get(block, goal)
        if kind.normalised:
            raw = {
                "norm": 0.9 + 2 * progress,
                "spread": 0.006 + 0.1 * progress,
                "zero_fraction": 0.62,
                "dead_units": 0.42 * (1 - progress),
                "effective_rank": 21.0 + 9 * progress,
                "max_abs": 1.5,
                "nonfinite": 0.0,
            }
            values |= {f"features/{network}.pixels_raw.{k}": v for k, v in raw.items()}
        if network != "actor":
            values[f"signal/{network}.action.signal"] = 1.1
        values[f"signal/{network}.residual"] = float(generator.normal(0, 0.02))
    return values


def _gradients(kind: Synthetic, update: int, share: Any, generator: Any) -> dict[str, float]:
    values: dict[str, float] = {}
    rate = 1.0 if not kind.normalised else 1 / 3
    widths = {"pixels": kind.cnn_dim, "achieved_goal": 3, "desired_goal": 3, "goal": 6, "action": 4}
    for loss, size in (("critic_loss", 1.0), ("actor_loss", 0.1)):
        signal, plain = share(-0.2), share(0.4)
        dimension = 6 / (kind.cnn_dim + 6)
        for block, width in widths.items():
            if block == "action" and loss == "actor_loss":
                continue
            part = {"pixels": 1.0, "achieved_goal": 0.45, "desired_goal": 0.55, "goal": 1.0}
            ratio = part.get(block, 1.0)
            signal_share = (1 - signal) if block == "pixels" else ratio * signal
            plain_share = (1 - plain) if block == "pixels" else ratio * plain
            fusion_share = (1 - dimension) if block == "pixels" else ratio * dimension
            names = {
                "weight_gradient": size * math.sqrt(plain_share),
                "update_ratio": rate * 0.004 / math.sqrt(1 + update),
                "update_effect": rate * 0.01 * signal_share / math.sqrt(1 + update),
            }
            if update > 1:
                names["direction_consistency"] = 0.15 + (0.3 if block != "pixels" else 0.0)
            if block != "action":
                names |= {
                    "fusion_gradient": size * math.sqrt(width) * 0.08,
                    "fusion_gradient_per_unit": size
                    * 0.08
                    * float(np.exp(generator.normal(0, 0.1))),
                    "fusion_gradient_share": fusion_share,
                    "signal_gradient": size * 0.02 * signal_share,
                    "signal_gradient_share": signal_share,
                    "weight_gradient_share": plain_share,
                }
            values |= {f"gradient/{loss}.{block}.{k}": v for k, v in names.items()}
        values[f"gradient/{loss}.pixels.encoder_gradient"] = size * 0.6
        values[f"gradient/{loss}.pixels.encoder_update_ratio"] = (
            rate * 0.002 / math.sqrt(1 + update)
        )
        if update > 1:
            values[f"gradient/{loss}.pixels.encoder_direction_consistency"] = 0.2
        values[f"gradient/{loss}.direction_window"] = float(min(update, 10))
    return values


def _sensitivity(
    kind: Synthetic, family: str, progress: float, offset: float, generator: Any
) -> dict[str, float]:
    swap = kind.q_goal_swap * math.exp(0.5 * (1 - progress) + offset + generator.normal(0, 0.05))
    slope = 0.05 + 0.5 * kind.q_goal_swap * progress
    values = {
        "critic.desired_goal.q_goal_swap": swap,
        "critic.desired_goal.q_goal_gradient": 0.8 * swap,
        "critic.goal.q_swap": 1.2 * swap,
        "critic.pixels.q_swap": 0.6,
        "critic.achieved_goal.q_swap": 0.7 * swap,
        "critic.action.q_swap": 0.5,
        "critic.goal.q_goal_distance": slope + 0.2 * offset + generator.normal(0, 0.02),
        "critic.goal.q_reach_contrast": 0.5 * slope,
        "critic.goal.largest_distance": 0.42,
        "actor.desired_goal.action_goal_swap": 0.01 + 0.1 * progress * swap,
        "actor.pixels.action_swap": 0.02,
        "actor.achieved_goal.action_swap": 0.02,
        "actor.goal.action_swap": 0.03,
    }
    for number in range(1, 9):
        values[f"critic.goal.q_at_distance_{number}"] = -progress * (1 + slope * number / 4)
    if family == "sensitivity_replay":
        for kind_of, reward in (("real", -0.97), ("relabelled", -0.7)):
            values[f"critic.{kind_of}.q"] = -2.0 * progress
            values[f"critic.{kind_of}.td_error"] = 0.5 + 0.2 * progress
            values[f"critic.{kind_of}.reward"] = reward
    return {f"{family}/{key}": value for key, value in values.items()}


def _training(kind: Synthetic, update: int, progress: float) -> dict[str, float]:
    values = {"training/entropy.coefficient": 1 - 0.1 * progress, "training/rollout.episodes": 1.0}
    if update:
        values |= {
            "training/critic.loss": 1.5 * (1 - 0.8 * progress),
            "training/actor.loss": -2 + progress,
            "training/updates_per_step": update / (kind.start + update * kind.steps_per_update),
            "training/critic.target_spread": 0.3 + 0.2 * progress,
            "training/critic.q_spread": 0.02 + 0.3 * progress,
            "training/relabelled.unmoved_fraction": 0.8,
        }
        if update >= 50:
            values |= {"training/rollout.success_rate": 0.05, "training/rollout.return": -48.0}
    return values


def _spread(kind: Synthetic) -> list[int]:
    """Return the updates of the evaluations; the first is at step 0."""
    return [round(u) for u in np.linspace(0, kind.updates, len(kind.success))]


def _evaluations(kind: Synthetic, generator: Any) -> list[dict[str, float]]:
    found = []
    for rate in kind.success:
        successes = int(generator.binomial(kind.episodes, rate))
        interval = binomtest(successes, kind.episodes).proportion_ci(0.95, method="wilson")
        values = {
            "success_rate": successes / kind.episodes,
            "success_low": interval.low,
            "success_high": interval.high,
            "episodes": kind.episodes,
            "final_distance_cm": 16 * (1 - rate) + generator.normal(0, 0.5),
            "final_distance_mean_cm": 17 * (1 - rate),
        }
        found.append({f"evaluation/policy.{k}": float(v) for k, v in values.items()})
    return found


FLOORS = {
    "floor.noop.success_rate": 0.086,
    "floor.noop.low": 0.0702,
    "floor.noop.high": 0.105,
    "floor.random.success_rate": 0.079,
    "floor.random.low": 0.0638,
    "floor.random.high": 0.0974,
    "floor.episodes": 1000,
}

ROUTING = [
    {
        "network": network,
        "group": group,
        "parameters": count,
        "optimizer": optimizer,
        "losses": losses,
        "shared_with": None,
        "target": target,
    }
    for network, group, count, optimizer, losses, target in (
        ("actor", "encoder of pixels", 92576, "actor", ["actor_loss"], None),
        ("actor", "latent_pi", 133120, "actor", ["actor_loss"], None),
        ("critic", "encoder of pixels", 92576, "critic", ["critic_loss", "actor_loss"], None),
        ("critic", "qf0", 134400, "critic", ["critic_loss", "actor_loss"], None),
        ("critic_target", "qf0", 134400, None, [], "follows the critic's qf0, tau 0.005"),
        ("entropy", "log_ent_coef", 1, "entropy", ["entropy_loss"], None),
    )
]


def run_info(name: str, arm: str | None, seed: int | None, kind: Synthetic) -> dict[str, Any]:
    """Return the content of run.json."""
    blocks = [
        {
            "name": block,
            "keys": [block],
            "width": kind.cnn_dim if block == "pixels" else 3,
            "mixed": False,
            "ends_in": ("Tanh" if kind.normalised else "ReLU") if block == "pixels" else None,
            "normalised": kind.normalised and block == "pixels",
            "encoder_parameters": 92576 if block == "pixels" else 0,
        }
        for block in BLOCKS
    ]
    networks = {
        network: {
            "features_dim": kind.cnn_dim + 6,
            "consumers": ["latent_pi.0"] if network == "actor" else ["qf0.0", "qf1.0"],
            "action_width": 0 if network == "actor" else 4,
            "blocks": blocks,
        }
        for network in ("actor", "critic", "critic_target")
    }
    return {
        "name": name,
        "arm": arm,
        "seed": seed,
        "created": "2026-03-01T12:00:00+00:00",
        "command": "goalscope train pixel-her --total-steps 700",
        "settings": {
            "env.id": "FetchPush-v4",
            "env.image_size": 84,
            "agent.class": "SAC",
            "agent.batch_size": 256,
            "agent.gradient_steps": 1,
            "agent.learning_rate": 3e-4,
            "agent.n_envs": 1,
            "agent.features_extractor": "CombinedExtractor",
            "agent.features_extractor.cnn_output_dim": 256,
            "env.renderer": "egl (llvmpipe)",
            "run.total_steps": 700,
            "arm.changes": changes_in(arm),
            **kind.settings,
        },
        "versions": {"python": "3.11.7", "torch": "2.13.0", "stable-baselines3": "2.9.2"},
        "hardware": {"platform": "Linux x86_64", "cpu": "x86_64", "cores": 2, "device": "cpu"},
        "networks": networks,
        "instruments": {"feature_statistics": {"every": 50}, "gradient_balance": {"every": 50}},
        "probe_set": {
            "states": 256,
            "goals": 49,
            "source": "random actions in a FetchPush-v4 of its own",
            "sha256": PROBE_SHA,
        }
        if "sensitivity" in kind.sensitivity
        else None,
        "notes": [],
    }
