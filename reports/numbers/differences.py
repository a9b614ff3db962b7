"""In what the compared runs differ: settings between arms, and circumstances between runs."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goalscope.diagnostics.record import Line
from goalscope.reports.numbers.runs import Arms, Run

NOT_SET = "not set"
ENVIRONMENT = "environment: "  # how the names of its differences begin
# Settings that say how long or where a run ran, not what was trained.
_CIRCUMSTANCES = ("run.total_steps", "env.renderer", "agent.replay_buffer")
_NAMES = ("arm.changes",)  # what a change is called, beside the settings it is made of
_EXTRACTOR = "agent.features_extractor"
_OF_ITS_OWN = f"{_EXTRACTOR}.cnn_output_dim"
_MEASURED = ("floor.", "evaluation.")  # what was measured beside training, and how
# Settings that must differ between seeds, or that name places.
_IGNORED = {"seed", "out", "output", "folder", "path", "directory"}


@dataclass(frozen=True)
class Difference:
    """A setting, or a circumstance, that is not the same everywhere.

    Attributes:
        name: of the setting or circumstance.
        values: arm -> its value in words.
    """

    name: str
    values: Mapping[str, str]

    def is_known(self, arm: str, other: str) -> bool:
        """Whether two arms are known to differ: what one of them did not record may be alike."""
        own, others = self.values[arm], self.values[other]
        return own != others and NOT_SET not in (own, others)

    def is_of_one(self, arm: str, other: str) -> bool:
        """Whether one of two arms recorded it alone."""
        own, others = self.values[arm], self.values[other]
        return own != others and NOT_SET in (own, others)

    @property
    def arms_by_value(self) -> dict[str, list[str]]:
        """Value in words -> the arms that have it; the baseline's value first."""
        found: dict[str, list[str]] = {}
        for arm, value in self.values.items():
            found.setdefault(value, []).append(arm)
        return found


def setting_differences(arms: Arms) -> list[Difference]:
    """Return every setting in which arms differ; seeds, output paths and lengths left out."""
    names = {name for runs in arms.values() for run in runs for name in run.settings}
    found = []
    for name in sorted(names):
        if not _is_setting(name) or _of_extractor(name):
            continue
        values = {arm: _values(runs, _setting(name)) for arm, runs in arms.items()}
        if len(set(values.values())) > 1:
            found.append(Difference(name, values))
    return found


def circumstance_differences(arms: Arms) -> list[Difference]:
    """Return every circumstance that differs: versions, machine, floors, probe set, length.

    And environments with their spaces, as far as they were recorded, and where runs were cut off
    and resumed.
    """
    runs = [run for group in arms.values() for run in group]
    measured = sorted({n for run in runs for n in run.settings if n.startswith(_MEASURED)})
    readers: dict[str, Callable[[Run], Any]] = {
        name: _setting(name) for name in (*_CIRCUMSTANCES, *measured)
    }
    for section in ("versions", "hardware", "instruments"):
        for name in dict.fromkeys(name for run in runs for name in run.section(section)):
            readers[f"{section}: {name}"] = _entry(section, name)
    readers["probe set (sha256)"] = probe_set_digest
    readers["updates"] = lambda run: run.updates
    readers["steps"] = lambda run: run.steps
    readers["resumed"] = lambda run: "; ".join(resumes_in_words(run)) or "never"
    found = environment_differences(arms)
    for name, read in readers.items():
        if len({_word(read(run)) for run in runs}) > 1:
            found.append(Difference(name, {arm: _values(g, read) for arm, g in arms.items()}))
    return found


def environment_differences(arms: Arms) -> list[Difference]:
    """Return what differs in the environments: their ids, what is observed and done in them.

    Runs whose records tell nothing of it differ from none.
    """
    runs = [run for group in arms.values() for run in group]
    told = [run for run in runs if run.section("environment")]
    found = []
    for name in dict.fromkeys(name for run in told for name in run.section("environment")):
        read = _entry("environment", name)
        if len({_word(read(run)) for run in told}) > 1:
            values = {arm: _values(group, read) for arm, group in arms.items()}
            found.append(Difference(f"{ENVIRONMENT}{name}", values))
    return found


def resumes_in_words(run: Run) -> list[str]:
    """Return where a run went on after it was cut off, what was lost, and what it went on with."""
    return [
        f"resumed at step {line.step:,} (update {line.update:,}), replay buffer "
        + ("lost" if line.details.get("lost_buffer") else "kept")
        + (", environments begun anew" if line.details.get("lost_environments") else "")
        + "".join(f", {change}" for change in _moved(run, line))
        for line in run.record.resumes
    ]


