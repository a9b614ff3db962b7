"""Checkpoints: all that a run needs to go on, as safetensors and JSON; nothing is pickled."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NotRequired, TypedDict

from safetensors.torch import load_file, save_file
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor

from goalscope.diagnostics.provenance import software_versions
from goalscope.diagnostics.record import (
    Unusable,
    fit,
    last_update,
    read_document,
    write_json_atomically,
)
from goalscope.diagnostics.record.disk import disk_errors
from goalscope.diagnostics.record.documents import Count
from goalscope.diagnostics.resuming import WatchState
from goalscope.errors import EnvironmentLost, UserError
from goalscope.training.evaluation.episodes import EvaluationState
from goalscope.training.replay.any_buffer import load_buffer, write_buffer
from goalscope.training.runs.checkpoint.agent_state import (
    AgentValues,
    gather_state,
    restore_state,
)
from goalscope.training.runs.checkpoint.names import DESCRIPTION, FOLDER, POLICY, RESUME

SCHEMA_VERSION = 2
_DRAFT = ".draft-"  # begins the name of what is not whole yet, or no longer
TENSORS: Final = "resume/state.safetensors"
VALUES: Final = "resume/state.json"
REPLAY = f"{RESUME}/replay"


class CheckpointError(UserError):
    """A checkpoint cannot be gone on with; the message is one line and names the remedy."""


class CallbackStates(TypedDict):
    """What resume/state.json says of the callbacks."""

    diagnostics: WatchState
    evaluation: NotRequired[EvaluationState]  # where the run is evaluated


class _Values(AgentValues):
    """What resume/state.json says."""

    callbacks: CallbackStates


Digests = TypedDict(
    "Digests",
    {"policy.safetensors": str, "resume/state.safetensors": str, "resume/state.json": str},
)


class CheckpointContent(TypedDict):
    """What a checkpoint.json says."""

    goalscope: Literal["checkpoint"]
    schema: int
    step: Count
    update: Count
    kept: bool
    replay: bool
    environments: NotRequired[bool]  # true where it is not said
    configuration: dict[str, Any]
    versions: dict[str, str]
    sha256: Digests


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint.

    Attributes:
        folder: where it lies.
        content: of its checkpoint.json.
    """

    folder: Path
    content: CheckpointContent

    @property
    def step(self) -> int:
        """Environment transitions before it."""
        return self.content["step"]

    @property
    def resumable(self) -> bool:
        """Whether a run can go on from it, and not only its weights be read."""
        return (self.folder / RESUME).is_dir()


