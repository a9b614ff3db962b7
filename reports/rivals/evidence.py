"""What speaks for each rival, over the seeds of an arm at each of the three times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from goalscope.reports.claims.success import last_evaluations, mean_success, recorded_floors
from goalscope.reports.numbers.tables import Run
from goalscope.reports.numbers.windows import TIMES, Time, Times, Window, window_number
from goalscope.reports.rivals.check import Check
from goalscope.reports.rivals.checks import CHECKS
from goalscope.reports.rivals.rivals import RIVALS, Rival
from goalscope.reports.statistics.combining import conjunction, disjunction
from goalscope.reports.statistics.intervals import Interval, Scale
from goalscope.reports.statistics.outcomes import (
    Outcome,
    Sample,
    Verdict,
    judge_above,
    judge_below,
    judge_raised,
    sort_sample,
)
from goalscope.reports.statistics.thresholds import Thresholds

Arms = Mapping[str, Sequence[Run]]
FLOOR_MARGIN = 0.10  # success within this of the floor counts as at the floor


@dataclass(frozen=True)
class Evidence:
    """One check of a rival, over the seeds of an arm at one time.

    Attributes:
        label: what was measured.
        sample: its number for each seed.
        interval: mean and interval over the seeds; None without any number.
        verdict: whether it speaks for the rival.
        check: the check; None for evidence that compares arms.
    """

    label: str
    sample: Sample
    interval: Interval | None
    verdict: Verdict
    check: Check | None = None


@dataclass(frozen=True)
class Judged:
    """A rival in one arm at one time.

    Attributes:
        rival: which.
        arm: whose.
        time: when.
        verdict: of all its evidence together.
        evidence: part by part.
    """

    rival: Rival
    arm: str
    time: Time
    verdict: Verdict
    evidence: tuple[Evidence, ...]


def judge_rivals(arms: Arms, times: Times, thresholds: Thresholds) -> list[Judged]:
    """Return every rival of every arm at each time.

    Args:
        arms: arm -> its runs, the baseline first.
        times: the windows.
        thresholds: confidence, and how many seeds make a test.
    """
    at_the_floor = {
        time: _at_the_floor(time, arms, thresholds) for time in TIMES
    }  # of all arms alike
    found = []
    for arm, runs in arms.items():
        for rival in RIVALS:
            for time in TIMES:
                evidence = (
                    at_the_floor[time]
                    if rival.name == "R1"
                    else _evidence(rival, arm, runs, time, times.windows[time], arms, thresholds)
                )
                found.append(Judged(rival, arm, time, _together(rival, evidence), tuple(evidence)))
    return found


def _evidence(
    rival: Rival,
    arm: str,
    runs: Sequence[Run],
    time: Time,
    window: Window | None,
    arms: Arms,
    thresholds: Thresholds,
) -> list[Evidence]:
    own = [
        check
        for check in CHECKS
        if check.rival == rival.name and time in check.times and any(map(check.applies, runs))
    ]
    found = [_checked(check, runs, window, thresholds) for check in own]
    if rival.name == "R12" and arm == next(iter(arms)):
        found += _quiet_goal(arms, time, window, thresholds)
    return found


def _checked(
    check: Check, runs: Sequence[Run], window: Window | None, thresholds: Thresholds
) -> Evidence:
    sample = sort_sample({run.label: check.read(run, window) for run in runs}, check.scale)
    judge = judge_above if check.speaks == "above" else judge_below
    verdict, interval = judge(sample, check.scale, check.threshold, thresholds)
    return Evidence(check.label, sample, interval, verdict, check)


def _at_the_floor(time: Time, arms: Arms, thresholds: Thresholds) -> list[Evidence]:
    """Return of each arm whether success lies within 10 points of an idle agent's, or below."""
    label = f"success at the last evaluation, within {FLOOR_MARGIN:.0%} of the floor"
    floors = recorded_floors([run for group in arms.values() for run in group])
    if time != "late" or not floors:
        why = "no floor was recorded" if time == "late" else "success is judged late"
        return [Evidence(label, Sample({}), None, Verdict(Outcome.NOT_TESTED, why))]
    rows, limit = last_evaluations(arms), floors[0].rate + FLOOR_MARGIN
    found = []
    for arm, runs in arms.items():
        values: dict[str, float | None] = {run.label: None for run in runs}
        values |= {row["label"]: row["value"] for row in rows if row["arm"] == arm}
        sample = sort_sample(values, Scale.LOGIT)
        verdict, interval = judge_below(sample, Scale.LOGIT, limit, thresholds)
        found.append(Evidence(f"{label}: {arm}", sample, interval, verdict))
    return found


def _quiet_goal(
    arms: Arms, time: Time, window: Window | None, thresholds: Thresholds
) -> list[Evidence]:
    """Return what only other arms can tell of a goal that is quiet whatever the pixels do.

    Silent columns beside the goal (zeros, or image features times 0) make it quieter than it is
    alone, because first weights shrink with the width; and a standardised goal is louder. Told by
    how much an exchanged goal changes Q; late by success over training, where it was evaluated.
    """
    pairs = (
        (("goal-only-wide",), ("goal-only",), "the goal alone over the goal beside zeros"),
        (("-scale0", "+scale0"), ("goal-only",), "the goal alone over it beside silent pixels"),
        ((next(iter(arms)),), ("-goal-std", "+goal-std"), "standardised goals over the baseline's"),
    )
    success = mean_success(arms) if time == "late" else {}
    what = "success over training" if success else "change of Q when the goal is exchanged"

    scale = Scale.PLAIN if success else Scale.LOG
    key = "sensitivity/critic.desired_goal.q_goal_swap"

    def number(run: Run) -> float | None:
        return success.get((run.arm, run.label)) if success else window_number(run, key, window)

    def numbers(arm: str) -> Sample:
        return sort_sample({run.label: number(run) for run in arms[arm]}, scale)

    found = []
    for before, after, words in pairs:
        label = f"{what}: {words}"
        first, second = _named(arms, before), _named(arms, after)
        if first is None or second is None:
            lacking = before if first is None else after
            reason = f"no arm {' or '.join(name.lstrip('-+') for name in lacking[:1])} here"
            verdict = Verdict(Outcome.NOT_TESTED, reason)
            found.append(Evidence(label, Sample({}), None, verdict))
            continue
        loud = numbers(second)
        verdict, _ = judge_raised(numbers(first), loud, scale, thresholds)
        found.append(Evidence(f"{label} ({second} over {first})", loud, None, verdict))
    return found


def _named(arms: Arms, endings: tuple[str, ...]) -> str | None:
    """Return the arm of that name, or the first whose name ends so."""
    exact = [arm for arm in arms if arm in endings]
    suffixes = tuple(ending for ending in endings if ending[0] in "-+")
    changed = [arm for arm in arms if suffixes and arm.endswith(suffixes)]
    base = next(iter(arms))
    return next(iter([*exact, *(arm for arm in changed if arm.startswith(base))]), None)


def _together(rival: Rival, evidence: Sequence[Evidence]) -> Verdict:
    if not evidence:
        return Verdict(Outcome.NOT_TESTED, "nothing that would tell is measured at this time")
    measured = [(part.label, part.verdict) for part in evidence if part.check is not None]
    compared = [(part.label, part.verdict) for part in evidence if part.check is None]
    if measured and compared:  # R12: a number of the run alone, or other arms that all agree
        return disjunction([*measured, ("other arms", conjunction(compared))])
    parts = measured or compared
    return conjunction(parts) if rival.needs_all else disjunction(parts)
