"""Everything that makes a run, and the check that it can be run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from goalscope.diagnostics.updates.schedule import (
    FEATURES_EVERY,
    GRADIENTS_EVERY,
    SENSITIVITY_EVERY,
)
from goalscope.errors import UserError
from goalscope.training.agents.settings import AgentSettings
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.runs.arms import find_arm

MOST_TRANSITIONS = 1_000_000  # the plan's buffer
_NOT_OF_THE_RUN = ("out", "total_steps", "probe_set", "threads", "software_rendering", "evaluation")

FAST = (
    "SharedFrameHerReplayBuffer: each frame stored once, rewards of relabelled goals in-process",
    "LeanSAC: SAC's updates without the passes that nothing uses",
    "environments in processes of their own, each with its own renderer (several environments)",
)


class SettingsError(UserError):
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
class EvaluationSettings:
    """When success is evaluated, in an environment of its own.

    Attributes:
        every: steps between evaluations; None is a twentieth of the run, 0 never.
        episodes: of each evaluation.
    """

    every: int | None = None
    episodes: int = 20


@dataclass(frozen=True)
class RunSettings:
    """Everything that makes a run.

    Attributes:
        arm: name of the arm.
        out: the run's folder: a new one, or that of the same run, which is then gone on with.
        total_steps: environment transitions, summed over environments.
        seed: of the agent and of the training environments.
        environment: what is observed, before what the arm changes in it.
        agent: None takes the arm's own.
        n_envs: environments side by side.
        gradient_steps: updates per vectorised step: 8 environments and 1 are one update in 8 steps.
        batch_size: transitions per update.
        buffer_size: transitions kept; None keeps all, up to the plan's million.
        learning_starts: steps before the first update; None is 100 per environment, two episodes.
        gamma: discount per step, 0 to 1.
        tau: step of the target critic towards the critic per update, 0 to 1.
        ent_coef: SAC's entropy coefficient as SB3 takes it: "auto" learns it from 1, "auto_0.1"
            from 0.1, a number keeps it.
        net_arch: units of each hidden layer behind the fused features, actor and critics alike.
        fast: all that is only faster, listed in `FAST`.
        precision: of the networks' passes in `LeanSAC`.
        frames: where replay keeps frames; None is memory where they take at most 60 % of what is
            free, else disk.
        cadence: how often each instrument measures.
        evaluation: when success is evaluated.
        checkpoint_every: steps between the checkpoints that are kept; None is a fortieth of the
            run. In between the state is saved every ten minutes.
        save_buffer: keep the replay buffer in checkpoints.
        probe_set: a probe set gathered before; None gathers it, the same for all arms and seeds.
        threads: torch's threads; None leaves torch's default.
        device: torch's device.
        software_rendering: draw on the processor even where there is a GPU.
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
    gamma: float = 0.99
    tau: float = 0.005
    ent_coef: str = "auto"
    net_arch: tuple[int, ...] = (256, 256)
    fast: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"
    frames: Literal["memory", "disk"] | None = None
    cadence: Cadence = field(default_factory=Cadence)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    checkpoint_every: int | None = None
    save_buffer: bool = True
    probe_set: Path | None = None
    threads: int | None = None
    device: str = "auto"
    software_rendering: bool = False

    @property
    def starts(self) -> int:
        """Steps before the first update."""
        return 100 * self.n_envs if self.learning_starts is None else self.learning_starts

    @property
    def entropy_coefficient(self) -> float | str:
        """SAC's entropy coefficient as SB3's constructor takes it."""
        return self.ent_coef if self.ent_coef.startswith("auto") else float(self.ent_coef)

    @property
    def updates(self) -> int:
        """Updates the run will make, about."""
        return (self.total_steps - self.starts) // self.n_envs * self.gradient_steps

    @property
    def transitions(self) -> int:
        """Transitions that replay keeps."""
        return self.buffer_size or max(min(self.total_steps, MOST_TRANSITIONS), self.n_envs)

    @property
    def checkpoint_steps(self) -> int:
        """Steps between the checkpoints that are kept."""
        return self.checkpoint_every or max(1_000, self.total_steps // 40)

    @property
    def evaluation_steps(self) -> int:
        """Steps between evaluations; 0 is never."""
        every = self.evaluation.every
        return max(1_000, self.total_steps // 20) if every is None else every

    @property
    def shared_frames(self) -> bool:
        """Whether replay stores each frame once; DrQ's shift is an option of that replay."""
        agent = self.resolved_agent
        wanted = self.fast or agent.random_shift is not None or self.frames is not None
        return wanted and agent.her and self.resolved_environment.pixels

    @property
    def frame_stack(self) -> int:
        """Frames of a stack that moves on by one with each step; shuffled images do not."""
        environment = self.resolved_environment
        return 1 if environment.shuffled_pixels else environment.frame_stack

    @property
    def spare_rows(self) -> int:
        """Rows of replay on disk that may be written between two checkpoints."""
        return -(-self.checkpoint_steps // self.n_envs) + 1

    @property
    def resolved_agent(self) -> AgentSettings:
        """The agent's settings, the arm's own where none were given."""
        return self.agent or find_arm(self.arm).agent

    @property
    def resolved_environment(self) -> EnvironmentSettings:
        """The environment's settings under the arm."""
        return find_arm(self.arm).environment(self.environment)

    def configuration(self) -> dict[str, Any]:
        """Return what must be the same for a checkpoint to be gone on with, flat JSON values."""
        resolved = replace(
            self,
            agent=self.resolved_agent,
            buffer_size=self.transitions,
            checkpoint_every=self.checkpoint_steps,
        )
        flat: dict[str, Any] = {}
        for name, value in asdict(resolved).items():
            if name == "environment":
                value = asdict(self.resolved_environment)
            if name in _NOT_OF_THE_RUN:
                continue
            if isinstance(value, dict):
                flat |= {f"{name}.{key}": part for key, part in value.items()}
            else:
                flat[name] = value
        return flat


def settings_of(configuration: Mapping[str, Any], out: Path) -> RunSettings:
    """Return the settings that a checkpoint's configuration describes; `out` is its run's folder.

    Raises:
        KeyError, TypeError: it is of another version of goalscope.
    """
    flat = {"total_steps": 1, **configuration}
    nested: dict[str, dict[str, Any]] = {"environment": {}, "agent": {}, "cadence": {}}
    plain: dict[str, Any] = {}
    for name, value in flat.items():
        group, _, part = name.partition(".")
        if part:
            nested[group][part] = value
        else:
            plain[name] = tuple(value) if isinstance(value, list) else value
    return RunSettings(
        out=out,
        environment=EnvironmentSettings(**nested["environment"]),
        agent=AgentSettings(**nested["agent"]),
        cadence=Cadence(**nested["cadence"]),
        **plain,
    )


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
