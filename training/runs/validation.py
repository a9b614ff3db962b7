"""The check that a run's settings can be run, before anything is started."""

import math
import re
from collections.abc import Mapping
from operator import attrgetter

from goalscope.training.agents.settings import SIMNORM_GROUP, AgentSettings
from goalscope.training.envs.tasks import task_of
from goalscope.training.runs.settings import RunSettings, SettingsError

_ENTROPY = re.compile(r"auto|(auto_)?(?=.*[1-9])(\d+\.?\d*|\.\d+)(e-?\d\d?)?")
_AT_LEAST: Mapping[str, int] = {
    "total_steps": 1,
    "seed": 0,
    "cnn_dim": 1,
    "n_envs": 1,
    "gradient_steps": 1,
    "batch_size": 1,
    "buffer_size": 1,
    "n_sampled_goal": 0,
    "learning_starts": 0,
    "every.features": 1,
    "every.gradients": 1,
    "every.sensitivity": 1,
    "evaluation.every": 0,
    "evaluation.episodes": 1,
    "checkpoint_every": 1,
    "threads": 1,
}
_LARGEST_SEED = 2**32 - 1  # numpy's
_RANGES: Mapping[str, float] = {"lr": math.inf, "gamma": 1, "tau": 1}  # above 0, and at most


def check(settings: RunSettings) -> None:
    """Raise where the settings cannot be run.

    Raises:
        UnknownArm: there is no such arm.
        SettingsError: anything else.
    """
    agent = settings.agent
    _check_numbers(settings)
    _check_agent(agent, settings)
    _check_device(settings.device)
    if settings.total_steps <= settings.starts:
        raise SettingsError(
            f"--total-steps {settings.total_steps} ends before the first update, which comes after "
            f"{settings.starts} steps; give more steps or a smaller --learning-starts"
        )
    _check_envs(settings)


def _check_numbers(settings: RunSettings) -> None:
    for name, least in _AT_LEAST.items():
        value = attrgetter(name)(settings)
        if value is not None and value < least:
            raise SettingsError(f"{_flag(name)} must be at least {least}, and {value} is not")
    for name, most in _RANGES.items():
        value = getattr(settings, name)
        if value is not None and not (0 < value <= most and math.isfinite(value)):
            limit = "finite" if most == math.inf else f"at most {most}"
            raise SettingsError(f"{_flag(name)} must be above 0 and {limit}, and {value} is not")
    if settings.seed > _LARGEST_SEED:
        raise SettingsError(f"--seed must be at most {_LARGEST_SEED}, and {settings.seed} is not")
    if not settings.net_arch or min(settings.net_arch) < 1:
        raise SettingsError("--net-arch needs one hidden layer or more, each of 1 unit or more")
    if not _ENTROPY.fullmatch(settings.agent.ent_coef):
        raise SettingsError(
            f"--ent-coef {settings.ent_coef} is not SB3's: give auto, auto_0.1 (learnt from 0.1) "
            "or a number above 0"
        )


def _check_device(device: str) -> None:
    if device == "auto":
        return
    import torch  # not needed to say what else is wrong

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch's builds differ in what they raise
        raise SettingsError(
            f"torch has no device {device!r} here; use auto, cpu or cuda"
        ) from error


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _check_envs(settings: RunSettings) -> None:
    n_envs = settings.n_envs
    first_end = (task_of(settings.environment.id).episode_steps or 0) * n_envs
    if settings.agent.her and settings.starts < first_end:
        raise SettingsError(
            f"--learning-starts {settings.starts} comes before an episode has ended, and hindsight "
            f"needs one; use at least {first_end}"
        )
    if settings.agent.her and settings.transitions < 2 * first_end:
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
    if agent.random_shift is not None and not (agent.her and settings.environment.pixels):
        raise SettingsError(
            f"{settings.arm}: DrQ's random shift needs pixels and hindsight replay; leave drq out"
        )
    observed, task = settings.environment, task_of(settings.environment.id)
    if (agent.inverse_dynamics or agent.routing == "asymmetric") and not observed.pixels:
        raise SettingsError(
            f"{settings.arm}: inverse dynamics and an asymmetric critic need pixels to be "
            "observed; leave them out"
        )
    if agent.encoder_warmup and not agent.inverse_dynamics:
        raise SettingsError(
            f"{settings.arm}: the encoder's warm-up is made of inverse dynamics; add "
            "inverse-dynamics or leave encoder-warmup out"
        )
    if agent.target_clip and observed.dense_reward:
        raise SettingsError(
            f"{settings.arm}: target-clip knows rewards of -1 and 0, and these are dense; leave it "
            "out"
        )
    if agent.moved_half and not (agent.her and task.negligible):
        raise SettingsError(
            f"{settings.arm}: moved-half needs hindsight replay and a task that says what has not "
            "moved; leave it out"
        )
    if agent.encoder == "keypoints" and agent.cnn_dim % 2:
        raise SettingsError(
            f"keypoints have two coordinates each, and {agent.cnn_dim} image features are odd; use "
            f"--cnn-dim {agent.cnn_dim + 1}"
        )
    if agent.trunk == "simnorm" and agent.cnn_dim % SIMNORM_GROUP:
        raise SettingsError(
            f"SimNorm groups image features by {SIMNORM_GROUP}, and {agent.cnn_dim} do not divide; "
            f"use --cnn-dim {max(1, agent.cnn_dim // SIMNORM_GROUP) * SIMNORM_GROUP}"
        )
    if settings.precision != "float32" and not settings.fast:
        raise SettingsError("--precision bfloat16 is an option of --fast; give both")
