"""Everything that makes a run: the one description that flags, plan files and code share."""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

from goalscope.diagnostics.updates.schedule import (
    FEATURES_EVERY,
    GRADIENTS_EVERY,
    SENSITIVITY_EVERY,
)
from goalscope.errors import UserError
from goalscope.training.agents.settings import AgentSettings, HindsightGoals
from goalscope.training.envs.settings import EnvironmentSettings, ObservationSettings
from goalscope.training.runs.arms import find_arm

AlgorithmName = Literal["sac", "td3", "tqc", "ppo"]
MOST_TRANSITIONS = 1_000_000  # the plan's buffer
PPO_ROLLOUT, PPO_EPOCHS = 2048, 10  # SB3's own
IN_THE_AGENT = {  # setting -> of `AgentSettings`
    "lr": "learning_rate",
    **{
        name: name
        for name in (
            "cnn_dim",
            "batch_size",
            "gamma",
            "tau",
            "ent_coef",
            "n_sampled_goal",
            "hindsight_goals",
        )
    },
}
IN_THE_ENVIRONMENT = {  # setting -> field of `EnvironmentSettings`
    f.name: "id" if f.name == "env" else f.name for f in fields(ObservationSettings)
}

FAST = (
    "SharedFrameHerReplayBuffer: each frame stored once, rewards of relabelled goals in-process",
    "LeanSAC: SAC's updates without the passes that nothing uses",
    "environments in processes of their own, each with its own renderer (several environments)",
)


class SettingsError(UserError):
    """Settings that cannot be run; the message is one line and names the remedy."""


@dataclass(frozen=True)
class Cadence:
    """Updates between measurements of each instrument; 1 measures every update."""

    features: int = FEATURES_EVERY
    """Feature statistics and forward signal."""

    gradients: int = GRADIENTS_EVERY
    """Gradient balance."""

    sensitivity: int = SENSITIVITY_EVERY
    """Goal sensitivity."""


@dataclass(frozen=True)
class EvaluationSettings:
    """When success is evaluated, in an environment of its own."""

    every: int | None = None
    """Steps between evaluations, 0 for never; a twentieth of the run if left out."""

    episodes: int = 20
    """Episodes of each evaluation."""


@dataclass(frozen=True, kw_only=True)
class StudySettings(ObservationSettings):
    """What every run of a study shares."""

    algorithm: AlgorithmName = "sac"
    """What trains: SB3's SAC, TD3 or PPO, or TQC of sb3-contrib. PPO learns from its newest steps
    alone: it has no replay, and goes with an arm without hindsight, such as plain."""

    total_steps: int = 10_000
    """Environment transitions, summed over environments."""

    lr: float | None = None
    """Learning rate; the arm's own if left out."""

    cnn_dim: int | None = None
    """Number of image features; the arm's own if left out."""

    n_envs: int = 1
    """Environments side by side."""

    gradient_steps: int = 1
    """Updates per vectorised step: 8 environments and 1 make one update in 8 steps."""

    batch_size: int | None = None
    """Transitions per update; the arm's own, 256 as a rule, if left out."""

    buffer_size: int | None = None
    """Transitions kept; all of the run, up to a million, if left out."""

    learning_starts: int | None = None
    """Steps before the first update, 100 per environment if left out; of PPO before every round of
    updates, 2,048 per environment if left out."""

    gamma: float | None = None
    """Discount per step; the arm's own, 0.99 as a rule, if left out."""

    tau: float | None = None
    """Step of the target critic towards the critic per update; the arm's own, 0.005 as a rule."""

    ent_coef: str | None = None
    """Entropy coefficient: auto is learnt from 1, auto_0.1 from 0.1, a number stays; the arm's own,
    auto as a rule, if left out."""

    n_sampled_goal: int | None = None
    """Relabelled transitions for each real one; the arm's own, 4 as a rule, if left out."""

    hindsight_goals: HindsightGoals | None = None
    """Where relabelled goals come from; the arm's own, future as a rule, if left out."""

    net_arch: tuple[int, ...] = (256, 256)
    """Units of each hidden layer behind the fused features, actor and critics alike."""

    fast: bool = False
    """All that is only faster: frames stored once, lean updates, environments in processes."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the encoders' passes under --fast."""

    frames: Literal["memory", "disk"] | None = None
    """Where replay keeps frames; chosen by what is free if left out."""

    every: Cadence = field(default_factory=Cadence)

    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    checkpoint_every: int | None = None
    """Steps between kept checkpoints; a fortieth of the run if left out."""

    save_buffer: bool = True
    """Keep replay in checkpoints; without it a run that goes on gathers replay anew."""

    probe_set: Path | None = None
    """A probe set gathered before; gathered anew, the same for every arm and seed, if left out."""

    threads: int | None = None
    """Threads of torch; pin them when runs share cores."""

    device: str = "auto"
    """Torch device."""

    software_rendering: bool = False
    """Draw on the processor even where there is a GPU."""

    def of_run(self, arm: str, out: Path, seed: int) -> "RunSettings":
        """Return the settings of one run of the study."""
        shared = {f.name: getattr(self, f.name) for f in fields(StudySettings)}
        return RunSettings(arm, out, seed, **shared)


