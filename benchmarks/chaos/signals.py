"""Signals to every process of a run, and environments that are killed: saved, one line, no orphans.

Four environments train in processes of their own. Whoever kills a run so politely sends the signal
to all of them: a terminal, a scheduler, a container.
"""

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from benchmarks.chaos.processes import begin, said_at_the_end, wait_until
from benchmarks.chaos.row import Row
from benchmarks.chaos.runs import probe_set
from benchmarks.chaos.trying import try_in_turn
from goalscope.diagnostics.record import last_update, read_run
from goalscope.training.runs.checkpoint.folder import list_checkpoints
from goalscope.training.runs.study_folder import read_study

_UPDATES = range(11, 40)  # after those that are all measured
_FLAGS = (
    "--fast --n-envs 4 --env PixelPoint-v0 --image-size 36 --total-steps 400 --learning-starts 200 "
    "--batch-size 8 --cnn-dim 16 --evaluation.every 0 --threads 1 --device cpu"
).split()


def training(out: Path) -> list[str]:
    """Return the arguments of `goalscope` that train the run."""
    return ["train", "pixel-her-drq", *_FLAGS, "--probe-set", str(probe_set()), "--out", str(out)]


def signalled(number: int, folder: Path, update: int) -> list[str]:
    """Send every process of a run a signal after some updates; return what went wrong.

    Args:
        number: of the signal.
        folder: for the run; made.
        update: after which.
    """
    process = _started(training(folder), folder, update)
    os.killpg(process.pid, number)
    said = said_at_the_end(process)
    return [
        *_code(process, 128 + number),
        *_one_line(said, rf"stopped at step [\d,]+, saved in {re.escape(str(folder))}; .*"),
        *_orphans(process.pid),
        *_not_saved(folder),
    ]


def environment_killed(folder: Path, update: int) -> list[str]:
    """Kill the process of an environment after some updates; return what went wrong."""
    process = _started(training(folder), folder, update)
    workers = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if child.ppid() != process.pid  # but the server that made it
    ]
    victim = random.choice(workers).pid
    os.kill(victim, signal.SIGKILL)
    said = said_at_the_end(process)
    died = rf"the process of environment [0-3] \({victim}\) was ended by signal 9; at step "
    return [
        *_code(process, 2),
        *_one_line(said, died + r"[\d,]+ the run was saved in .*; the same command goes on"),
        *_orphans(process.pid),
        *_not_saved(folder),
    ]


def run_killed(folder: Path, update: int) -> list[str]:
    """Kill a run itself, which can say nothing more, after some updates; return what went wrong."""
    process = _started(training(folder), folder, update)
    process.kill()
    said = said_at_the_end(process)
    wrong = [] if said == "" else [f"said {said[-300:]!r}"]
    newest = list_checkpoints(folder)[-1]
    if not newest.resumable:
        wrong.append(f"{newest.folder.name} cannot be gone on from")
    return wrong + _orphans(process.pid)


def study_signalled(number: int, folder: Path, update: int, *, unread: bool = False) -> list[str]:
    """Send every process of a study of two runs a signal; return what went wrong.

    Args:
        number: of the signal.
        folder: for the study; made.
        update: after which.
        unread: the signal ends whoever reads what the study prints, too, as Ctrl-C ends `tee`.
    """
    command = ["study", "pixel-her-drq", "--seeds", "0", "1", "--parallel", "2", *_FLAGS]
    runs = [folder / f"pixel-her-drq-seed{seed}" for seed in (0, 1)]
    process = _started([*command, "--out", str(folder)], runs[1], update, read=unread)
    if process.stdout is not None:
        process.stdout.close()
        process.stdout = None
    os.killpg(process.pid, number)
    said = said_at_the_end(process)
    stopped = [run.name for run in read_study(folder) if "stopped at step" in (run.cause or "")]
    return [
        *_code(process, 128 + number),
        *_one_line(said, "interrupted; what was measured until now is kept"),
        *_orphans(process.pid),
        *_not_saved(runs[1]),
        *([] if runs[1].name in stopped else ["study.json does not say that the run stopped"]),
    ]


def trials(budget_s: float) -> list[Row]:
    """Return a row for each kind of end."""
    kinds: dict[str, Callable[[Path, int], list[str]]] = {
        f"{signal.Signals(number).name} to every process of a run": partial(signalled, number)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    }
    kinds["SIGTERM to every process of a study"] = partial(study_signalled, signal.SIGTERM)
    kinds["Ctrl-C to a study and to the `tee` that reads it"] = partial(
        study_signalled, signal.SIGINT, unread=True
    )
    kinds["SIGKILL to the process of an environment"] = environment_killed
    kinds["SIGKILL to the run itself"] = run_killed
    probe_set()
    return try_in_turn(
        {kind: partial(_somewhen, attempt) for kind, attempt in kinds.items()},
        budget_s,
        "one line said (of SIGKILL to the run none), exit code right, a checkpoint to go on from, "
        "no process left",
    )


def _somewhen(attempt: Callable[[Path, int], list[str]], folder: Path) -> list[str]:
    return attempt(folder, random.choice(_UPDATES))


def _started(
    command: list[str], run: Path, update: int, *, read: bool = False
) -> subprocess.Popen[str]:
    """Begin the command, and return when the run has come so far."""
    process = begin(command, read=read)
    wait_until(lambda: last_update(run) >= update, process, every=0.02)
    return process


def _code(process: subprocess.Popen[str], wanted: int) -> list[str]:
    code = process.returncode
    return [] if code == wanted else [f"exit code {code} instead of {wanted}"]


def _one_line(said: str, wanted: str) -> list[str]:
    if re.fullmatch(f"goalscope: {wanted}\n", said):
        return []
    return [f"said {said[-300:]!r}"]


def _orphans(session: int) -> list[str]:
    """Return which processes of a session are still there, given a few seconds to go."""
    left: list[int] = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        left = [pid for pid in psutil.pids() if _lives_in(pid, session)]
        if not left:
            return []
        time.sleep(0.1)
    return [f"processes {left} are left"]


def _lives_in(pid: int, session: int) -> bool:
    try:
        ended = psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        return os.getsid(pid) == session and not ended
    except (psutil.NoSuchProcess, ProcessLookupError):
        return False


def _not_saved(run: Path) -> list[str]:
    newest = list_checkpoints(run)[-1]
    found = [] if newest.resumable else [f"{newest.folder.name} cannot be gone on from"]
    if newest.content["update"] < read_run(run).measurements[-1].update - 1:
        found.append(f"saved at update {newest.content['update']}, before what was measured last")
    return found
