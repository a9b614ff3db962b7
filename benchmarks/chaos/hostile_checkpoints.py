"""Checkpoints that no run saved, gone on with: each is taken over, or refused in one line.

Each input is a whole checkpoint of a small run, one file of it changed and the digests made to
agree, so that what is in it is looked at. No traceback, no more than 5 seconds of a processor, no
more than 1 GiB beyond what is loaded, nothing read outside.
"""

import copy
import hashlib
import json
import tempfile
from pathlib import Path

from hypothesis import strategies as st
from safetensors.numpy import load

from benchmarks.chaos.hostile import Tally, in_batches, try_inputs
from benchmarks.chaos.mutations import mutated, mutated_arrays
from benchmarks.chaos.row import Row
from benchmarks.chaos.runs import probe_set, small_run
from goalscope.training.probing.checkpoints import settings_at
from goalscope.training.runs.agent import build_agent
from goalscope.training.runs.checkpoint.folder import (
    TENSORS,
    VALUES,
    list_checkpoints,
    load_checkpoint,
    read_checkpoint,
)
from goalscope.training.runs.checkpoint.names import DESCRIPTION, POLICY
from goalscope.training.runs.run import REPLAY_FOLDER, train

INPUTS = 4_000
_REPLAY = "resume/replay/replay.json"
_DIGESTED = (POLICY, TENSORS, VALUES)


class Trial:
    """A run with a checkpoint, and its agent, which is brought to it again and again.

    Args:
        out: folder of the run; made.
        fast: whether its replay keeps each frame once.
    """

    def __init__(self, out: Path, fast: bool) -> None:
        settings = small_run(out, fast=fast)
        train(settings)
        self.model = build_agent(settings, replay_folder=out / REPLAY_FOLDER)
        self.folder = list_checkpoints(out)[-1].folder
        self.tally = Tally()
        self.what = "a checkpoint gone on with" + (", each frame kept once" if fast else "")
        self._run = out
        self._empty = vars(self.model)["replay_buffer"]

    def ask(self, name: str, content: bytes) -> str | None:
        """Put a changed file into its place, load it all, and return what went wrong."""
        path, description = self.folder / name, self.folder / DESCRIPTION
        before = path.read_bytes(), description.read_bytes()
        path.write_bytes(content)
        if name in _DIGESTED:
            described = json.loads(before[1])
            described["sha256"][name] = hashlib.sha256(content).hexdigest()
            description.write_text(json.dumps(described))
        try:
            return self.tally.judge(self.what, self._load)
        finally:
            description.write_bytes(before[1])
            path.write_bytes(before[0])

    def _load(self) -> None:
        checkpoint = read_checkpoint(self.folder)
        settings_at(checkpoint, self._run)
        vars(self.model)["replay_buffer"] = copy.deepcopy(self._empty)
        load_checkpoint(checkpoint, self.model)


@st.composite
def inputs(draw: st.DrawFn, folder: Path) -> tuple[str, bytes]:
    """Return the name of a file of a checkpoint, and its changed content.

    Args:
        draw: of hypothesis.
        folder: of the checkpoint.
    """
    name = draw(st.sampled_from((DESCRIPTION, VALUES, VALUES, _REPLAY, _REPLAY, TENSORS, POLICY)))
    path = folder / name
    if path.suffix == ".json":
        return name, draw(mutated(path.read_text()))
    return name, draw(mutated_arrays(load(path.read_bytes())))


def batch(seed: int, deadline: float) -> Tally:
    """Return what came of a batch of inputs."""
    with tempfile.TemporaryDirectory() as place:
        trial = Trial(Path(place) / "run", fast=bool(seed % 2))
        assert trial.ask(_REPLAY, (trial.folder / _REPLAY).read_bytes()) is None
        assert trial.tally.kinds[trial.what]["used"]
        try_inputs(seed, deadline, inputs(trial.folder), lambda drawn: trial.ask(*drawn))
        return trial.tally


def trials(budget_s: float) -> list[Row]:
    """Return a row for each kind of replay, within a time."""
    probe_set()
    return in_batches(batch, budget_s, INPUTS).rows("the agent stands as the checkpoint says")
