"""What run.json says of a run is put together: settings, versions, hardware, modalities found."""

import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from gymnasium import spaces
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.base_class import BaseAlgorithm

from goalscope.diagnostics.material.declared_task import declared_task, environment_id
from goalscope.diagnostics.record import NetworkInfo, ProbeSetInfo, RunInfo
from goalscope.diagnostics.record.floors import floor_settings
from goalscope.diagnostics.updates.tracked import by_extractor, trained_by
from goalscope.probes import Network

_PACKAGES = (
    "goalscope",
    "torch",
    "stable-baselines3",
    "gymnasium",
    "gymnasium-robotics",
    "mujoco",
    "numpy",
)
_AGENT_SETTINGS = (
    "batch_size",
    "buffer_size",
    "gamma",
    "gradient_steps",
    "learning_starts",
    "n_envs",
    "target_entropy",
    "target_update_interval",
    "tau",
    "policy_delay",
    "random_actions",
    "target_range",
    "action_penalty",
    "inverse_dynamics",
    "encoder_warmup",
    "encoder_frozen",
    "n_steps",
    "n_epochs",
    "gae_lambda",
    "vf_coef",
    "max_grad_norm",
)


def describe_run(
    folder: Path,
    model: BaseAlgorithm,
    networks: Mapping[str, Network],
    *,
    settings: Mapping[str, Any],
    arm: str | None = None,
    seed: int | None = None,
    cadences: Mapping[str, int] | None = None,
    probe_set: ProbeSetInfo | None = None,
) -> RunInfo:
    """Return the description of a run that begins now, or of an agent that was saved.

    Args:
        folder: where its record goes.
        model: the agent.
        networks: its networks.
        settings: further settings, flat, beside the agent's own.
        arm: name of its configuration.
        seed: of the run; None takes the agent's own.
        cadences: instrument -> updates between measurements.
        probe_set: what is said of the fixed states.
    """
    environment = describe_environment(model)
    return RunInfo(
        name=folder.resolve().name,
        arm=arm,
        seed=model.seed if seed is None else seed,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command_line(),
        settings={
            **floor_settings(environment.get("id", "")),
            **{k: _plain(v) for k, v in settings.items()},
            **agent_settings(model),
        },
        versions=software_versions(),
        hardware=hardware(model.device),
        networks=describe_networks(networks),
        instruments={name: {"every": every} for name, every in (cadences or {}).items()},
        task=declared_task(model.get_env()),
        environment=environment,
        probe_set=probe_set,
        notes=(*notes_on(networks), *notes_on_gradients(model, networks)),
    )


def describe_environment(model: BaseAlgorithm) -> dict[str, str]:
    """Return the environment's id, and what the agent observes of it and does in it, in words."""
    observed = model.observation_space
    parts = observed.spaces if isinstance(observed, spaces.Dict) else {"all": observed}
    env = model.get_env()
    return {
        **({} if env is None else {"id": environment_id(env)}),
        **{f"observation of {key}": _in_words(part) for key, part in parts.items()},
        "action": _in_words(model.action_space),
    }


def _in_words(space: spaces.Space[Any]) -> str:
    """Return a space: kind of number, shape and, of a box, its ends."""
    if not isinstance(space, spaces.Box):
        return str(space)
    ends = f"{space.low.min():g} to {space.high.max():g}"
    return f"{space.dtype} {space.shape}, {ends}"


def agent_settings(model: BaseAlgorithm) -> dict[str, Any]:
    """Return the agent's settings as a flat dictionary of JSON values, keys "agent.<name>"."""
    found: dict[str, Any] = {"class": type(model).__name__}
    for name in _AGENT_SETTINGS:
        if hasattr(model, name):
            found[name] = _plain(getattr(model, name))
    found["learning_rate"] = _plain(model.learning_rate)
    found["entropy_coefficient"] = _plain(getattr(model, "ent_coef", None))
    if hasattr(model, "train_freq"):
        found["train_freq"] = str(getattr(model.train_freq, "frequency", model.train_freq))
    policy = model.policy
    found["policy"] = type(policy).__name__
    found["net_arch"] = _plain(getattr(policy, "net_arch", None))
    found["features_extractor"] = policy.features_extractor_class.__name__
    for key, value in (policy.features_extractor_kwargs or {}).items():
        found[f"features_extractor.{key}"] = _plain(value)
    found["share_features_extractor"] = bool(getattr(policy, "share_features_extractor", False))
    found["optimizer"] = policy.optimizer_class.__name__
    for key, value in policy.optimizer_kwargs.items():
        found[f"optimizer.{key}"] = _plain(value)
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        found["replay_buffer"] = type(buffer).__name__
    if isinstance(buffer, HerReplayBuffer):
        found["n_sampled_goal"] = buffer.n_sampled_goal
        found["goal_selection_strategy"] = buffer.goal_selection_strategy.name.lower()
        found["moved_half"] = getattr(buffer, "moved", None) is not None
    return {f"agent.{key}": value for key, value in found.items()}


