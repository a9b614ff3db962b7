"""The flags of a run, shared by the commands that make runs."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.runs.arms import find_arm
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings


@dataclass(frozen=True, kw_only=True)
class EnvironmentOptions:
    """Flags that say what is observed."""

    env: str = "FetchPush-v4"
    """The Fetch task."""

    image_size: int = 84
    """Height and width of the image in pixels, rendered directly at that size."""

    camera: str | None = None
    """Camera of the model, or close; the environment's own view if left out."""

    proprioception: bool = False
    """Also observe the gripper's own position and velocity, never the object."""

    frame_stack: int = 1
    """Number of frames stacked; pixels only."""

    def environment(self) -> EnvironmentSettings:
        """Return the settings of the environment."""
        return EnvironmentSettings(
            id=self.env,
            image_size=self.image_size,
            camera=self.camera,
            proprioception=self.proprioception,
            frame_stack=self.frame_stack,
        )


@dataclass(frozen=True, kw_only=True)
class RunOptions(EnvironmentOptions):
    """Flags that say how a run is made."""

    total_steps: int = 10_000
    """Environment transitions, summed over environments."""

    norm: bool = False
    """Add the plan's fix to the arm: LayerNorm + Tanh, 50 image features, learning rate 1e-4."""

    drq: bool = False
    """Add DrQ's random shift to the arm."""

    critic_encoder: bool = False
    """Add DrQ-v2's routing to the arm: one encoder, trained by the critic's loss."""

    lr: float | None = None
    """Learning rate; the arm's own if left out."""

    cnn_dim: int | None = None
    """Number of image features; the arm's own if left out."""

    n_envs: int = 1
    """Environments side by side."""

    gradient_steps: int = 1
    """Updates per vectorised step: 8 environments and 1 make one update in 8 steps."""

    batch_size: int = 256
    """Transitions per update."""

    buffer_size: int | None = None
    """Transitions kept; all of the run, up to a million, if left out."""

    learning_starts: int | None = None
    """Steps before the first update; 100 per environment if left out."""

    gamma: float = 0.99
    """Discount per step."""

    tau: float = 0.005
    """Step of the target critic towards the critic per update."""

    ent_coef: str = "auto"
    """Entropy coefficient: auto is learnt from 1, auto_0.1 from 0.1, a number stays."""

    net_arch: tuple[int, ...] = (256, 256)
    """Units of each hidden layer behind the fused features."""

    fast: bool = False
    """All that is only faster: frames stored once, lean updates, environments in processes."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the encoders' passes under --fast."""

    frames: Literal["memory", "disk"] | None = None
    """Where replay keeps frames; chosen by what is free if left out."""

    every: Annotated[Cadence, tyro.conf.arg(name="every")] = field(default_factory=Cadence)
    """Updates between measurements of each instrument; 1 measures every update."""

    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    """When success is evaluated."""

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

    def settings(self, arm: str, out: Path, seed: int) -> RunSettings:
        """Return the settings of one run.

        Raises:
            UnknownArm: there is no such arm.
        """
        parts = [
            name
            for name, wanted in (
                ("drq", self.drq),
                ("norm", self.norm),
                ("critic-encoder", self.critic_encoder),
            )
            if wanted and name not in find_arm(arm).changes
        ]
        arm = "+".join([arm, *parts])
        agent = find_arm(arm).agent
        agent = replace(
            agent,
            learning_rate=agent.learning_rate if self.lr is None else self.lr,
            cnn_dim=agent.cnn_dim if self.cnn_dim is None else self.cnn_dim,
        )
        return RunSettings(
            arm=arm,
            out=out,
            total_steps=self.total_steps,
            seed=seed,
            environment=self.environment(),
            agent=agent,
            n_envs=self.n_envs,
            gradient_steps=self.gradient_steps,
            batch_size=self.batch_size,
            buffer_size=self.buffer_size,
            learning_starts=self.learning_starts,
            gamma=self.gamma,
            tau=self.tau,
            ent_coef=self.ent_coef,
            net_arch=self.net_arch,
            fast=self.fast,
            precision=self.precision,
            frames=self.frames,
            cadence=self.every,
            evaluation=self.evaluation,
            checkpoint_every=self.checkpoint_every,
            save_buffer=self.save_buffer,
            probe_set=self.probe_set,
            threads=self.threads,
            device=self.device,
            software_rendering=self.software_rendering,
        )
