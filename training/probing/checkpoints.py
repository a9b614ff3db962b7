"""Probing what was saved: the agent of each checkpoint, rebuilt and asked every offline probe."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor

from goalscope.diagnostics.material.labelled_set import gather_labelled_set
from goalscope.diagnostics.material.probe_set import ProbeSet, load_probe_set
from goalscope.diagnostics.material.wandering import ProbeSetError
from goalscope.diagnostics.offline_probes import Probed, ProbeMaterial, probe_agent
from goalscope.diagnostics.record import (
    PROBE_SET_FILE,
    PROBES_FILE,
    Line,
    Task,
    is_run,
    read_lines,
    write_probes,
)
from goalscope.diagnostics.record.keys import OFFLINE_FAMILIES, Family, parse
from goalscope.diagnostics.record.metrics import PIXEL_SPAN, SHIFT
from goalscope.probes import LabelledSet
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.tasks import task_of
from goalscope.training.envs.visibility import goal_units_per_pixel
from goalscope.training.replay.shift import random_shift
from goalscope.training.runs.agent import build_agent
from goalscope.training.runs.arms import UnknownArm
from goalscope.training.runs.checkpoint.folder import (
    Checkpoint,
    CheckpointError,
    list_checkpoints,
    read_checkpoint,
)
from goalscope.training.runs.checkpoint.names import FOLDER, POLICY
from goalscope.training.runs.configuration import settings_of
from goalscope.training.runs.settings import RunSettings

LABELLED_SEED = 50_000_017  # of no other environment
DRQ_SHIFT = 4  # pixels; what the plan would add
_SMALL_BUFFER = 1_000


def probe_run(
    folder: Path, only: Path | None = None, done: Callable[[Checkpoint], object] | None = None
) -> list[Line]:
    """Probe each checkpoint of a run and write what was found into its record.

    What was probed before, of the same weights, is kept; what is found is written checkpoint by
    checkpoint, so that an interrupted call goes on where it was.

    Args:
        folder: the run's folder.
        only: one checkpoint's folder; None takes all.
        done: called after each checkpoint.

    Returns:
        One line per checkpoint, by step.

    Raises:
        CheckpointError: no checkpoints, damaged ones, or ones of another agent or version.
        ProbeSetError: the arm observes no goals, or its probe set is missing.
    """
    wanted = checkpoints_of(folder) if only is None else [read_checkpoint(only)]
    observes_goals = settings_at(wanted[0], folder).environment.goals
    if not observes_goals or not (folder / PROBE_SET_FILE).exists():
        raise ProbeSetError(
            f"{folder} has no {PROBE_SET_FILE}, or observes no goals: these probes ask about them; "
            "probe an arm that observes its goals"
        )
    lines = lines_before(folder)
    model: BaseAlgorithm | None = None
    try:
        for checkpoint in wanted:
            before = found_before(lines, checkpoint)
            if all(parse(key).family == Family.ABLATION for key in before):
                settings = settings_at(checkpoint, folder)
                model = model or rebuilt(settings, folder)
                found = _probe(checkpoint, settings, model, folder)
                write_found(folder, checkpoint, {**found.values, **before}, found.arrays)
                lines = lines_before(folder)
            if done is not None:
                done(checkpoint)
    finally:
        if model is not None:
            env = model.get_env()
            assert env is not None
            env.close()
    return [lines[step] for step in sorted(lines)]


def run_of(path: Path) -> tuple[Path, Path | None]:
    """Return the run's folder, and the checkpoint within it that a path names (None: all).

    Raises:
        CheckpointError: it is neither a run nor a checkpoint of one.
    """
    if is_run(path):
        return path, None
    if path.resolve().parent.name == FOLDER and is_run(path.resolve().parent.parent):
        return path.resolve().parent.parent, path
    raise CheckpointError(
        f"{path} is neither a run nor a checkpoint of one; give the folder of a run, one of its "
        "checkpoints, a study's folder, or an SB3 .zip"
    )


def material_for(
    environment: EnvironmentSettings, probe_set: ProbeSet, shift: int | None
) -> ProbeMaterial:
    """Return what probes ask agents of an environment about.

    Args:
        environment: as the agent observes it.
        probe_set: states and goals.
        shift: DrQ's shift under which the agent trains, pixels; None for none.
    """
    labelled, extra, _ = _labelled(environment)
    augment = shifted(shift or DRQ_SHIFT)
    return ProbeMaterial(
        probe_set, labelled, extra, task_of(environment.id), augment, augmented=shift is not None
    )


def checkpoints_of(folder: Path) -> list[Checkpoint]:
    """Return the checkpoints of a run, oldest first, at least one.

    Raises:
        CheckpointError: there are none, or damaged ones.
    """
    found = list_checkpoints(folder)
    if not found:
        raise CheckpointError(
            f"{folder} holds no checkpoints to probe; train it with goalscope train, or give an "
            "SB3 .zip"
        )
    return found


def lines_before(folder: Path) -> dict[int, Line]:
    """Return step -> what was found of a run's checkpoints until now."""
    path = folder / PROBES_FILE
    return {line.step: line for line in read_lines(path)} if path.exists() else {}


