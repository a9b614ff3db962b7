"""Plan files of studies: arms, seeds, flags and thresholds, fixed before anyone looks.

arms = ["pixel-her", "pixel-her-norm"]
seeds = [0, 1, 2, 3, 4]

[run]                    # flags of `goalscope train`
env = "FetchPush-v4"
total_steps = 20_000
evaluation.every = 1_000

[thresholds]             # of `goalscope.reports.Thresholds`
goal_share = 0.5
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goalscope import reports
from goalscope.cli.arm_flags import ArmFlags
from goalscope.errors import UserError
from goalscope.training.runs.arms import ARMS, start_of
from goalscope.training.runs.settings import Cadence, EvaluationSettings, StudySettings
from goalscope.training.runs.study_folder import PLAN_FILE

if TYPE_CHECKING:
    from goalscope.reports import Thresholds

PRESETS = Path(__file__).resolve().parent / "presets"
_NESTED = {"every": Cadence, "evaluation": EvaluationSettings}


class PlanError(UserError):
    """A plan file cannot be used; the message is one line and names the remedy."""


@dataclass(frozen=True)
class Plan:
    """What a plan file says.

    Attributes:
        path: of the file.
        arms: names of the arms.
        seeds: of each arm.
        run: flags of every run, names as in `StudySettings`.
        thresholds: that decide on the study's page.
    """

    path: Path
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    run: Mapping[str, Any]
    thresholds: "Thresholds"

    def arguments(self) -> list[str]:
        """Return the plan as arguments of `goalscope study`."""
        return [
            *self.arms,
            *("--plan", str(self.path)),
            *("--seeds", *map(str, self.seeds)),
            *_flags(self.run),
        ]


def find_plan(name: str) -> Path | None:
    """Return the file of a preset's name or of a path that ends in .toml; None for an arm."""
    if name.endswith(".toml"):
        return Path(name)
    preset = PRESETS / f"{name}.toml"
    return preset if preset.is_file() else None


def expand_plan(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of `goalscope study` with a plan in the arms' place written out.

    Flags given beside the plan come after its own, and therefore win.

    Raises:
        PlanError: the plan cannot be read, or holds what it should not; or there is none of that
            name, and no arm either.
    """
    if not arguments or arguments[0].startswith("-"):
        return list(arguments)
    first, *rest = arguments
    path = find_plan(first)
    if path is not None:
        return [*load_plan(path).arguments(), *rest]
    presets = sorted(preset.stem for preset in PRESETS.glob("*.toml"))
    if start_of(first) not in ARMS:
        close = get_close_matches(first, [*presets, *ARMS])
        hint = f"did you mean {' or '.join(close)}?" if close else "see: goalscope arms"
        raise PlanError(
            f"{first!r} is neither an arm, nor a preset ({', '.join(presets)}), nor a plan file "
            f"(.toml); {hint}"
        )
    return list(arguments)


def load_plan(path: Path) -> Plan:
    """Read a plan file.

    Raises:
        PlanError: it is missing, no TOML, has unknown keys, no arms, or senseless thresholds.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path} cannot be read ({error}); give a plan file or a preset") from error
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"{path} is not TOML: {error}; mend it there") from error
    _refuse_unknown(path, "", content, ("arms", "seeds", "run", "thresholds"))
    run, thresholds = content.get("run", {}), content.get("thresholds", {})
    for name, table in (("run", run), ("thresholds", thresholds)):
        if not isinstance(table, dict):
            raise PlanError(f"{path}: {name} must be a table; write it as [{name}]")
    own = {f.name for kind in (StudySettings, ArmFlags) for f in fields(kind)}
    _refuse_unknown(path, "run.", run, own)
    for name, kind in _NESTED.items():
        if name in run:
            part = run[name] if isinstance(run[name], dict) else {}
            _refuse_unknown(path, f"run.{name}.", part, {f.name for f in fields(kind)})
    arms, seeds = content.get("arms", []), content.get("seeds", [0, 1, 2, 3, 4])
    if not arms or not _all(arms, str):
        raise PlanError(f'{path} names no arms; write arms = ["pixel-her", "pixel-her-norm"]')
    if not seeds or not _all(seeds, int):
        raise PlanError(f"{path}: seeds must be a list of whole numbers, such as [0, 1, 2, 3, 4]")
    return Plan(path, tuple(arms), tuple(seeds), run, _thresholds(path, thresholds))


def kept_plan(folder: Path) -> Plan | None:
    """Return the plan of a study's folder; None where it has none.

    Raises:
        PlanError: it cannot be read, or holds what it should not.
    """
    path = folder / PLAN_FILE
    return load_plan(path) if path.is_file() else None


def _thresholds(path: Path, table: Mapping[str, Any]) -> "Thresholds":
    _refuse_unknown(path, "thresholds.", table, {f.name for f in fields(reports.Thresholds)})
    try:
        return reports.Thresholds(**table)
    except (ValueError, TypeError) as error:
        raise PlanError(f"{path}: {error}") from error


def _refuse_unknown(
    path: Path, prefix: str, table: Mapping[str, Any], known: Sequence[str] | set[str]
) -> None:
    for name in table:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"
            raise PlanError(f"{path} has an unknown key {prefix}{name}; {hint}")


def _all(values: Any, kind: type) -> bool:
    return isinstance(values, list) and all(
        isinstance(v, kind) and not isinstance(v, bool) for v in values
    )


def _flags(table: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return a table as flags: underscores as hyphens, tables inside with a dot."""
    found: list[str] = []
    for name, value in table.items():
        flag = f"{prefix}{name.replace('_', '-')}"
        if isinstance(value, dict):
            found += _flags(value, f"{flag}.")
        elif isinstance(value, bool):
            found.append(f"--{flag}" if value else f"--{prefix}no-{name.replace('_', '-')}")
        elif isinstance(value, list):
            found += [f"--{flag}", *map(str, value)]
        else:
            found += [f"--{flag}", str(value)]
    return found
