"""The check that a run's settings can be run, before anything is started."""

import re

import torch

from goalscope.training.agents.settings import SIMNORM_GROUP, AgentSettings
from goalscope.training.envs.making import task_of
from goalscope.training.runs.settings import RunSettings, SettingsError

_ENTROPY = re.compile(r"auto|(auto_)?(?=.*[1-9])(\d+\.?\d*|\.\d+)(e-?\d+)?")


def check(settings: RunSettings) -> None:
    """Raise where the settings cannot be run.

    Raises:
        UnknownArm: there is no such arm.
        SettingsError: anything else.
    """
    agent = settings.resolved_agent
    for name in ("total_steps", "n_envs", "gradient_steps", "batch_size"):
        if getattr(settings, name) < 1:
            raise SettingsError(f"--{name.replace('_', '-')} must be at least 1")
    cadence = settings.cadence
    if min(cadence.features, cadence.gradients, cadence.sensitivity) < 1:
        raise SettingsError("a cadence must be at least 1 update")
    if settings.evaluation.episodes < 1 or settings.evaluation_steps < 0:
        raise SettingsError(
            "evaluation needs at least 1 episode and a cadence of 0 (never) or more"
        )
    if settings.checkpoint_every is not None and settings.checkpoint_every < 1:
        raise SettingsError("--checkpoint-every must be at least 1")
    _check_agent(agent, settings)
    if settings.device != "auto":
        try:
            torch.zeros(1, device=settings.device)
        except (RuntimeError, AssertionError) as error:  # torch's builds differ in what they raise
            raise SettingsError(
                f"torch has no device {settings.device!r} here; use auto, cpu or cuda"
            ) from error
    if settings.total_steps <= settings.starts:
        raise SettingsError(
            f"--total-steps {settings.total_steps} ends before the first update, which comes after "
            f"{settings.starts} steps; give more steps or a smaller --learning-starts"
        )
    _check_envs(settings)


def _check_envs(settings: RunSettings) -> None:
    n_envs = settings.n_envs
    first_end = (task_of(settings.resolved_environment).episode_steps or 0) * n_envs
    if settings.resolved_agent.her and settings.starts < first_end:
        raise SettingsError(
            f"--learning-starts {settings.starts} comes before an episode has ended, and hindsight "
            f"needs one; use at least {first_end}"
        )
    if settings.resolved_agent.her and settings.transitions < 2 * first_end:
        raise SettingsError(
            f"a replay of {settings.transitions} transitions cannot hold a whole episode of "
            f"{n_envs} environments while the next is made; use --buffer-size {2 * first_end} or "
            "more"
        )
    for name in ("total_steps", "buffer_size"):
        value = getattr(settings, name)
        if value is not None and value % n_envs:
            raise SettingsError(
                f"--{name.replace('_', '-')} {value} does not divide by --n-envs {n_envs}; use "
                f"{max(1, value // n_envs) * n_envs}"
            )


def _check_agent(agent: AgentSettings, settings: RunSettings) -> None:
    for name in ("gamma", "tau"):
        if not 0 < getattr(settings, name) <= 1:
            raise SettingsError(f"--{name} must lie above 0 and be at most 1")
    if not settings.net_arch or min(settings.net_arch) < 1:
        raise SettingsError("--net-arch needs one hidden layer or more, each of 1 unit or more")
    if not _ENTROPY.fullmatch(settings.ent_coef):
        raise SettingsError(
            f"--ent-coef {settings.ent_coef} is not SB3's: give auto, auto_0.1 (learnt from 0.1) "
            "or a number above 0"
        )
    if agent.random_shift is not None and not (agent.her and settings.resolved_environment.pixels):
        raise SettingsError(
            f"{settings.arm}: DrQ's random shift needs pixels and hindsight replay; leave drq out"
        )
    if agent.trunk == "simnorm" and agent.cnn_dim % SIMNORM_GROUP:
        raise SettingsError(
            f"SimNorm groups image features by {SIMNORM_GROUP}, and {agent.cnn_dim} do not divide; "
            f"use --cnn-dim {max(1, agent.cnn_dim // SIMNORM_GROUP) * SIMNORM_GROUP}"
        )
    if settings.precision != "float32" and not settings.fast:
        raise SettingsError("--precision bfloat16 is an option of --fast; give both")
