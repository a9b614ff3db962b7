"""The check that a run's settings can be run, before anything is started."""

import math
import re
from collections.abc import Mapping
from operator import attrgetter

from goalscope.training.agents.settings import SIMNORM_GROUP, AgentSettings
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.tasks import is_own, task_of
from goalscope.training.runs.arms import find_arm
from goalscope.training.runs.settings import IN_THE_ENVIRONMENT, RunSettings, SettingsError

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
_WITH_REPLAY = ("sac", "td3", "tqc")
_LARGEST_SEED = 2**32 - 1  # numpy's
_RANGES: Mapping[str, float] = {"lr": math.inf, "gamma": 1, "tau": 1}  # above 0, and at most


def check(settings: RunSettings) -> None:
    """Raise where the settings cannot be run.

    Raises:
        UnknownArm: there is no such arm.
        UnusableEnvironment, NotDict: an environment of a user's own cannot be used.
        SettingsError: anything else.
    """
    agent = settings.agent
    _check_numbers(settings)
    _check_algorithm(settings)
    _check_own(settings)
    _check_agent(agent, settings)
    _check_observed(settings)
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
        there = "auto, cpu or cuda" if torch.cuda.is_available() else "auto or cpu"
        raise SettingsError(f"torch has no device {device!r} here; use {there}") from error


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
            f"{'the environment' if n_envs == 1 else f'{n_envs} environments'} while the next is "
            f"made; use --buffer-size {2 * first_end} or more"
        )
    for name in ("total_steps", "buffer_size"):
        value = getattr(settings, name)
        if value is not None and value % n_envs:
            raise SettingsError(
                f"{_flag(name)} {value} does not divide by --n-envs {n_envs}; use "
                f"{max(1, value // n_envs) * n_envs}"
            )


def _check_agent(agent: AgentSettings, settings: RunSettings) -> None:
    """Refuse parts that need another, or that there is nothing for."""
    observed, task = settings.environment, task_of(settings.environment.id)
    for asked, fits, says in (
        (
            agent.random_shift is not None,
            agent.her and observed.pixels,
            "DrQ's random shift needs pixels and hindsight replay; leave drq out",
        ),
        (
            agent.inverse_dynamics or agent.routing == "asymmetric",
            observed.pixels,
            "inverse dynamics and an asymmetric critic need pixels to be observed; leave them out",
        ),
        (
            observed.pixels and observed.state,
            agent.routing == "asymmetric",
            "the simulator's state beside pixels is for an asymmetric critic, and another encoder "
            "takes its place; leave one of the two out",
        ),
        (
            bool(agent.encoder_warmup),
            agent.inverse_dynamics,
            "the encoder's warm-up is made of inverse dynamics; add inverse-dynamics or leave "
            "encoder-warmup out",
        ),
        (
            agent.encoder_frozen,
            agent.routing == "decoupled",
            "a frozen encoder is one that neither the critic's loss nor the actor's trains; add "
            "decoupled-encoder or leave frozen-encoder out",
        ),
        (
            agent.target_clip,
            not observed.dense_reward,
            "target-clip knows rewards of -1 and 0, and these are dense; leave it out",
        ),
        (
            agent.moved_half,
            agent.her and bool(task.negligible),
            "moved-half needs hindsight replay and a task that says what has not moved; leave it "
            "out",
        ),
        (
            agent.goals_centred or agent.goals_scaled,
            observed.goals,
            "it standardises goals, and none are observed; leave that out",
        ),
        (
            agent.image_gain == "fix",
            observed.pixels and agent.encoder == "nature" and agent.trunk == "plain",
            "its gain is measured on NatureCNN's features with nothing behind them; leave gain, or "
            "what is put in their place, out",
        ),
        (
            settings.frames is not None and observed.pixels,
            agent.her,
            "--frames is of hindsight replay, which it does without; leave --frames out",
        ),
        (
            settings.n_sampled_goal is not None or settings.hindsight_goals is not None,
            agent.her,
            "it relabels nothing; leave --n-sampled-goal and --hindsight-goals out",
        ),
        (
            agent.encoder == "keypoints",
            agent.cnn_dim % 2 == 0,
            f"keypoints have two coordinates each, and {agent.cnn_dim} image features are odd; use "
            f"--cnn-dim {agent.cnn_dim + 1}",
        ),
        (
            agent.trunk == "simnorm",
            agent.cnn_dim % SIMNORM_GROUP == 0,
            f"SimNorm groups image features by {SIMNORM_GROUP}, and {agent.cnn_dim} do not divide; "
            f"use --cnn-dim {max(1, agent.cnn_dim // SIMNORM_GROUP) * SIMNORM_GROUP}",
        ),
    ):
        if asked and not fits:
            raise SettingsError(f"{settings.arm}: {says}")
    if settings.precision != "float32" and not settings.fast:
        raise SettingsError("--precision bfloat16 is an option of --fast; give both")