def software_versions() -> dict[str, str]:
    """Return package -> version of Python and of what the numbers depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def hardware(device: torch.device) -> dict[str, Any]:
    """Return what the run runs on."""
    accelerator = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "device": accelerator or device.type,
    }


def circumstances(device: torch.device) -> dict[str, Any]:
    """Return what a run goes on with, flat: "versions.<package>", "hardware.<part>"."""
    parts = {"versions": software_versions(), "hardware": hardware(device)}
    return {
        f"{part}.{name}": value for part, found in parts.items() for name, value in found.items()
    }


def describe_networks(networks: Mapping[str, Network]) -> dict[str, NetworkInfo]:
    """Return the blocks and consumers found in each network."""
    return {
        name: {
            "features_dim": network.features_dim,
            "consumers": [consumer.name for consumer in network.consumers],
            "action_width": network.action_width,
            "blocks": [
                {
                    "name": block.name,
                    "keys": list(block.keys),
                    "width": block.width,
                    "mixed": block.mixed,
                    "ends_in": block.ends_in,
                    "normalised": block.normalisation is not None,
                    "encoder_parameters": sum(
                        network.extractor.get_parameter(p).numel() for p in block.parameters
                    ),
                }
                for block in network.blocks
            ],
        }
        for name, network in networks.items()
    }


def notes_on(networks: Mapping[str, Network]) -> list[str]:
    """Return what a reader must know about blocks that are not one modality each."""
    notes = []
    for network in networks.values():
        for block in network.blocks:
            shape = network.shape_of(block)
            if block.identity and len(shape) == 3:
                notes.append(
                    f"{network.name}: {block.name} of shape {shape} reaches no encoder, it is "
                    "flattened: to SB3 an image is bytes, 0 to 255, that no wrapper normalises "
                    "(VecNormalize: norm_obs_keys)"
                )
            if block.mixed:
                notes.append(
                    f"{network.name}: {block.width} fused features mix {' and '.join(block.keys)}; "
                    "they form a block of their own and belong to no single modality"
                )
            if not block.keys:
                notes.append(
                    f"{network.name}: {block.width} fused features depend on no observation"
                )
            notes += [
                f"{network.name}: {key} is recorded as {network.block_of(key)}"
                for key in block.keys
                if key in network.goal_keys and network.block_of(key) != key
            ]
        if not network.consumers:
            notes.append(
                f"{network.name}: no linear layer reads the fused features directly; gradients at "
                "the fusion are those at the features extractor's output, and there is no first "
                "layer whose signal or weights could be measured"
            )
    return notes


def notes_on_gradients(model: BaseAlgorithm, networks: Mapping[str, Network]) -> list[str]:
    """Return what a reader must know of where this algorithm's gradients are read."""
    notes = []
    limit = getattr(model, "max_grad_norm", None)
    if limit is not None:
        notes.append(
            "gradients at the fusion are the loss's own; those at weights and encoders are read "
            f"after max_grad_norm has scaled them to a norm of {limit:g} at most"
        )
    for held in trained_by(networks).values():
        notes += [
            f"{' and '.join(network.name for network in together)} share their features extractor "
            "and their optimiser: the encoder's gradient is one of both losses, joint_loss, and "
            "only at the first layers are they apart"
            for together in by_extractor(held)
            if len(together) > 1
        ]
    return notes


def _plain(value: Any) -> Any:
    """Return a JSON value: numbers, strings and lists as they are, anything else in words."""
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    return getattr(value, "__name__", type(value).__name__)


def command_line() -> str:
    """Return the command that started this process."""
    return " ".join([os.path.basename(sys.argv[0]), *sys.argv[1:]])