@dataclass(frozen=True)
class RunSettings(StudySettings):
    """Everything that makes a run."""

    arm: str
    """Name of the arm, such as pixel-her-norm, or one composed: pixel-her+drq+stack4."""

    out: Path
    """Folder of the run: a new one, or that of the same run, which is then gone on with."""

    seed: int = 0
    """Seed of the agent and of its environments."""

    @property
    def agent(self) -> AgentSettings:
        """The agent's settings: the arm's, but for what was given beside it."""
        given = {name: getattr(self, setting) for setting, name in IN_THE_AGENT.items()}
        own = find_arm(self.arm).agent
        return replace(own, **{name: v for name, v in given.items() if v is not None})

    @property
    def environment(self) -> EnvironmentSettings:
        """The environment's settings under the arm."""
        return find_arm(self.arm).environment(self.observed)

    @property
    def starts(self) -> int:
        """Steps before the first update; of PPO also of every rollout that follows."""
        each = PPO_ROLLOUT if self.on_policy else 100
        return each * self.n_envs if self.learning_starts is None else self.learning_starts

    @property
    def on_policy(self) -> bool:
        """Whether it learns from its newest steps alone, without replay."""
        return self.algorithm == "ppo"

    @property
    def entropy_coefficient(self) -> float | str:
        """SAC's entropy coefficient as SB3's constructor takes it."""
        coefficient = self.agent.ent_coef
        return coefficient if coefficient.startswith("auto") else float(coefficient)

    @property
    def updates(self) -> int:
        """Updates the run will make, about."""
        if self.on_policy:
            rollouts = -(-self.total_steps // self.starts)
            return rollouts * PPO_EPOCHS * -(-self.starts // self.agent.batch_size)
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
        agent = self.agent
        wanted = self.fast or agent.random_shift is not None or self.frames is not None
        return wanted and agent.her and self.environment.pixels

    @property
    def keeps_features(self) -> bool:
        """Whether what a frozen encoder makes of replay is worked out once and kept in memory."""
        agent = self.agent
        return (
            self.fast and self.shared_frames and agent.encoder_frozen and agent.random_shift is None
        )

    @property
    def moving_stack(self) -> int:
        """Frames of a stack that moves on by one with each step; shuffled images do not."""
        environment = self.environment
        return 1 if environment.shuffled_pixels else environment.frame_stack

    @property
    def spare_rows(self) -> int:
        """Rows of replay on disk that may be written between two checkpoints."""
        return -(-self.checkpoint_steps // self.n_envs) + 1
