"""In what arms differ beside what they are meant to: what a comparison cannot tell apart."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from goalscope.reports.numbers.differences import (
    ENVIRONMENT,
    NOT_SET,
    Difference,
    changes_of_all_others,
    environment_differences,
    missing_single_changes,
    mixed_arms,
)
from goalscope.reports.numbers.runs import Arms

_NAMED = 5  # of what differs; the tables have all of it


def difference_warnings(arms: Arms, differences: Sequence[Difference]) -> list[str]:
    """Return what differs between arms, or among the runs of one, and limits their comparison.

    Args:
        arms: arm -> its runs, the baseline first.
        differences: of the settings between these arms.
    """
    baseline = next(iter(arms))
    found = [
        f"the runs of arm {arm} differ among themselves in {', '.join(names)}: they are not seeds "
        "of one configuration"
        for arm, names in mixed_arms(arms).items()
    ]
    shared = changes_of_all_others(arms, baseline, differences)
    if shared:
        found.append(
            f"every other arm differs from {baseline} in {' and '.join(shared)}, beside what it "
            f"changes by itself; missing: {baseline} with {_this(shared)} alone"
        )
    own = [
        _without(difference, shared.get(difference.name), baseline) for difference in differences
    ]
    for arm, missing in missing_single_changes(arms, baseline, own).items():
        changes = sum(d.is_known(arm, baseline) for d in own)
        found.append(
            f"{arm} differs from {baseline} in {changes} {'other ' * bool(shared)}settings at "
            "once: this comparison cannot tell which of them mattered"
            + (f"; missing: {_cut(missing)}" if missing else "")
        )
    found += _recorded_alone(arms, baseline, differences)
    found += _environments(arms, differences)
    return found


def _without(difference: Difference, value: str | None, baseline: str) -> Difference:
    """Return a difference of which arms with a value count as alike to the baseline."""
    own = difference.values[baseline]
    return replace(
        difference,
        values={arm: own if v == value else v for arm, v in difference.values.items()},
    )


def _this(names: Collection[str]) -> str:
    return "this" if len(names) == 1 else "these"


def _cut(parts: Sequence[str]) -> str:
    more = [f"and {len(parts) - _NAMED} more"] if len(parts) > _NAMED else []
    return "; ".join([*parts[:_NAMED], *more])


def _recorded_alone(arms: Arms, baseline: str, differences: Sequence[Difference]) -> list[str]:
    """Return of how many settings it is not known whether arms differ, alike arms together."""
    alike: dict[int, list[str]] = defaultdict(list)
    for arm in arms:
        alike[sum(d.is_of_one(arm, baseline) for d in differences)].append(arm)
    return [
        (
            f"1 setting is recorded of one arm alone, {baseline} or {' or '.join(group)}: whether "
            "they differ in it is not known"
            if number == 1
            else f"{number} settings are recorded of one arm alone, {baseline} or "
            f"{' or '.join(group)}: whether they differ in them is not known"
        )
        for number, group in alike.items()
        if number
    ]


def _environments(arms: Arms, differences: Sequence[Difference]) -> list[str]:
    """Return that the runs are not of one environment, or not of the same spaces, if so.

    Spaces that follow from a setting of the environment's are what the arm changes.
    """
    differing = environment_differences(arms)
    names = [d for d in differing if d.name == f"{ENVIRONMENT}id"]
    found = [
        "the runs are not of one environment: "
        + "; ".join(f"{', '.join(group)} in {name}" for name, group in d.arms_by_value.items())
        + ". What differs between them may be the task"
        for d in names
    ]
    baseline = next(iter(arms))
    own = [
        arm
        for arm in arms
        if not any(d.name.startswith("env.") and d.is_known(arm, baseline) for d in differences)
    ]
    spaces = [
        f"{d.name.removeprefix(ENVIRONMENT)} ({'; '.join(values)})"
        for d in differing
        if d not in names and any(d.is_known(arm, baseline) for arm in own)
        for values in [_values_of(d, own)]
    ]
    if spaces:
        found.append(f"the arms observe or act in other spaces: {_cut(spaces)}")
    return found


def _values_of(difference: Difference, arms: Collection[str]) -> list[str]:
    """Return each value that is known with the arms that have it."""
    return [
        f"{value} in {', '.join(group)}"
        for value, having in difference.arms_by_value.items()
        if value != NOT_SET and (group := [arm for arm in having if arm in arms])
    ]