def _check_observed(settings: RunSettings) -> None:
    """Refuse to be asked for one thing to be observed by the arm, and another beside it."""
    values = find_arm(settings.arm).values
    for setting, name in IN_THE_ENVIRONMENT.items():
        given, own = getattr(settings, setting), values.get(name)
        if own is not None and given not in (own, getattr(EnvironmentSettings, name)):
            raise SettingsError(
                f"{settings.arm} sets {_flag(setting)} to {own}, and {given} is given beside it; "
                "leave one of the two out"
            )


def _check_algorithm(settings: RunSettings) -> None:
    """Refuse what the algorithm has no place for."""
    agent, algorithm = settings.agent, settings.algorithm
    adds = agent.random_actions or agent.target_clip or agent.action_penalty
    adds = adds or agent.inverse_dynamics or agent.encoder_warmup
    for asked, algorithms, what in (
        (settings.fast, ("sac",), "--fast"),
        (adds, ("sac",), "explore, target-clip, action-penalty, inverse-dynamics, encoder-warmup"),
        (agent.routing not in ("separate", "shared"), ("sac",), f"a {agent.routing} encoder"),
        (agent.ent_coef != AgentSettings.ent_coef, ("sac", "tqc"), "an entropy coefficient"),
        (agent.her, _WITH_REPLAY, "hindsight, which relabels replay,"),
        (agent.tau != AgentSettings.tau, _WITH_REPLAY, "a target critic that follows"),
        (settings.buffer_size is not None, _WITH_REPLAY, "--buffer-size"),
        (settings.frames is not None, _WITH_REPLAY, "--frames"),
        (settings.gradient_steps != 1, _WITH_REPLAY, "--gradient-steps"),
    ):
        if asked and algorithm not in algorithms:
            raise SettingsError(
                f"{settings.arm} with --algorithm {algorithm}: {what} goes with "
                f"{' and '.join(algorithms)} alone; leave it out"
                + (", as the arm plain does" if what.startswith("hindsight") else "")
            )
    if settings.on_policy and not 1 < agent.batch_size <= settings.starts:
        raise SettingsError(
            f"PPO learns from {settings.starts} steps at a time, in batches of "
            f"{agent.batch_size}; give --batch-size at least 2 and at most --learning-starts"
        )
    if settings.on_policy and settings.starts % settings.n_envs:
        raise SettingsError(
            f"--learning-starts {settings.starts} does not divide by --n-envs {settings.n_envs}"
        )


def _check_own(settings: RunSettings) -> None:
    """Refuse what an environment of a user's own, or an arm in it, cannot be asked for."""
    name, agent = settings.environment.id, settings.agent
    if not is_own(name):
        return
    from goalscope.training.envs.own import gives_costs, shown_by

    shown = shown_by(name)
    if settings.environment != settings.observed:
        raise SettingsError(
            f"{settings.arm} changes what goalscope's own tasks show, and {name} shows what it "
            "shows; choose an arm that changes the agent alone"
        )
    if not settings.on_policy and not shown.bounded:
        raise SettingsError(
            f"{name} has actions that are no bounded Box, and {settings.algorithm} draws such; use "
            "--algorithm ppo, or wrap it"
        )
    if agent.her and not (shown.goals and shown.rewards):
        raise SettingsError(
            f"{settings.arm} relabels goals in hindsight, for which {name} needs achieved_goal, "
            "desired_goal and compute_reward; use the arm plain"
        )
    if agent.her and shown.task.episode_steps is None:
        raise SettingsError(
            f"{settings.arm} relabels whole episodes, and how long those of {name} are is not "
            "known; wrap it in gymnasium's TimeLimit, or declare episode_steps in its goal_task"
        )
    if agent.image_gain == "fix" and "pixels" not in shown.images:
        raise SettingsError(
            f"{settings.arm} measures its gain on an image called pixels, and {name} shows "
            f"{', '.join(shown.images) or 'none'}; rename it, or leave the gain out"
        )
    if agent.target_clip and not gives_costs(name):
        raise SettingsError(
            f"{settings.arm}: target-clip knows rewards from -1 to 0, and {name} gives others; "
            "leave it out"
        )
    if settings.shared_frames and not shown.keeps:
        raise SettingsError(
            f"{settings.arm} stores each frame once, and goes on only with an environment that "
            f"keeps its state; give {name} get_state and set_state, or leave drq, --fast and "
            "--frames out"
        )
