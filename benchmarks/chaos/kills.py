"""Runs killed with -9 at random moments, and while they write a checkpoint: all go on to their end.

They end as if they had never been killed: the same measurements, the same weights.
"""

import random
import signal
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.chaos.processes import begin, said_at_the_end, wait_until
from benchmarks.chaos.row import Row
from benchmarks.chaos.runs import differences, probe_set
from benchmarks.chaos.trying import Attempt, try_in_turn
from goalscope.diagnostics.record import last_update, read_run
from goalscope.training.runs.checkpoint.names import FOLDER

_FLAGS = (
    "--env PixelPoint-v0 --image-size 36 --total-steps 200 --learning-starts 100 --batch-size 8 "
    "--cnn-dim 16 --checkpoint-every 10 --evaluation.every 0 --threads 1 --device cpu"
).split()
_UPDATES = 100


def killed_when(happens: Callable[[Path], bool], folder: Path) -> list[str]:
    """Kill a run as soon as something happens, and go on with it; return what went wrong.

    Args:
        happens: asked of the run's folder again and again.
        folder: for the run; made.
    """
    undisturbed = undisturbed_run()
    first = begin(_training(folder))
    wait_until(partial(happens, folder), first, every=0.0005)
    first.kill()
    said_at_the_end(first)
    if first.returncode != -signal.SIGKILL:
        return [f"it had ended with {first.returncode} before it was killed"]
    second = begin(_training(folder))
    said = said_at_the_end(second)
    if second.returncode:
        return [f"the second call ended with {second.returncode}: {said[-300:]!r}"]
    wrong = differences(undisturbed, folder)
    if read_run(folder).end is None:
        wrong.append("the record does not say that the run ended")
    if list(folder.rglob(".draft*")):
        wrong.append("half a checkpoint is left")
    return wrong


def writes_a_checkpoint(folder: Path) -> bool:
    """Whether a run, past its first update, is just writing a checkpoint."""
    return last_update(folder) > 0 and any((folder / FOLDER).glob(".draft*"))


@cache
def undisturbed_run() -> Path:
    """Return the folder of a run that nobody kills, trained once."""
    folder = Path(mkdtemp()) / "run"
    process = begin(_training(folder))
    said = said_at_the_end(process)
    if process.returncode:
        raise RuntimeError(f"it did not train: {said[-300:]!r}")
    return folder


def trials(budget_s: float) -> list[Row]:
    """Return a row for each moment of being killed."""
    kinds: dict[str, Attempt] = {
        "SIGKILL at a random moment of a run": _killed_somewhen,
        "SIGKILL while a checkpoint is written": partial(killed_when, writes_a_checkpoint),
    }
    undisturbed_run()
    holds = "the same command went on to the end, with the measurements and weights of a run that "
    return try_in_turn(kinds, budget_s, f"{holds}nobody killed")


def _killed_somewhen(folder: Path) -> list[str]:
    update, more = random.randrange(_UPDATES - 5), random.uniform(0, 0.1)

    def is_so_far(run: Path) -> bool:
        if last_update(run) < update:
            return False
        time.sleep(more)
        return True

    return killed_when(is_so_far, folder)


def _training(out: Path) -> list[str]:
    return ["train", "pixel-her", *_FLAGS, "--probe-set", str(probe_set()), "--out", str(out)]