def save_checkpoint(
    run: Path,
    model: BaseAlgorithm,
    configuration: Mapping[str, Any],
    callbacks: Mapping[str, Any],
    update: int,
    *,
    kept: bool,
    with_replay: bool = True,
    with_environments: bool = True,
) -> Checkpoint:
    """Save the run as it stands between an update and the next step.

    The new checkpoint appears under its name once it is whole; only then do older ones lose what
    they need to be gone on with.

    Args:
        run: the run's folder.
        model: the agent, with its environments.
        configuration: what must be the same for the run to go on.
        callbacks: state of the callbacks, JSON values.
        update: updates made, as the record counts them.
        kept: whether its weights stay when a newer one is saved.
        with_replay: save the replay buffer, too.
        with_environments: save where each environment is; else, and where one does not keep its
            state, the run goes on with new episodes.

    Raises:
        OSError: the disk is full or gone; older checkpoints stay as they were.
    """
    target = run / FOLDER / f"step-{model.num_timesteps:09d}"
    draft = run / FOLDER / f"{_DRAFT}{model.num_timesteps:09d}"
    for left in (run / FOLDER).glob(f"{_DRAFT}*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    try:
        (run / FOLDER).mkdir(exist_ok=True)  # not the run's own: one that is gone stays so
        (draft / RESUME).mkdir(parents=True)
        _save_tensors(draft / POLICY, dict(model.policy.state_dict()))
        tensors, values = gather_state(model, with_environments)
        _save_tensors(draft / TENSORS, tensors)
        write_json_atomically(draft / VALUES, {**values, "callbacks": callbacks})
        replay = getattr(model, "replay_buffer", None)  # which those on policy have not
        settle: Callable[[], None] | None = None
        if with_replay and replay is not None:
            (draft / REPLAY).mkdir()
            settle = write_buffer(replay, draft / REPLAY)
        content: CheckpointContent = {
            "goalscope": "checkpoint",
            "schema": SCHEMA_VERSION,
            "step": model.num_timesteps,
            "update": update,
            "kept": kept,
            "replay": with_replay,
            "environments": values["environments"] is not None,
            "configuration": dict(configuration),
            "versions": software_versions(),
            "sha256": {
                POLICY: _digest(draft / POLICY),
                TENSORS: _digest(draft / TENSORS),
                VALUES: _digest(draft / VALUES),
            },
        }
        write_json_atomically(draft / DESCRIPTION, content)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    if settle is not None:
        settle()
    _thin(run, target)
    return Checkpoint(target, content)


def list_checkpoints(run: Path) -> list[Checkpoint]:
    """Return the checkpoints of a run, oldest first.

    Raises:
        CheckpointError: one is not ours, damaged, or of another schema.
    """
    folder = run / FOLDER
    if not folder.is_dir():
        return []
    found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return [read_checkpoint(path) for path in found]


def was_cut_off_at_once(run: Path) -> bool:
    """Whether a run was cut off before its first step, when its first checkpoint is saved.

    Raises:
        CheckpointError: its folder holds a checkpoint that is not ours, or damaged.
    """
    return (run / FOLDER).is_dir() and not list_checkpoints(run) and last_update(run) == 0


def read_checkpoint(folder: Path) -> Checkpoint:
    """Return a checkpoint's description.

    Raises:
        CheckpointError: it is not ours, damaged, or of another schema.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise CheckpointError(
            f"{folder} is no checkpoint of goalscope: it has no {DESCRIPTION}; move it away"
        )
    try:
        content = read_document(path)
        if content.get("goalscope") != "checkpoint":
            raise CheckpointError(f"{path} was not written by goalscope; move {folder} away")
        if content.get("schema") != SCHEMA_VERSION:
            raise CheckpointError(
                f"{folder} has checkpoint schema {content.get('schema')!r}, this goalscope reads "
                f"{SCHEMA_VERSION}; go on with the goalscope version in its {DESCRIPTION}"
            )
        return Checkpoint(folder, fit(content, CheckpointContent, path))
    except Unusable as error:
        raise CheckpointError(f"{error}; {_another(folder)}") from error


def load_checkpoint(checkpoint: Checkpoint, model: BaseAlgorithm) -> CallbackStates:
    """Bring an agent, just built, to where the checkpoint was saved; return the callbacks' state.

    Raises:
        CheckpointError: files are missing or damaged.
        EnvironmentLost: the process of an environment died.
    """
    folder = checkpoint.folder
    for name, digest in checkpoint.content["sha256"].items():
        if not (folder / name).is_file() or _digest(folder / name) != digest:
            raise CheckpointError(f"{folder / name} is missing or damaged; {_another(folder)}")
    try:
        model.policy.load_state_dict(load_file(folder / POLICY, device=str(model.device)))
        tensors = load_file(folder / TENSORS)
        values = fit(read_document(folder / VALUES), _Values, folder / VALUES)
        replay = getattr(model, "replay_buffer", None)
        if checkpoint.content["replay"] and replay is not None:
            load_buffer(replay, folder / REPLAY)
        restore_state(model, tensors, values)
    except EnvironmentLost:
        raise  # which is no fault of the checkpoint's
    except Exception as error:  # an environment of the user's own takes its state back, too
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{folder} cannot be read ({cause}); {_another(folder)}") from error
    return values["callbacks"]


def refuse_other_configuration(
    run: Path, saved: Mapping[str, Any], configuration: Mapping[str, Any]
) -> None:
    """Raise where a run's settings are not those its checkpoint was saved with.

    Raises:
        CheckpointError: naming the settings that differ.
    """
    wanted = json.loads(json.dumps(dict(configuration)))
    names = [name for name in wanted | saved if wanted.get(name) != saved.get(name)]
    if names:
        parts = [f"{name} was {saved.get(name)!r}, is {wanted.get(name)!r}" for name in names[:4]]
        raise CheckpointError(
            f"{run} holds a run with other settings: "
            f"{'; '.join(parts)}{' ...' if len(names) > 4 else ''}; give those to go on with it, "
            "or choose another folder"
        )


def _save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    # Actor and critic may share tensors, which safetensors refuses: each is written by itself.
    with disk_errors():
        save_file({k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}, path)
    path.chmod(0o644)


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _thin(run: Path, newest: Path) -> None:
    """Take from older checkpoints what only the newest needs, and those not kept altogether.

    What cannot be read or removed stays: the newest is whole.
    """
    for folder in (run / FOLDER).glob("step-*"):
        if folder == newest:
            continue
        with suppress(CheckpointError, OSError):
            checkpoint = read_checkpoint(folder)
            shutil.rmtree(folder / RESUME, ignore_errors=True)
            if not checkpoint.content["kept"]:
                gone = folder.rename(folder.with_name(f"{_DRAFT}{checkpoint.step:09d}"))
                shutil.rmtree(gone)  # under a name that nobody reads, if it is cut off


def _another(folder: Path) -> str:
    return f"the run cannot go on from it: start anew in another folder, {folder.parent} is kept"
