"""One run: an arm and a seed, trained with stock SB3 and watched by every instrument."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch
from stable_baselines3 import SAC, HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.torch_layers import CombinedExtractor

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.callbacks import FEATURES_EVERY, GRADIENTS_EVERY, SENSITIVITY_EVERY
from goalscope.diagnostics.probe_set import ProbeSet, gather_probe_set, load_probe_set
from goalscope.diagnostics.record import refuse_existing_run
from goalscope.training.arms import AgentSettings, find_arm
from goalscope.training.environments import EnvironmentSettings, make_environment
from goalscope.training.extractors import NormalizedCombinedExtractor
from goalscope.training.rendering import renderer_name

PROBE_SEED = 20_000_003  # of no training environment: every arm and seed gathers the same states
_EXTRACTORS = {"combined": CombinedExtractor, "normalized": NormalizedCombinedExtractor}


class SettingsError(Exception):
    """Settings that cannot be run; the message is one line and names the remedy."""


@dataclass(frozen=True)
class Cadence:
    """How often each instrument measures, in updates; every update costs the most.

    Attributes:
        features: feature statistics and forward signal.
        gradients: gradient balance.
        sensitivity: goal sensitivity.
    """

    features: int = FEATURES_EVERY
    gradients: int = GRADIENTS_EVERY
    sensitivity: int = SENSITIVITY_EVERY


@dataclass(frozen=True)
class RunSettings:
    """Everything that makes a run.

    Attributes:
        arm: name of the arm.
        out: a new folder for the run.
        total_steps: environment transitions, summed over environments.
        seed: of the agent and of the training environments.
        environment: what is observed.
        agent: None takes the arm's own.
        n_envs: environments side by side.
        gradient_steps: updates per vectorised step: 8 environments and 1 are one update in 8 steps.
        batch_size: transitions per update.
        buffer_size: transitions kept; None keeps all, up to the plan's million.
        learning_starts: steps before the first update; None is 100 per environment, two episodes.
        cadence: how often each instrument measures.
        probe_set: a probe set gathered before; None gathers it, the same for all arms and seeds.
        threads: torch's threads; None leaves torch's default.
        device: torch's device.
    """

    arm: str
    out: Path
    total_steps: int
    seed: int = 0
    environment: EnvironmentSettings = field(default_factory=EnvironmentSettings)
    agent: AgentSettings | None = None
    n_envs: int = 1
    gradient_steps: int = 1
    batch_size: int = 256
    buffer_size: int | None = None
    learning_starts: int | None = None
    cadence: Cadence = field(default_factory=Cadence)
    probe_set: Path | None = None
    threads: int | None = None
    device: str = "auto"

    @property
    def starts(self) -> int:
        """Steps before the first update."""
        return 100 * self.n_envs if self.learning_starts is None else self.learning_starts

    @property
    def updates(self) -> int:
        """Updates the run will make, about."""
        return (self.total_steps - self.starts) // self.n_envs * self.gradient_steps


def train(settings: RunSettings, *, progress: bool = False) -> Path:
    """Train a run, watched, and return its folder.

    Args:
        settings: what to run.
        progress: draw SB3's progress bar.

    Raises:
        UnknownArm, UnusableEnvironment, RecordError, SettingsError: before anything is written.
    """
    arm = find_arm(settings.arm)
    settings = replace(settings, agent=settings.agent or arm.agent)
    _check(settings)
    refuse_existing_run(settings.out)
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    probe_set = _probe_set(settings)
    model = build_agent(settings)
    try:
        diagnostics = ModalityDiagnostics(
            settings.out,
            features_every=settings.cadence.features,
            gradients_every=settings.cadence.gradients,
            sensitivity_every=settings.cadence.sensitivity,
            probe_set=probe_set,
            settings=_run_settings(settings),
            arm=arm.name,
        )
        model.learn(settings.total_steps, callback=diagnostics, progress_bar=progress)
    finally:
        env = model.get_env()
        if env is not None:
            env.close()
    return settings.out


def build_agent(settings: RunSettings) -> SAC:
    """Return an untrained SAC + HER agent with its own training environments."""
    agent = settings.agent or find_arm(settings.arm).agent
    env = make_vec_env(
        lambda: make_environment(settings.environment), n_envs=settings.n_envs, seed=settings.seed
    )
    buffer_size = settings.buffer_size or min(settings.total_steps, 1_000_000)
    return SAC(
        "MultiInputPolicy",
        env,
        learning_rate=agent.learning_rate,
        buffer_size=max(buffer_size, settings.n_envs),
        learning_starts=settings.starts,
        batch_size=settings.batch_size,
        gradient_steps=settings.gradient_steps,
        replay_buffer_class=HerReplayBuffer,
        replay_buffer_kwargs={"n_sampled_goal": 4, "goal_selection_strategy": "future"},
        policy_kwargs={
            "features_extractor_class": _EXTRACTORS[agent.extractor],
            "features_extractor_kwargs": {"cnn_output_dim": agent.cnn_dim},
        },
        seed=settings.seed,
        device=settings.device,
    )


def make_probe_set(environment: EnvironmentSettings) -> ProbeSet:
    """Return the probe set of an environment, from an instance of its own and its own seed."""
    env: gym.Env[Any, Any] = make_environment(environment)
    try:
        return gather_probe_set(env, PROBE_SEED)
    finally:
        env.close()


def _probe_set(settings: RunSettings) -> ProbeSet:
    if settings.probe_set is not None:
        return load_probe_set(settings.probe_set)
    return make_probe_set(settings.environment)


def _run_settings(settings: RunSettings) -> dict[str, Any]:
    environment = {f"env.{key}": value for key, value in asdict(settings.environment).items()}
    return {
        **environment,
        "env.renderer": renderer_name(),
        "run.total_steps": settings.total_steps,
    }


def _check(settings: RunSettings) -> None:
    for name in ("total_steps", "n_envs", "gradient_steps", "batch_size"):
        if getattr(settings, name) < 1:
            raise SettingsError(f"--{name.replace('_', '-')} must be at least 1")
    cadence = settings.cadence
    if min(cadence.features, cadence.gradients, cadence.sensitivity) < 1:
        raise SettingsError("a cadence must be at least 1 update")
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
