"""Arms that the user names: `--arm base=runs/b-*`, put together from run folders."""

import glob
from collections.abc import Sequence
from pathlib import Path

from goalscope.cli.runs_in import holds_runs
from goalscope.errors import UserError


def own_arms(arms: Sequence[Sequence[str]]) -> dict[str, list[Path]]:
    """Return arm -> the folders it is put together from, runs or studies, each once.

    Args:
        arms: the words of each --arm: NAME=FOLDER first, then more folders, with or without the
            name. A folder may be a pattern, which a shell leaves as it is behind NAME=; one that
            the shell filled in, as `NAME= runs/b-*` or `NAME=runs/b-{0,1}`, is as good.

    Raises:
        UserError: a name is missing, or a pattern matches no run.
    """
    found: dict[str, list[Path]] = {}
    for words in arms:
        name, equals, _ = words[0].partition("=") if words else ("", "", "")
        if not name or not equals or "/" in name:
            raise UserError(
                f"--arm {' '.join(words)} names no arm; write --arm 'NAME=FOLDER', such as "
                "--arm 'base=runs/b-*'"
            )
        folders = [
            folder
            for word in words
            if (pattern := word.removeprefix(f"{name}="))
            for folder in _folders(name, pattern)
        ]
        if not folders:
            raise UserError(f"--arm {name}= has no folder; write --arm '{name}=runs/b-*'")
        found[name] = list(dict.fromkeys([*found.get(name, []), *folders]))
    return found


def _folders(arm: str, pattern: str) -> list[Path]:
    """Return the folder of that name, or the runs and studies that the pattern matches."""
    path = Path(pattern).expanduser()
    if path.exists() or not glob.has_magic(pattern):
        return [path]
    matched = [folder for name in sorted(glob.glob(str(path))) if holds_runs(folder := Path(name))]
    if not matched:
        raise UserError(f"--arm {arm}={pattern} matches no run; give the folders of its runs")
    return matched
