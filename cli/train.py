"""`goalscope train`: one run of an arm."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro

from goalscope.training.arms import find_arm
from goalscope.training.environments import EnvironmentSettings
from goalscope.training.run import Cadence, RunSettings, train


@dataclass(frozen=True)
class Train:
    """Train one run of an arm with SB3's SAC + HER, and record what its updates show.

    For example: goalscope train pixel-her --env FetchPush-v4 --total-steps 2000 --out runs/a
    """

    arm: tyro.conf.Positional[str]
    """Name of the arm, such as pixel-her or pixel-her-norm."""

    out: Path
    """A new folder for the run; one that holds a run already is refused."""

    env: str = "FetchPush-v4"
    """The Fetch task."""

    total_steps: int = 10_000
    """Environment transitions, summed over environments."""

    seed: int = 0
    """Seed of the agent and of its environments."""

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

    image_size: int = 84
    """Height and width of the image in pixels, rendered directly at that size."""

    camera: str | None = None
    """Camera of the model; the environment's own view if left out."""

    proprioception: bool = False
    """Also observe the gripper's own position and velocity, never the object."""

    frame_stack: int = 1
    """Number of frames stacked; pixels only."""

    every: Annotated[Cadence, tyro.conf.arg(name="every")] = field(default_factory=Cadence)
    """Updates between measurements of each instrument; 1 measures every update."""

    probe_set: Path | None = None
    """A probe set gathered before; gathered anew, the same for every arm and seed, if left out."""

    threads: int | None = None
    """Threads of torch; pin them when runs share cores."""

    device: str = "auto"
    """Torch device."""

    def run(self) -> int:
        """Train, and say how to read the result."""
        agent = find_arm(self.arm).agent
        agent = replace(
            agent,
            learning_rate=agent.learning_rate if self.lr is None else self.lr,
            cnn_dim=agent.cnn_dim if self.cnn_dim is None else self.cnn_dim,
        )
        folder = train(
            RunSettings(
                arm=self.arm,
                out=self.out,
                total_steps=self.total_steps,
                seed=self.seed,
                environment=EnvironmentSettings(
                    id=self.env,
                    image_size=self.image_size,
                    camera=self.camera,
                    proprioception=self.proprioception,
                    frame_stack=self.frame_stack,
                ),
                agent=agent,
                n_envs=self.n_envs,
                gradient_steps=self.gradient_steps,
                batch_size=self.batch_size,
                buffer_size=self.buffer_size,
                learning_starts=self.learning_starts,
                cadence=self.every,
                probe_set=self.probe_set,
                threads=self.threads,
                device=self.device,
            ),
            progress=True,
        )
        print(f"Recorded in {folder}. Read it with: goalscope report {folder}")
        return 0
