"""C7, the cause: does the goal's share order the arms by sensitivity and by success?"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from goalscope.diagnostics.record.keys import CRITIC, GOAL
from goalscope.diagnostics.record.metrics import (
    DIMENSION_SHARE,
    FEATURE_SPREAD,
    SIGNAL,
    SIGNAL_SHARE,
)
from goalscope.reports.claims.deciding import Study
from goalscope.reports.claims.floors import highest_floor
from goalscope.reports.claims.links import JudgedQuantity, Link, Point
from goalscope.reports.claims.quantities import Quantity
from goalscope.reports.claims.rank_correlation import rank_arms, rank_test, ranked_together
from goalscope.reports.claims.success import SUCCESS, arm_successes
from goalscope.reports.numbers.changes import changed_by
from goalscope.reports.numbers.runs import DESIRED_GOAL, Arms, Run
from goalscope.reports.numbers.windows import Time, Window, window_number
from goalscope.reports.statistics.formatting import percent
from goalscope.reports.statistics.outcomes import not_tested
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.seed_tests import untested
from goalscope.reports.statistics.thresholds import Thresholds

Reader = Callable[[Run], float | None]
_DOSES = ("scale0", "scale0.1", "scale10")
_DOSES_TO_RANK = 3


@dataclass(frozen=True)
class _Number:
    """A number of each run.

    Attributes:
        key: record key or setting.
        label: what it is, in words.
        read: the number of a run, None where it has none.
    """

    key: str
    label: str
    read: Reader


def cause_links(
    arms: Arms,
    time: Time,
    window: Window | None,
    study: Study,
    success: Mapping[tuple[str, str], float],
    thresholds: Thresholds,
) -> list[Link]:
    """Return both halves of C7 at one time: rank correlations over arms, a number for each seed.

    Of the goal's share with the sensitivity in the same window, and with success. Beside each the
    same correlations of what else could order the arms, and those of the arms that only scale the
    image features. A seed takes part where enough arms have run it. Arms in which the goal is loud
    and success low break the rule, and are named.

    Args:
        arms: arm -> its runs, the baseline first.
        time: that the window is of.
        window: of share and sensitivity; None where no run that counts has reached it.
        study: what the runs measured alike.
        success: (arm, run label) -> area under its success curve (`mean_success`).
        thresholds: that decide.
    """
    share = _metric("goal's share of the critic's signal", SIGNAL_SHARE.key(CRITIC, GOAL), window)
    halves = {
        "sensitivity": _metric(
            "change of Q when the goal is exchanged", study.output_reaction(CRITIC), window
        ),
        "success": _Number(
            SUCCESS, "success over training", lambda run: success.get((run.arm, run.label))
        ),
    }
    doses = _dose_arms(arms)
    found = []
    for half, reaction in halves.items():
        decides = _judged(arms, time, share, reaction, thresholds.arms_to_rank, thresholds, True)
        beside = [
            _judged(arms, time, other, reaction, thresholds.arms_to_rank, thresholds, False)
            for other in _competitors(arms, window)
        ]
        if len(doses) >= _DOSES_TO_RANK:
            dose = replace(share, label=f"{share.label}, dose arms alone")
            beside.append(_judged(doses, time, dose, reaction, _DOSES_TO_RANK, thresholds, False))
        broken = _rule_breakers(decides, arms, thresholds) if half == "success" else ()
        test = decides.test or untested("")
        baseline = next(iter(arms))
        found.append(
            Link(
                "C7",
                None,
                time,
                baseline,
                test,
                not_tested(""),
                (decides,),
                tuple(beside),
                half=half,
                counter_examples=broken,
            )
        )
    return found


def _rule_breakers(judged: JudgedQuantity, arms: Arms, thresholds: Thresholds) -> tuple[str, ...]:
    """Return the arms in which the goal is not outweighed, and that fail all the same."""
    floor = highest_floor([run for runs in arms.values() for run in runs])
    if floor is None:
        return ()
    last = arm_successes(arms, thresholds)
    found = []
    for arm in arms:
        shares = [point.predictor for point in judged.points if point.arm == arm]
        reached = last[arm].interval
        if not shares or reached is None or reached.mean > floor.high:
            continue
        share = float(np.mean(shares))
        if share >= thresholds.goal_share:
            found.append(f"{arm} (share {percent(share)}, success {percent(reached.mean)})")
    return tuple(found)


def _metric(label: str, key: str, window: Window | None) -> _Number:
    return _Number(key, label, lambda run: window_number(run, key, window))


def _competitors(arms: Arms, window: Window | None) -> list[_Number]:
    """Return what else could order the arms: it decides nothing, and is shown beside."""
    image = next(iter(arms.values()))[0].image_block()
    return [
        _metric("goal's share of the dimensions", DIMENSION_SHARE.key(CRITIC, GOAL), window),
        _Number("agent.learning_rate", "learning rate", _learning_rate),
        _metric("the goal's own signal", SIGNAL.key(CRITIC, GOAL), window),
        _metric(f"the signal of {image}", SIGNAL.key(CRITIC, image), window),
        _metric("spread of the desired goal", FEATURE_SPREAD.key(CRITIC, DESIRED_GOAL), window),
    ]


def _learning_rate(run: Run) -> float | None:
    value = run.settings.get("agent.learning_rate")
    return float(value) if isinstance(value, int | float) else None


def _dose_arms(arms: Arms) -> dict[str, Sequence[Run]]:
    """Return the baseline and the arms that differ from it in the scale of its image block."""
    baseline = next(iter(arms))
    found = {baseline, *(changed_by(arms, dose) for dose in _DOSES)}
    return {arm: runs for arm, runs in arms.items() if arm in found}


def _judged(
    arms: Arms,
    time: Time,
    predictor: _Number,
    reaction: _Number,
    needed: int,
    thresholds: Thresholds,
    decides: bool,
) -> JudgedQuantity:
    points = [
        Point(arm, run.label, first, second)
        for arm, runs in arms.items()
        for run in runs
        if (first := predictor.read(run)) is not None and (second := reaction.read(run)) is not None
    ]
    ran = Counter(run.label for runs in arms.values() for run in runs)
    seeds = [seed for seed, count in ran.items() if count >= needed]
    ranked, seeds = ranked_together(points, seeds, needed, thresholds)
    correlation = rank_arms(ranked, seeds, needed, thresholds.confidence)
    quantity = Quantity(
        predictor.key,
        f"rank correlation over arms: {predictor.label} with {reaction.label}",
        f"{predictor.label}, {reaction.label}",
        "correlation",
        Scale.FISHER,
        "C7",
        threshold=0.0 if decides else None,
        above=decides,
        orders=reaction.key,
    )
    test = rank_test(correlation, ranked, thresholds) if decides else None
    fewer = dict.fromkeys(p.arm for p in points if all(p.arm != own.arm for own in ranked))
    if test is not None and fewer:
        left_out = f"left out for want of seeds with numbers: {', '.join(fewer)}"
        test = replace(test, reason=f"{test.reason}; {left_out}")
    if decides and not seeds:
        test = untested(f"no seed was run by {needed} arms, the fewest that can be ranked")
    elif decides and not points:
        test = untested(_why_absent(predictor, reaction, arms))
    baseline = next(iter(arms))
    return JudgedQuantity(
        quantity,
        time,
        baseline,
        correlation.sample,
        correlation.interval,
        test,
        points=tuple(points),
    )


def _why_absent(predictor: _Number, reaction: _Number, arms: Arms) -> str:
    absent = [
        number.label
        for number in (predictor, reaction)
        if all(number.read(run) is None for runs in arms.values() for run in runs)
    ]
    return f"no run has a number for: {' and '.join(absent)}" if absent else "no run has both"
