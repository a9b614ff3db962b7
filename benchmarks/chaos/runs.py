"""Small runs for things to go wrong in."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.runs.run import make_probe_set
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings

STARTS = 50  # steps before the first update


def small_run(out: Path, **changes: Any) -> RunSettings:
    """Return the settings of a run that takes seconds, and whose checkpoints are small."""
    settings = RunSettings(
        arm="pixel-her",
        out=out,
        total_steps=80,
        learning_starts=STARTS,
        batch_size=8,
        env="PixelPoint-v0",
        image_size=36,
        cnn_dim=16,
        net_arch=(8,),
        every=Cadence(sensitivity=1_000),
        evaluation=EvaluationSettings(every=0),
        checkpoint_every=20,
        threads=1,
        device="cpu",
        probe_set=probe_set(),
    )
    return replace(settings, **changes)


@cache
def probe_set() -> Path:
    """Return the file of a probe set, gathered once: it takes longer than the runs."""
    path = Path(mkdtemp()) / "probe_set.safetensors"
    make_probe_set(EnvironmentSettings(id="PixelPoint-v0", image_size=36)).save(path)
    return path