def found_before(lines: Mapping[int, Line], checkpoint: Checkpoint) -> dict[str, float]:
    """Return record key -> value of what was found of the same weights before."""
    line = lines.get(checkpoint.step)
    same = line is not None and line.details.get("policy_sha256") == _digest(checkpoint)
    return dict(line.values) if line is not None and same else {}


def write_found(
    folder: Path,
    checkpoint: Checkpoint,
    values: Mapping[str, float],
    arrays: Mapping[str, np.ndarray] | None = None,
) -> Line:
    """Write what was found of a checkpoint into the run's record, and return its line.

    Args:
        folder: of the run.
        checkpoint: of it.
        values: record key -> value, all there are of the checkpoint.
        arrays: name -> what figures are drawn from; None leaves those there are.

    Raises:
        RecordError: it cannot be written.
    """
    details = {"policy_sha256": _digest(checkpoint)}
    line = Line(checkpoint.step, checkpoint.content["update"], dict(values), details=details)
    lines = lines_before(folder) | {line.step: line}
    kept = {} if arrays is None else {line.step: arrays}
    write_probes(folder, [lines[step] for step in sorted(lines)], kept)
    return line


def _digest(checkpoint: Checkpoint) -> str:
    return checkpoint.content["sha256"][POLICY]


def settings_at(checkpoint: Checkpoint, folder: Path) -> RunSettings:
    """Return the settings that a checkpoint was saved with.

    Raises:
        CheckpointError: it is of another version.
    """
    try:
        return settings_of(checkpoint.content["configuration"], folder)
    except (KeyError, TypeError, ValueError, UnknownArm) as error:
        raise CheckpointError(
            f"{checkpoint.folder} was saved by another version of goalscope ({error}); probe it "
            "with the version in its checkpoint.json"
        ) from error


def rebuilt(settings: RunSettings, folder: Path) -> BaseAlgorithm:
    """Return the run's agent, untrained, with one environment and next to no replay."""
    small = replace(
        settings, n_envs=1, buffer_size=_SMALL_BUFFER, fast=False, frames=None, device="cpu"
    )
    path = folder / PROBE_SET_FILE
    return build_agent(small, load_probe_set(path) if path.exists() else None)


def _probe(
    checkpoint: Checkpoint, settings: RunSettings, model: BaseAlgorithm, folder: Path
) -> Probed:
    load_weights(model, checkpoint)
    environment = settings.environment
    shift = settings.agent.random_shift
    probe_set = load_probe_set(folder / PROBE_SET_FILE)
    found = probe_agent(model.policy, material_for(environment, probe_set, shift))
    values = {k: v for k, v in found.values.items() if parse(k).family in OFFLINE_FAMILIES}
    span = _labelled(environment)[2]
    if span is not None:
        values |= shift_values(task_of(environment.id), span, shift or DRQ_SHIFT)
    return Probed(values, found.arrays)


def load_weights(model: BaseAlgorithm, checkpoint: Checkpoint) -> None:
    """Give an agent the weights of a checkpoint.

    Raises:
        CheckpointError: they are damaged, or of another agent.
    """
    path = checkpoint.folder / POLICY
    try:
        model.policy.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError, OSError) as error:
        cause = str(error).splitlines()[0]
        raise CheckpointError(
            f"{path} is damaged, or not of the agent and environment in its checkpoint.json "
            f"({cause}); probe another checkpoint"
        ) from error


@cache
def _labelled(
    environment: EnvironmentSettings,
) -> tuple[LabelledSet, dict[str, np.ndarray], float | None]:
    """Return labelled states of an environment, and how much a pixel spans, in goal units."""
    env = make_environment(environment)
    try:
        labelled, extra = gather_labelled_set(env, LABELLED_SEED)
        return labelled, extra, _span(env, environment)
    finally:
        env.close()


def _span(env: gym.Env[Any, Any], environment: EnvironmentSettings) -> float | None:
    told = environment.pixels and env.has_wrapper_attr("size_of_pixel")
    return goal_units_per_pixel(env) if told else None


def shift_values(task: Task, span: float, pixels: int) -> dict[str, float]:
    """Return what a shift of the image is in the world, as the record has it.

    Args:
        task: whose unit the numbers are shown in.
        span: of a pixel, in goal units (`goal_units_per_pixel`).
        pixels: of the shift, at most.
    """
    shown = task.shown(span)
    return {
        PIXEL_SPAN.key(unit=task.key_unit): shown,
        SHIFT.key(unit=task.key_unit): shown * pixels,
    }


def shifted(pixels: int) -> Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]:
    """Return DrQ's random shift by up to that many pixels, of every image of an observation."""

    def augment(observations: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return {
            key: random_shift(value, pixels) if value.ndim == 4 else value
            for key, value in observations.items()
        }

    return augment
