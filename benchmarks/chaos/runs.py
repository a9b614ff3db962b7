"""Small runs for things to go wrong in."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from safetensors.torch import load_file

from goalscope.diagnostics.record import RunRecord, read_run
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.runs.checkpoint.folder import list_checkpoints
from goalscope.training.runs.checkpoint.names import POLICY
from goalscope.training.runs.run import make_probe_set
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings

STARTS = 50  # steps before the first update
# Parts of the keys of what looks back at what is not saved: earlier gradients, weights of
# one measurement ago, the last steps.
BEGINS_ANEW = (
    "direction",
    ".travel",
    ".motion",
    "differs",
    "input_offset",
    "own_fraction",
    "still",
    "lateness",
)


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


def differences(here: Path, there: Path) -> list[str]:
    """Return in what two runs differ that should be the same; empty where in nothing."""
    one, other = read_run(here), read_run(there)
    saved, kept = list_checkpoints(here), list_checkpoints(there)
    weights, others = (load_file(found[-1].folder / POLICY) for found in (saved, kept))
    same = {
        "measurements": _remembered(one) == _remembered(other),
        "settings": one.info.settings == other.info.settings,
        "probe set": one.info.probe_set == other.info.probe_set,
        "checkpoints": [(c.step, c.resumable) for c in saved]
        == [(c.step, c.resumable) for c in kept],
        "weights": all(bool((others[key] == value).all()) for key, value in weights.items()),
    }
    return [what for what, is_so in same.items() if not is_so]


def _remembered(run: RunRecord) -> list[tuple[int, int, str, float]]:
    """Return what was measured when, but for what begins anew where a run goes on."""
    return [
        (line.step, line.update, key, value)
        for line in run.measurements
        for key, value in line.values.items()
        if not any(part in key for part in BEGINS_ANEW)
    ]
