"""What a reader must be warned of, a line each: cut-off runs, failures, NaN, uneven comparisons."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from goalscope.diagnostics.record.keys import Family, parse
from goalscope.reports.numbers.difference_warnings import difference_warnings
from goalscope.reports.numbers.differences import (
    Difference,
    probe_set_digest,
    resumes_in_words,
)
from goalscope.reports.numbers.runs import SCHEDULED, Arms, Run
from goalscope.reports.numbers.windows import (
    TIMES,
    Times,
    Window,
    comparable,
    has_finished,
    updates_per_step,
)

_NAN_LINES = 3  # a diverged run turns every metric NaN: the first few updates say where it began


def run_warnings(run: Run) -> list[str]:
    """Return what is wrong with a run's record: no end, resumed, disorder, failures, NaN."""
    found = []
    end = run.record.end
    if run.record.going:
        found.append(
            f"{run.title} is still going on, at update {run.updates:,}: this page is made from "
            "what is there"
        )
    elif end is None:
        torn = ", its last line torn" if run.record.torn else ""
        found.append(
            f"{run.title} was cut off after update {run.updates:,} (no end in its record{torn}): "
            "this page is made from what is there"
        )
    elif not has_finished(run):
        found.append(
            f"{run.title} ended early, at update {end.update:,}: "
            f"{end.details.get('reason', 'no reason given')}"
        )
    found += [f"{run.title} was {words}" for words in resumes_in_words(run)]
    found += _disorder(run)
    found += _failures(run)
    found += _nonfinite(run)
    if not run.metrics:
        found.append(f"{run.title} holds no measurement, only events")
    return found


def _disorder(run: Run) -> list[str]:
    """Return that lines stand twice, or before what they should follow: a run writes neither."""
    lines = run.record.lines
    measured = np.flatnonzero(np.diff(lines.starts))
    first = lines.starts[measured]  # its first number tells one measurement from another
    values = lines.values[first].view(np.int64)  # NaN equals itself
    rows = np.stack(
        [lines.keys[first], lines.updates[measured], lines.steps[measured], values], axis=1
    )
    twice = len(rows) - len(np.unique(rows, axis=0))
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    early = int(((np.diff(rows[:, 0]) == 0) & (np.diff(rows[:, 1]) < 0)).sum())
    found = []
    if twice:
        found.append(f"{_times(twice, 'measurement')} of {run.title} in the record twice")
    if early:
        found.append(
            f"{_times(early, 'measurement')} of {run.title} after later ones: here they are in "
            "the order of their updates"
        )
    return [f"{words}; the file was changed after it was written" for words in found]


def _times(count: int, what: str) -> str:
    return f"{count} {what} stands" if count == 1 else f"{count} {what}s stand"


def _failures(run: Run) -> list[str]:
    causes: dict[str, tuple[int, int, str]] = {}
    for line in run.record.failures:
        instrument = line.details.get("instrument", "an instrument")
        count, update, cause = causes.get(
            instrument, (0, line.update, line.details.get("cause", "cause not recorded"))
        )
        count = max(count + 1, line.details.get("count", 0))
        causes[instrument] = (count, update, cause)
    return [
        f"{instrument} failed {count} time{'s' if count > 1 else ''} in {run.title}, first at "
        f"update {update:,}: {cause}"
        for instrument, (count, update, cause) in causes.items()
    ]


def _nonfinite(run: Run) -> list[str]:
    by_update: dict[int, list[str]] = defaultdict(list)
    for key, update in run.record.nonfinite().items():
        by_update[update].append(key)
    found = []
    for update in sorted(by_update)[:_NAN_LINES]:
        keys = sorted(by_update[update])
        more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        found.append(f"NaN or infinity in {keys[0]}{more} of {run.title} from update {update:,}")
    rest = sum(len(by_update[update]) for update in sorted(by_update)[_NAN_LINES:])
    if rest:
        found.append(f"NaN or infinity in {rest} further metrics of {run.title} later on")
    return found


def comparison_warnings(
    arms: Arms, times: Times, family: Family | None, differences: Sequence[Difference]
) -> list[str]:
    """Return what limits a comparison, beside what is wrong with its records."""
    runs = [run for group in arms.values() for run in group]
    baseline = next(iter(arms))
    found = difference_warnings(arms, differences)
    found += _seeds(arms, baseline)
    found += times_warnings(times, runs)
    whole = {run.title: run.steps for run in runs if has_finished(run)}
    unequal = len(set(whole.values())) > 1
    if unequal and any(title in whole for title in times.left_out):
        found.append(
            "to compare all that finished over the same steps, give --until-step "
            f"{min(whole.values())} (in Python until_step)"
        )
    found += _sensitivity(runs, family)
    found += _pace(arms)
    return found


