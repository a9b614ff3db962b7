"""Evidence that no run holds alone: arms compared with the floor, and with each other."""

from goalscope.diagnostics.record.keys import Family
from goalscope.diagnostics.record.metrics import Q_GOAL_SWAP
from goalscope.reports.claims.success import last_evaluations, mean_success, recorded_floors
from goalscope.reports.numbers.changes import changed_by, made_of
from goalscope.reports.numbers.runs import Arms, Run
from goalscope.reports.numbers.windows import Time, Window, window_number
from goalscope.reports.rivals.evidence import Evidence
from goalscope.reports.statistics.outcomes import (
    Outcome,
    Sample,
    Verdict,
    judge_below,
    judge_raised,
    sort_sample,
)
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds

FLOOR_MARGIN = 0.10  # success within this of the floor counts as at the floor


def at_the_floor(
    arms: Arms, time: Time, window: Window | None, thresholds: Thresholds
) -> list[Evidence]:
    """Return of each arm whether success lies within 10 points of an idle agent's, or below.

    Args:
        arms: arm -> its runs, the baseline first.
        time: success is judged late.
        window: of that time; the last common evaluation counts, whatever the window.
        thresholds: that decide.
    """
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


def quiet_goal(
    arms: Arms, time: Time, window: Window | None, thresholds: Thresholds
) -> list[Evidence]:
    """Return what only other arms can tell of a goal that is quiet whatever the pixels do.

    Silent columns beside the goal (zeros, or image features times 0) make it quieter than it is
    alone, because first weights shrink with the width; and a standardised goal is louder. Told by
    how much an exchanged goal changes Q; late by success over training, where it was evaluated.

    Args:
        arms: arm -> its runs, the baseline first.
        time: late is judged by success.
        window: of that time.
        thresholds: that decide.
    """
    baseline = next(iter(arms))
    success = mean_success(arms) if time == "late" else {}
    what = "success over training" if success else "change of Q when the goal is exchanged"
    scale = Scale.PLAIN if success else Scale.LOG
    key = Q_GOAL_SWAP.within(Family.SENSITIVITY).key()

    def number(run: Run) -> float | None:
        return success.get((run.arm, run.label)) if success else window_number(run, key, window)

    def numbers(arm: str) -> Sample:
        return sort_sample({run.label: number(run) for run in arms[arm]}, scale)

    alone = ("goal-only", made_of(arms, "goal-only"))
    pairs = (
        (
            ("goal-only-wide", made_of(arms, "goal-only-wide")),
            alone,
            "the goal alone over the goal beside zeros",
        ),
        (
            ("scale0", changed_by(arms, "scale0")),
            alone,
            "the goal alone over it beside silent pixels",
        ),
        (
            (baseline, baseline),
            ("goal-std", changed_by(arms, "goal-std")),
            "standardised goals over the baseline's",
        ),
    )
    found = []
    for (quiet_name, quiet), (loud_name, loud), words in pairs:
        label = f"{what}: {words}"
        if quiet is None or loud is None:
            reason = f"no arm {quiet_name if quiet is None else loud_name} here"
            verdict = Verdict(Outcome.NOT_TESTED, reason)
            found.append(Evidence(label, Sample({}), None, verdict, arm=baseline))
            continue
        louder = numbers(loud)
        verdict, _ = judge_raised(numbers(quiet), louder, scale, thresholds)
        label = f"{label} ({loud} over {quiet})"
        found.append(Evidence(label, louder, None, verdict, arm=baseline))
    return found
