"""Evidence that no run holds alone: arms compared with the floor, and with each other."""

from goalscope.diagnostics.record.keys import ACTOR, CRITIC, Family
from goalscope.diagnostics.record.metrics import (
    CONTENT_ERROR,
    FRESH_CONTENT_ERROR,
    Q_GOAL_SWAP,
    RAW_CONTENT_ERROR,
)
from goalscope.reports.claims.arm_success import success_test
from goalscope.reports.claims.floors import highest_floor
from goalscope.reports.claims.success import arm_successes, mean_success
from goalscope.reports.numbers.changes import changed_by, made_of
from goalscope.reports.numbers.runs import Arms, Run
from goalscope.reports.numbers.windows import Time, Window, window_number
from goalscope.reports.rivals.evidence import Evidence, measured_evidence
from goalscope.reports.statistics.samples import Sample, sort_sample
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.seed_tests import raised, untested
from goalscope.reports.statistics.thresholds import Thresholds

FLOOR_MARGIN = 0.10  # success within this of the floor counts as at the floor


def at_the_floor(
    arms: Arms, time: Time, window: Window | None, thresholds: Thresholds
) -> list[Evidence]:
    """Return of each arm whether success lies within 10 points of the floor, or below.

    Args:
        arms: arm -> its runs, the baseline first.
        time: success is judged late.
        window: of that time; the last common evaluation counts, whatever the window.
        thresholds: that decide.
    """
    label = f"success at the last evaluation, within {FLOOR_MARGIN:.0%} of the floor"
    floor = highest_floor([run for group in arms.values() for run in group])
    if time != "late" or floor is None:
        why = "no floor was recorded" if time == "late" else "success is judged late"
        return [Evidence(label, Sample({}), None, untested(why))]
    limit = floor.rate + FLOOR_MARGIN
    return [
        Evidence(
            f"{label}: {arm}",
            success.sample,
            success.interval,
            success_test(success, limit, thresholds).flipped,
        )
        for arm, success in arm_successes(arms, thresholds).items()
    ]


def lost_content(
    arms: Arms, time: Time, window: Window | None, thresholds: Thresholds
) -> list[Evidence]:
    """Return whether the baseline's features tell the position worse than what they are made of.

    Than the raw images (ridge read-out of both), and than a fresh encoder's: a position that is
    hard to read from the image, too, is not what the features have lost.

    Args:
        arms: arm -> its runs, the baseline first.
        time: that the window is of.
        window: of that time.
        thresholds: that decide.
    """
    runs = next(iter(arms.values()))
    task, image = runs[0].task, runs[0].image_block()
    found = []
    for network in (CRITIC, ACTOR):
        own = CONTENT_ERROR.key(network, image, target=task.target, unit=task.key_unit)
        for metric, than in (
            (RAW_CONTENT_ERROR, "that from raw images"),
            (FRESH_CONTENT_ERROR, "a fresh encoder's"),
        ):
            other = metric.key(network, image, target=task.target, unit=task.key_unit)
            numbers = {run.label: _ratio(run, own, other, window) for run in runs}
            label = f"error of the {task.target}'s position over {than} ({network})"
            found.append(
                measured_evidence(
                    label, numbers, Scale.LOG, "above", 1.0, thresholds, network=network
                )
            )
    return found


def _ratio(run: Run, key: str, other: str, window: Window | None) -> float | None:
    first, second = window_number(run, key, window), window_number(run, other, window)
    return None if first is None or not second else first / second


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
            found.append(Evidence(label, Sample({}), None, untested(reason)))
            continue
        louder = numbers(loud)
        test, _ = raised(numbers(quiet), louder, scale, thresholds)
        label = f"{label} ({loud} over {quiet})"
        found.append(Evidence(label, louder, None, test))
    return found