def _seeds(arms: Arms, baseline: str) -> list[str]:
    single = [arm for arm, runs in arms.items() if len(runs) == 1]
    found = []
    if single:
        has, its = ("has", "its") if len(single) == 1 else ("have", "their")
        found.append(
            f"{', '.join(single)} {has} a single seed: {its} numbers are shown, nothing is tested"
        )
    unseeded = [run.title for runs in arms.values() for run in runs if run.seed is None]
    if unseeded:
        found.append(
            f"{', '.join(unseeded)} recorded no seed: each counts as a run of its own, paired with "
            "none. That holds if each began from other random numbers; seed the agent, or give "
            "ModalityDiagnostics(..., seed=...)"
        )
    return found + _unpaired(arms, baseline)


def _unpaired(arms: Arms, baseline: str) -> list[str]:
    """Return which seeds have no partner, of arms that lack the same in one line."""
    seeds = {arm: {r.seed for r in runs if r.seed is not None} for arm, runs in arms.items()}
    alike: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for arm, own in seeds.items():
        if own and seeds[baseline]:
            alike[tuple(sorted(own ^ seeds[baseline]))].append(arm)
    return [
        f"{', '.join(group)} and {baseline} are paired by seed; only one of "
        f"{'them' if len(group) == 1 else 'each pair'} has "
        f"seed{'s' if len(unpaired) > 1 else ''} {', '.join(map(str, unpaired))}"
        for unpaired, group in alike.items()
        if unpaired
    ]


def times_warnings(times: Times, runs: Sequence[Run]) -> list[str]:
    """Return what the windows cannot show of these runs."""
    found = []
    if times.late_is_early:
        found.append(
            f"{times.shortest} ends so soon that late still lies inside the first "
            f"{times.early_end:,} updates: train longer to see late training"
        )
    between = () if not times.late_is_early else ("middle",)
    missing = [t for t in TIMES if times.windows[t] is None and t not in between]
    if missing:
        found.append(f"{times.shortest} is too short for {' and '.join(missing)}: not tested")
    for time in TIMES:
        gone = [title for title, first in times.left_out.items() if first == time]
        if gone:
            window = times.windows[time]
            found.append(
                f"{', '.join(gone)} did not come to the end of {time} ({window}): left out from "
                "there on"
            )
    late = times.windows["late"]
    if late is not None:
        unseen = [r.title for r in runs if late.reaches(r) and _is_silent_in(r, late)]
        if unseen:
            found.append(
                f"{', '.join(unseen)} measured nothing late ({late}): give the callback a smaller "
                "features_every, gradients_every or sensitivity_every (--every.features and so on)"
            )
    longest = max(run.updates for run in runs)
    shortest = min(run.updates for run in comparable(runs))
    if longest > shortest * 1.1:
        found.append(
            f"{times.shortest} is the shortest run that counts and sets the late window for all "
            f"(it ends at update {shortest:,}, the longest at {longest:,})"
        )
    return found


def _is_silent_in(run: Run, window: Window) -> bool:
    """Whether nothing was measured in a window, of what was measured by schedule in the run."""
    columns = {
        id(column.updates): column.updates
        for key in run.metrics
        if parse(key).family in SCHEDULED and (column := run.column(key)) is not None
    }
    inside = [((at >= window.first) & (at <= window.last)).any() for at in columns.values()]
    return bool(inside) and not any(inside)


def _sensitivity(runs: Sequence[Run], family: Family | None) -> list[str]:
    if family is None:
        goals = any(run.observes_goal() is not False for run in runs)
        if not goals:
            return []
        without = [run.title for run in runs if not _on_probes(run)]
        if len(without) == len(runs):
            return ["goal sensitivity was not measured: C4 and C5 are not tested"]
        return [
            f"goal sensitivity was not measured on a probe set in {', '.join(without)}: C4 and C5 "
            "are tested without them"
        ]
    if family is Family.SENSITIVITY_REPLAY:
        return [
            "not every run has a probe set: sensitivity is that of each run's own replay "
            "batches, which differ between runs"
        ]
    digests = {probe_set_digest(run) for run in runs}
    if len(digests) > 1:
        return [
            "the runs do not share one probe set: part of any difference in sensitivity is "
            "the probe set's"
        ]
    return []


def _on_probes(run: Run) -> bool:
    return any(parse(key).family == Family.SENSITIVITY for key in run.metrics)


def _pace(arms: Arms) -> list[str]:
    if not uneven_pace(arms):
        return []
    paces = ", ".join(f"{arm} {pace:.3g}" for arm, pace in arm_paces(arms).items())
    return [
        f"arms make other numbers of updates per step ({paces}): they are compared by update, and "
        "in a second table by step"
    ]


def arm_paces(arms: Arms) -> Mapping[str, float]:
    """Return arm -> updates per step of its first run."""
    return {arm: updates_per_step(runs[0]) for arm, runs in arms.items()}


def uneven_pace(arms: Arms) -> bool:
    """Whether arms make other numbers of updates per step, by more than 2 %."""
    paces = [pace for pace in arm_paces(arms).values() if pace == pace]
    return bool(paces) and max(paces) > 1.02 * min(paces)
