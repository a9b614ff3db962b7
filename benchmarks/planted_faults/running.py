"""One run with its faults in it, watched by the instruments as a user's run would be."""

import json
import shutil
import time
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from benchmarks.planted_faults.agent import Agent, make_agent, make_wrapped
from benchmarks.planted_faults.fault import Wrapper
from benchmarks.planted_faults.faults import Planting
from benchmarks.planted_faults.grounds import GROUNDS, STARTS, GroundName
from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.material.labelled_set import gather_labelled_set
from goalscope.diagnostics.material.probe_set import ProbeSet, gather_probe_set
from goalscope.diagnostics.offline_probes import ProbeMaterial, probe_agent
from goalscope.diagnostics.record import Line, write_json_atomically, write_probes
from goalscope.probes import LabelledSet
from goalscope.training.envs.tasks import task_of
from goalscope.training.envs.visibility import goal_units_per_pixel
from goalscope.training.probing.checkpoints import LABELLED_SEED, shift_values, shifted

OUTCOME_FILE = "outcome.json"  # ours; a report does not know of it


@dataclass(frozen=True)
class PlannedRun:
    """A run that is to be made.

    Attributes:
        planted: the faults in it, and what they are planted in.
        seed: of the agent and of its environment.
        updates: how many it makes.
        folder: of its record.
    """

    planted: Planting
    seed: int
    updates: int
    folder: Path

    @property
    def name(self) -> str:
        """What it is called: its faults, what they are planted in, and its seed."""
        return f"{self.planted.name}-{self.planted.ground_name}-seed{self.seed}"


@dataclass(frozen=True)
class Outcome:
    """How a run went.

    Attributes:
        updates: how many it was to make.
        wall_seconds: from the making of the agent to the end of its probes.
        processor_seconds: of the same.
        ended: "finished", or the error that ended it, as it would have ended a user's run.
    """

    updates: int
    wall_seconds: float
    processor_seconds: float
    ended: str


def read_outcome(run: PlannedRun) -> Outcome | None:
    """Return how the run went; None where it has not been made to its end, or was another."""
    try:
        found = Outcome(**json.loads((run.folder / OUTCOME_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.updates == run.updates else None


def make_run(run: PlannedRun) -> Outcome:
    """Make a run in this process, whatever is left of an earlier attempt, and say how it went."""
    torch.set_num_threads(1)
    shutil.rmtree(run.folder, ignore_errors=True)
    wall, processor = time.perf_counter(), time.process_time()
    planted = run.planted
    model = make_agent(planted, run.seed, STARTS + run.updates)
    try:
        probe_set = _probe_set(planted.ground_name, planted.wrappers)
        ended = _learn(run, model, probe_set)
        probed = planted.ground.probed or planted.random_shift is not None
        if probed and ended == "finished":
            _probe(run, model, probe_set)
    finally:
        environment = model.get_env()
        assert environment is not None  # it was made with one
        environment.close()
    outcome = Outcome(
        run.updates,
        round(time.perf_counter() - wall, 1),
        round(time.process_time() - processor, 1),
        ended,
    )
    write_json_atomically(run.folder / OUTCOME_FILE, vars(outcome))
    return outcome


def _learn(run: PlannedRun, model: Agent, probe_set: ProbeSet) -> str:
    """Train, and return how it ended."""
    environment = run.planted.ground.environment
    diagnostics = ModalityDiagnostics(
        run.folder,
        features_every=20,
        gradients_every=20,
        sensitivity_every=40,
        probe_set=probe_set,
        settings={"env.id": environment.id, "env.image_size": environment.image_size},
    )
    try:
        model.learn(STARTS + run.updates, callback=diagnostics)
    except ValueError as error:
        if all(bool(parameter.isfinite().all()) for parameter in model.policy.parameters()):
            raise
        # torch refuses a normal distribution around NaN: so ends a user's run, too.
        return " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return "finished"


def _probe(run: PlannedRun, model: Agent, probe_set: ProbeSet) -> None:
    """Write what the offline probes find of the trained agent into its record."""
    ground, shift = run.planted.ground_name, run.planted.random_shift
    augment = None if shift is None else shifted(shift)
    labelled, extra = _labelled_set(ground, run.planted.wrappers)
    task = task_of(GROUNDS[ground].environment.id)
    material = ProbeMaterial(probe_set, labelled, extra, task, augment, augmented=shift is not None)
    found = probe_agent(model.policy, material)
    values = found.values | shift_values(task, _goal_units_per_pixel(ground), shift or 0)
    line = Line(model.num_timesteps, model._n_updates, values)
    write_probes(run.folder, [line], {line.step: found.arrays})


# A user gathers both from what the agent trains in, faults and all; runs that observe alike share.


@cache
def _probe_set(ground: GroundName, wrappers: tuple[Wrapper, ...]) -> ProbeSet:
    with closing(make_wrapped(GROUNDS[ground], wrappers)) as env:
        return gather_probe_set(env)


@cache
def _labelled_set(
    ground: GroundName, wrappers: tuple[Wrapper, ...]
) -> tuple[LabelledSet, dict[str, np.ndarray]]:
    with closing(make_wrapped(GROUNDS[ground], wrappers)) as env:
        return gather_labelled_set(env, LABELLED_SEED)


@cache
def _goal_units_per_pixel(ground: GroundName) -> float:
    with closing(make_wrapped(GROUNDS[ground], ())) as env:
        return goal_units_per_pixel(env)