def _moved(run: Run, resumed: Line) -> list[str]:
    """Return what a run went on with that is not what it began with, as far as both are known."""
    found = []
    for section in ("versions", "hardware"):
        for name, began in run.section(section).items():
            went_on = resumed.details.get(f"{section}.{name}", began)
            if went_on != began:
                found.append(f"{name} {_word(went_on)} instead of {_word(began)}")
    return found


def mixed_arms(arms: Arms) -> dict[str, list[str]]:
    """Return arm -> settings in which its own runs differ, for arms that are not one arm."""
    found = {}
    for arm, runs in arms.items():
        names = sorted({name for run in runs for name in run.settings if _is_setting(name)})
        mixed = [n for n in names if len({_word(run.settings.get(n, NOT_SET)) for run in runs}) > 1]
        if mixed:
            found[arm] = mixed
    return found


def changes_of_all_others(
    arms: Arms, baseline: str, differences: Sequence[Difference]
) -> dict[str, str]:
    """Return setting -> value, where all other arms differ from the baseline, most of them so.

    None where only one other arm is there, or where they are all that an arm changes: it tells what
    they do.
    """
    others = [arm for arm in arms if arm != baseline]
    shared: dict[str, str] = {}
    for difference in differences:
        values = [difference.values[arm] for arm in others]
        usual, count = Counter(values).most_common(1)[0] if values else ("", 0)
        known = NOT_SET not in (usual, difference.values[baseline])
        if known and difference.values[baseline] not in values and 2 * count > len(others):
            shared[difference.name] = usual
    alone = any(
        all(d.values[arm] in (d.values[baseline], shared.get(d.name)) for d in differences)
        for arm in others
    )
    return {} if len(others) < 2 or alone else shared


def missing_single_changes(
    arms: Arms, baseline: str, differences: Sequence[Difference]
) -> dict[str, list[str]]:
    """Return arm -> the single-change comparisons that are missing to tell which change mattered.

    Only for arms that are known to differ from the baseline in more than one setting. A change
    counts as compared where some arm differs from the baseline in that setting alone, to the same
    value.

    Args:
        arms: arm -> runs.
        baseline: name of the baseline.
        differences: of the settings between these arms.
    """
    changes = {
        arm: {d.name: d.values[arm] for d in differences if d.is_known(arm, baseline)}
        for arm in arms
        if arm != baseline
    }
    single = {next(iter(c.items())) for c in changes.values() if len(c) == 1}
    return {
        arm: [
            f"{baseline} with only {name} = {_rounded(value)}"
            for name, value in changed.items()
            if (name, value) not in single
        ]
        for arm, changed in changes.items()
        if len(changed) > 1
    }


def _rounded(value: str) -> str:
    """Return a value in words with its long numbers cut, to be read and not to be compared."""
    return re.sub(r"\d+\.\d{5,}", lambda number: f"{float(number[0]):.4g}", value)


def probe_set_digest(run: Run) -> str:
    """Return the digest of a run's probe states, "none", or "that of <run>" without a digest.

    The same states count as the same, in whatever way an arm observes them.
    """
    probe_set = run.section("probe_set")
    digest = probe_set.get("states_sha256") or probe_set.get("sha256")
    return str(digest or f"that of {run.title}") if probe_set else "none"


def _is_setting(name: str) -> bool:
    words = name.rpartition(".")[2].split("_")
    return (
        name not in (*_CIRCUMSTANCES, *_NAMES)
        and not name.startswith(_MEASURED)
        and words[-1] not in _IGNORED
    )


def _of_extractor(name: str) -> bool:
    """Whether a setting only says how the features extractor was made: it is shown with it."""
    return name.startswith(f"{_EXTRACTOR}.") and name != _OF_ITS_OWN


def _setting(name: str) -> Callable[[Run], Any]:
    return _extractor if name == _EXTRACTOR else lambda run: run.settings.get(name, NOT_SET)


def _extractor(run: Run) -> Any:
    """Return the features extractor's class with what it was made with, one setting."""
    made = {k: v for k, v in run.settings.items() if _of_extractor(k)}
    parts = (f"{name.rpartition('.')[2]} {_word(made[name])}" for name in sorted(made))
    words = ", ".join(parts)
    name = run.settings.get(_EXTRACTOR, NOT_SET)
    return f"{name} ({words})" if words else name


def _entry(section: str, name: str) -> Callable[[Run], Any]:
    return lambda run: run.section(section).get(name, NOT_SET)


def _values(runs: Sequence[Run], read: Callable[[Run], Any]) -> str:
    return ", ".join(sorted({_word(read(run)) for run in runs}))


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return f"[{', '.join(map(_word, value))}]"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
