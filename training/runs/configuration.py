"""A run's configuration: its settings, flat, as its checkpoints keep them."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from goalscope.training.agents.settings import AgentSettings
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.runs.settings import IN_THE_AGENT, IN_THE_ENVIRONMENT, Cadence, RunSettings

_NOT_OF_THE_RUN = ("out", "total_steps", "probe_set", "threads", "software_rendering", "evaluation")


def configuration_of(settings: RunSettings) -> dict[str, Any]:
    """Return what must be the same for a checkpoint to be gone on with, flat JSON values.

    What an arm decides stands there as it was resolved: an arm may be defined anew.
    """
    resolved = replace(
        settings, buffer_size=settings.transitions, checkpoint_every=settings.checkpoint_steps
    )
    plain = {
        name: value
        for name, value in asdict(resolved).items()
        if name not in (*_NOT_OF_THE_RUN, *IN_THE_AGENT, *IN_THE_ENVIRONMENT)
    }
    groups = {
        "agent": asdict(settings.agent),
        "environment": asdict(settings.environment),
        "every": plain.pop("every"),
    }
    flat = {f"{group}.{k}": v for group, content in groups.items() for k, v in content.items()}
    return plain | flat


def completed(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a checkpoint's configuration with the settings there are since it was saved.

    Whatever an arm may change does nothing by default, and so did nothing before it was there.
    """
    groups: dict[str, AgentSettings | EnvironmentSettings] = {
        "agent": AgentSettings(),
        "environment": EnvironmentSettings(),
    }
    off = {f"{group}.{k}": v for group, at in groups.items() for k, v in asdict(at).items()}
    return off | {"algorithm": "sac"} | dict(configuration)


def settings_of(configuration: Mapping[str, Any], out: Path) -> RunSettings:
    """Return the settings that a checkpoint's configuration describes; `out` is its run's folder.

    Raises:
        KeyError, TypeError, ValueError, UnknownArm: it is of another version of goalscope, or its
            arm has been defined anew.
    """
    configuration = completed(configuration)
    plain = {name: value for name, value in configuration.items() if "." not in name}
    plain["net_arch"] = tuple(plain["net_arch"])
    groups = {"agent": IN_THE_AGENT, "environment": IN_THE_ENVIRONMENT}
    chosen = {
        setting: configuration[f"{group}.{name}"]
        for group, names in groups.items()
        for setting, name in names.items()
    }
    cadence = Cadence(*(configuration[f"every.{f.name}"] for f in fields(Cadence)))
    settings = RunSettings(out=out, every=cadence, **plain, **chosen)
    for name, value in configuration_of(settings).items():
        if "." in name and value != configuration[name]:
            raise ValueError(f"{name} of {settings.arm} was {configuration[name]}, is {value}")
    return settings


def with_saved(settings: RunSettings, configuration: Mapping[str, Any]) -> RunSettings:
    """Return the settings, where a default depends on its start with what was saved.

    A run may be given more steps than it began with: its replay stays as large as it was, and its
    frames stay where they are, whatever is free by now.
    """
    saved = {
        name: configuration.get(name) for name in ("buffer_size", "checkpoint_every", "frames")
    }
    return replace(
        settings,
        buffer_size=settings.buffer_size or saved["buffer_size"],
        checkpoint_every=settings.checkpoint_every or saved["checkpoint_every"],
        frames=settings.frames or saved["frames"],
    )
