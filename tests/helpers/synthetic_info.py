"""What a made-up run says of itself: run.json and the routing table."""

import re
from typing import TYPE_CHECKING, Any

from goalscope.diagnostics.record import named_task
from goalscope.diagnostics.record.keys import Family

if TYPE_CHECKING:
    from helpers.synthetic_runs import Synthetic

BLOCKS = ("pixels", "achieved_goal", "desired_goal")
BASES = ("pixel-her", "goal-only-wide", "goal-only", "state-her")
PROBE_SHA = "3f2a" * 16

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


def run_info(name: str, arm: str | None, seed: int | None, kind: "Synthetic") -> dict[str, Any]:
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
        "task": named_task(kind.settings.get("env.id", "FetchPush-v4")),
        "probe_set": {
            "states": 256,
            "goals": 49,
            "source": "random actions in a FetchPush-v4 of its own",
            "sha256": PROBE_SHA,
        }
        if Family.SENSITIVITY in kind.sensitivity
        else None,
        "notes": [],
    }


def changes_in(arm: str | None) -> list[str]:
    """Return the base and the changes that an arm's name is put together from; none of its own."""
    name = arm or ""
    base = next((b for b in BASES if re.match(rf"{b}([-+]|$)", name)), None)
    if base is None:
        return []
    rest = name.removeprefix(base)[1:]
    return [base, *rest.split("+")] if rest else [base]
