"""The `goalscope` command: parses, dispatches, turns bad input into one line and exit code 2."""

import contextlib
import io
import re
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Annotated

import tyro

from goalscope.cli.arms import Arms
from goalscope.cli.demo import Demo
from goalscope.cli.doctor import Doctor
from goalscope.cli.errors import BAD_INPUT, USER_ERRORS
from goalscope.cli.pages import Compare, Report
from goalscope.cli.plan import expand_plan
from goalscope.cli.probe import Probe
from goalscope.cli.train import Study, Train
from goalscope.training.runs.saving import Stopped

DESCRIPTION = (
    "Why is my goal-conditioned pixel agent not learning? Watch its real updates, report how "
    "pixels and goals share the signal and the gradients, and compare a baseline with a fix."
)
INTERRUPTED = 130

Command = (
    Annotated[Doctor, tyro.conf.subcommand("doctor")]
    | Annotated[Arms, tyro.conf.subcommand("arms")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Study, tyro.conf.subcommand("study")]
    | Annotated[Probe, tyro.conf.subcommand("probe")]
    | Annotated[Report, tyro.conf.subcommand("report")]
    | Annotated[Compare, tyro.conf.subcommand("compare")]
    | Annotated[Demo, tyro.conf.subcommand("demo")]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 2 for bad input, 130 when interrupted."""
    if threading.current_thread() is threading.main_thread():
        # A cluster's polite kill is an interruption, too: a study then saves its runs.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        given = expand_plan(sys.argv[1:] if arguments is None else arguments)
        return _parse(given).run()
    except Stopped as stopped:
        print(f"goalscope: {stopped}", file=sys.stderr)
        return INTERRUPTED
    except KeyboardInterrupt:
        print("goalscope: interrupted; what was measured until now is kept", file=sys.stderr)
        return INTERRUPTED
    except USER_ERRORS as error:
        print(f"goalscope: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT


def _parse(arguments: Sequence[str]) -> Command:
    """Parse, and say what is wrong in one line instead of tyro's box."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
                Command,
                args=arguments,
                prog="goalscope",
                description=DESCRIPTION,
            )
    except SystemExit as stop:
        if complaint.getvalue():
            print(f"goalscope: {_one_line(complaint.getvalue())}", file=sys.stderr)
        raise SystemExit(stop.code) from None


def _one_line(box: str) -> str:
    words = re.sub(r"[\u2500-\u257f]+", " ", box).split()
    return " ".join(words)


if __name__ == "__main__":
    sys.exit(main())
