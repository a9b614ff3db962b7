"""Plan files of studies: arms, seeds, flags and thresholds, fixed before anyone looks.

arms = ["pixel-her", "pixel-her-norm"]
seeds = [0, 1, 2, 3, 4]
adaptive = 4             # looks after four seeds; left out, every seed is trained

[run]                    # flags of `goalscope train`
env = "FetchPush-v4"
total_steps = 20_000
evaluation.every = 1_000

[thresholds]             # of `goalscope.reports.Thresholds`
goal_share = 0.5
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Required, TypedDict

from msgspec import Meta

from goalscope import reports
from goalscope.cli.arm_flags import ArmFlags
from goalscope.diagnostics.record import Unusable, fit, read_document
from goalscope.errors import UserError
from goalscope.training.runs.arms import ARMS, start_of
from goalscope.training.runs.settings import Cadence, EvaluationSettings, StudySettings

if TYPE_CHECKING:
    from goalscope.reports import Thresholds

PRESETS = Path(__file__).resolve().parent / "presets"
_NESTED = {"every": Cadence, "evaluation": EvaluationSettings}
_Value = bool | int | float | str | list[bool | int | float | str]


class _PlanFile(TypedDict, total=False):
    arms: Required[Annotated[list[str], Meta(min_length=1)]]
    seeds: Annotated[list[int], Meta(min_length=1)]
    adaptive: Annotated[int, Meta(ge=1)]
    run: dict[str, _Value | dict[str, _Value]]
    thresholds: dict[str, Any]


class PlanError(UserError):
    """A plan file cannot be used; the message is one line and names the remedy."""


@dataclass(frozen=True)
class Plan:
    """What a plan file says.

    Attributes:
        path: of the file.
        arms: names of the arms.
        seeds: of each arm.
        adaptive: seeds of a group, where seeds are added adaptively.
        run: flags of every run, names as in `StudySettings`.
        thresholds: that decide on the study's page.
    """

    path: Path
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    adaptive: int | None
    run: Mapping[str, Any]
    thresholds: "Thresholds"

    def arguments(self) -> list[str]:
        """Return the plan as arguments of `goalscope study`."""
        return [
            *self.arms,
            *("--plan", str(self.path)),
            *("--seeds", *map(str, self.seeds)),
            *(() if self.adaptive is None else ("--adaptive", str(self.adaptive))),
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
        found = read_document(path)
        _refuse_unknown(path, "", found, _PlanFile.__annotations__)
        content = fit(found, _PlanFile, path)
        run, thresholds = content.get("run", {}), content.get("thresholds", {})
        own = {f.name for kind in (StudySettings, ArmFlags) for f in fields(kind)}
        _refuse_unknown(path, "run.", run, own)
        for name, kind in _NESTED.items():
            part = run.get(name)
            if isinstance(part, dict):
                _refuse_unknown(path, f"run.{name}.", part, {f.name for f in fields(kind)})
        known = {f.name for f in fields(reports.Thresholds)}
        _refuse_unknown(path, "thresholds.", thresholds, known)
        decide = fit(thresholds, reports.Thresholds, f"{path}: thresholds")
    except Unusable as error:
        raise PlanError(f"{error}; mend it there, or give another plan file or a preset") from error
    seeds = content.get("seeds", [0, 1, 2, 3, 4])
    adaptive = content.get("adaptive")
    return Plan(path, tuple(content["arms"]), tuple(seeds), adaptive, run, decide)


def _refuse_unknown(
    path: Path, prefix: str, table: Mapping[str, Any], known: Collection[str]
) -> None:
    for name in table:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"
            raise PlanError(f"{path} has an unknown key {prefix}{name}; {hint}")


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
