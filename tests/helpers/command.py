"""The goalscope command as its users run it, and what a refusal looks like."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

from goalscope.cli.main import main

TINY = [
    *("--env", "PixelPoint-v0", "--image-size", "36", "--batch-size", "16"),
    *("--total-steps", "130", "--net-arch", "16", "--threads", "1", "--evaluation.every", "0"),
]


def goalscope(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command: in this process, where imports are paid for, unless its environment says."""
    command = list(map(str, arguments))
    if environment:
        return subprocess.run(
            [sys.executable, "-m", "goalscope.cli.main", *command],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, **environment},
        )
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(command)
        except SystemExit as stop:
            code = int(stop.code or 0)
    return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, and what is in it."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(done: subprocess.CompletedProcess[str], *says: str) -> None:
    assert done.returncode == 2, (done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.startswith("goalscope:")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in says:
        assert word in lines[0]
