"""C7, the cause: does the goal's share order the arms by sensitivity and by success?"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from goalscope.diagnostics.record.keys import CRITIC, GOAL, Family
from goalscope.diagnostics.record.metrics import (
    DIMENSION_SHARE,
    FEATURE_SPREAD,
    Q_GOAL_SWAP,
    SIGNAL,
    SIGNAL_SHARE,
)
from goalscope.reports.claims.links import JudgedQuantity, Link, Point
from goalscope.reports.claims.quantities import Quantity
from goalscope.reports.claims.rank_correlation import judge_rank_correlation, rank_arms
from goalscope.reports.claims.success import SUCCESS
from goalscope.reports.numbers.changes import changed_by
from goalscope.reports.numbers.runs import DESIRED_GOAL, Arms, Run
from goalscope.reports.numbers.windows import Time, Window, window_number
from goalscope.reports.statistics.combining import conjunction
from goalscope.reports.statistics.outcomes import Outcome, Verdict
from goalscope.reports.statistics.scales import Scale
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


def cause_link(
    arms: Arms,
    time: Time,
    window: Window | None,
    family: Family | None,
    success: Mapping[tuple[str, str], float],
    thresholds: Thresholds,
) -> Link:
    """Return C7 at one time: rank correlations over arms, a number for each seed.

    Judged by the goal's share with the sensitivity in the same window, and with success. Beside
    them the same correlations of what else could order the arms, and those of the arms that only
    scale the image features. A seed takes part where enough arms have run it.

    Args:
        arms: arm -> its runs, the baseline first.
        time: that the window is of.
        window: of share and sensitivity; None where the shortest run never reached it.
        family: of the goal sensitivity.
        success: (arm, run label) -> area under its success curve (`mean_success`).
        thresholds: that decide.
    """
    share = _metric("goal's share of the critic's signal", SIGNAL_SHARE.key(CRITIC, GOAL), window)
    reactions = [
        _metric(
            "change of Q when the goal is exchanged",
            Q_GOAL_SWAP.within(family or Family.SENSITIVITY).key(),
            window,
        ),
        _Number(SUCCESS, "success over training", lambda run: success.get((run.arm, run.label))),
    ]
    quantities = [
        _judged(arms, time, share, reaction, thresholds.arms_to_rank, thresholds, decides=True)
        for reaction in reactions
    ]
    beside = [
        _judged(arms, time, other, reaction, thresholds.arms_to_rank, thresholds, decides=False)
        for other in _competitors(arms, window)
        for reaction in reactions
    ]
    doses = _dose_arms(arms)
    if len(doses) >= _DOSES_TO_RANK:
        dose = replace(share, label=f"{share.label}, dose arms alone")
        beside += [
            _judged(doses, time, dose, reaction, _DOSES_TO_RANK, thresholds, decides=False)
            for reaction in reactions
        ]
    verdict = conjunction([(q.quantity.short, q.verdict) for q in quantities if q.verdict])
    return Link("C7", time, next(iter(arms)), verdict, tuple(quantities), tuple(beside))


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
    *,
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
    correlation = rank_arms(points, seeds, needed, thresholds.confidence)
    quantity = Quantity(
        predictor.key,
        f"rank correlation over arms: {predictor.label} with {reaction.label}",
        f"{predictor.label}, {reaction.label}",
        "correlation",
        Scale.FISHER,
        "C7",
        0.0 if decides else None,
        above=decides,
        orders=reaction.key,
    )
    verdict = judge_rank_correlation(correlation, points, thresholds) if decides else None
    if decides and not seeds:
        reason = f"no seed was run by {needed} arms, the fewest that can be ranked"
        verdict = Verdict(Outcome.NOT_TESTED, reason)
    elif decides and not points:
        verdict = Verdict(Outcome.NOT_TESTED, _why_absent(predictor, reaction, arms))
    baseline = next(iter(arms))
    return JudgedQuantity(
        quantity,
        time,
        baseline,
        correlation.sample,
        correlation.interval,
        verdict,
        points=tuple(points),
    )


def _why_absent(predictor: _Number, reaction: _Number, arms: Arms) -> str:
    absent = [
        number.label
        for number in (predictor, reaction)
        if all(number.read(run) is None for runs in arms.values() for run in runs)
    ]
    return f"no run has a number for: {' and '.join(absent)}" if absent else "no run has both"
