"""The `goalscope` command: finds what is asked for, parses, turns bad input into one line.

A command is imported when it is asked for, so that help and bad input are answered at once.
"""

import contextlib
import errno
import gc
import io
import re
import signal
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Protocol, cast

from goalscope.cli import BAD_INPUT
from goalscope.errors import Interrupted, UserError, printable
from goalscope.training.runs.interrupts import interrupt_on_stop_signals, send_nowhere


class Command(Protocol):
    """What was parsed: a dataclass of flags."""

    def run(self) -> int:
        """Do what was asked for and return the exit code."""


COMMANDS = {  # and what they do; each has its module of that name, and in it its class
    "doctor": "can this machine render and train; what is missing",
    "arms": "the named arms, and what each changes",
    "train": "train one run of an arm, watched",
    "study": "train arms times seeds side by side; presets",
    "probe-set": "gather the states that every run of a comparison is asked about",
    "probe": "ask the agent of each checkpoint what it knows and hears",
    "report": "the page of one run",
    "compare": "the verdict over arms and seeds, and its page",
    "demo": "baseline and fix, small, from nothing to a verdict",
}
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO)  # full, or failing: another path is no help
_ABOUT = """\
usage: goalscope COMMAND [flags]

Why is my goal-conditioned pixel agent not learning? Watch its real updates, report how
pixels and goals share the signal and the gradients, and compare a baseline with a fix.

commands, each with --help:"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Returns:
        0; 1 where what `--fail-on` names was found; 2 for bad input; 128 and the number of the
        signal that ended it, as shells have it: 130 for Ctrl-C, 143 for SIGTERM.
    """
    interrupt_on_stop_signals()
    name, *given = [*(sys.argv[1:] if arguments is None else arguments)] or [""]
    try:
        if name in ("-h", "--help"):
            print(_help())
            return 0
        if name == "--version":
            from goalscope import __version__

            print(f"goalscope {__version__}")
            return 0
        if name in ("report", "compare"):
            # Their objects stay until the page is made: to look for garbage among them at Python's
            # own pace takes a tenth of the time.
            gc.set_threshold(50_000)
        code = _parse(name, given).run()
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read the output wanted no more of it, as `head` does
        send_nowhere(sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as stop:
        return _interrupted(stop)
    except OSError as error:  # whatever was read or written: the disk is the user's to mend
        print(f"goalscope: {_refusal(error)}", file=sys.stderr)
        return BAD_INPUT
    except UserError as error:
        print(f"goalscope: {' '.join(printable(str(error)).split())}", file=sys.stderr)
        return BAD_INPUT
    except Exception as error:
        behind = _interrupt_behind(error)
        if behind is None:
            raise
        return _interrupted(behind)


def _refusal(error: OSError) -> str:
    """Return what the operating system refused, and the remedy."""
    said = error.strerror or str(error)
    if error.filename is None or error.errno in _DISK:
        where = "" if error.filename is None else f"{error.filename}: "
        return f"{where}{said}; look after the disk"
    return f"{error.filename}: {said}; give another path"


def _interrupted(stop: KeyboardInterrupt) -> int:
    """Say in a line how things were left, and return the exit code."""
    said = str(stop) or "interrupted"
    with contextlib.suppress(BrokenPipeError):  # Ctrl-C has ended whoever read it, too
        print(f"goalscope: {said}", file=sys.stderr)
    return 128 + (stop.number if isinstance(stop, Interrupted) else signal.SIGINT)


def _interrupt_behind(error: BaseException | None) -> KeyboardInterrupt | None:
    """Return the interrupt that an error comes from: an import takes it for a failure."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error


def _help() -> str:
    rows = [f"  {name:<11}{summary}" for name, summary in COMMANDS.items()]
    return "\n".join([_ABOUT, *rows, "", "  --version  which goalscope this is"])


def _load(name: str) -> type[Command]:
    module = import_module(f"goalscope.cli.{name.replace('-', '_')}")
    return cast("type[Command]", getattr(module, name.title().replace("-", "")))


def _parse(name: str, arguments: Sequence[str]) -> Command:
    """Parse, and say what is wrong in one line instead of tyro's box."""
    if name not in COMMANDS:
        close = get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"choose one of {', '.join(COMMANDS)}"
        raise UserError(
            f"there is no command {name!r}; {hint}" if name else f"which command? {hint}"
        )
    _refuse_empty(arguments)
    if name == "study":
        from goalscope.cli.plan import expand_plan

        arguments = expand_plan(arguments)
    import tyro

    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(_load(name), args=arguments, prog=f"goalscope {name}")
    except SystemExit as stop:
        if complaint.getvalue():
            about = f"{_one_line(complaint.getvalue())}; see: goalscope {name} --help"
            print(f"goalscope: {about}", file=sys.stderr)
        raise SystemExit(stop.code) from None


def _refuse_empty(arguments: Sequence[str]) -> None:
    """Raise where an argument is empty, as a variable of a shell is that was never set.

    As a path it would be the current folder.
    """
    for before, given in zip(("", *arguments), arguments, strict=False):
        flag = before if given == "" else given[:-1] if re.fullmatch(r"--[^=]+=", given) else None
        if flag is not None:
            what = flag if flag.startswith("-") else "an argument"
            raise UserError(f"{what} is empty; give it a value")


def _one_line(box: str) -> str:
    """Return what tyro's box complains of, without its title, and what it adds of help."""
    lines = [line.strip(" \u2502|") for line in box.splitlines()]
    inside = [line for line in lines if not line.startswith(("\u256d", "\u2570", "+-"))]
    parts = re.split(r"[\u2500-]{9,}", "\n".join(inside).replace("(required)", ""))
    said = [_imperative(" ".join(part.split())) for part in parts]
    return "; ".join(
        part.split(" Got errors: ")[0].rstrip(".")
        for part in said
        if not part.startswith(("For full helptext", "Argument helptext"))
    )


def _imperative(said: str) -> str:
    """Return what tyro says is missing as what to give: "give the name of an arm"."""
    said = re.sub(r"^Missing from goalscope \S+: ", "give ", said)
    return re.sub(r"^give [A-Z]+ (\w)", lambda found: f"give {found[1].lower()}", said)


if __name__ == "__main__":
    sys.exit(main())
