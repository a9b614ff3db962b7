"""The answer in words: one sentence for each of the three times, and one for all of them."""

import math
from collections.abc import Sequence

from goalscope.diagnostics.record.keys import ACTOR, ACTOR_LOSS, CRITIC, CRITIC_LOSS, Metric
from goalscope.diagnostics.record.metrics import (
    Q_GOAL_DISTANCE,
    Q_GOAL_SWAP,
    SIGNAL_GRADIENT_SHARE,
    SIGNAL_SHARE,
)
from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.claims.chain import CHAIN
from goalscope.reports.claims.early_call import EarlyCall
from goalscope.reports.claims.links import JudgedQuantity, Link
from goalscope.reports.claims.quantities import Quantity
from goalscope.reports.claims.wording import value_of, with_interval
from goalscope.reports.numbers.runs import Arms, Run
from goalscope.reports.numbers.windows import TIMES, Time
from goalscope.reports.rivals.next_steps import Explanation
from goalscope.reports.statistics.equivalence import Equivalence
from goalscope.reports.statistics.formatting import count, percent, plain
from goalscope.reports.statistics.outcomes import Outcome
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds

_NAMES: dict[Time, str] = {
    "initialisation": "At initialisation",
    "early": "Early in training",
    "late": "Late in training",
}
_ARMS_NAMED, _QUANTITIES_NAMED = 2, 2  # more would drown the sentence; the table has them all


def time_sentences(assessment: Assessment, arms: Arms) -> list[str]:
    """Return three sentences: at initialisation, early, late.

    Each says whether the goal is drowned in the baseline, the numbers behind C1, C2 and C4 with
    their intervals, what the other arms change, and every outcome.
    """
    return [_sentence(assessment, arms, time) for time in TIMES]


def overall_sentence(assessment: Assessment) -> str:
    """Return one sentence for the page: the outcome at each time, never averaged over them."""
    drowned = _over_time([str(assessment.chain(time)) for time in TIMES])
    fixes = [
        f"that {arm} restores it: "
        + _over_time([str(assessment.find("C5", time, arm).verdict) for time in TIMES])
        for arm in assessment.arms[1 : 1 + _ARMS_NAMED]
    ]
    link = f"That the image features drown the goal of {assessment.baseline}: {drowned}"
    return "; ".join([link, *fixes]) + "."


def _over_time(outcomes: Sequence[str]) -> str:
    if len(set(outcomes)) == 1:
        return f"{outcomes[0]} at all three times"
    when: dict[str, list[str]] = {}
    for time, outcome in zip(TIMES, outcomes, strict=True):
        when.setdefault(outcome, []).append(time)
    return ", ".join(f"{outcome} ({' and '.join(times)})" for outcome, times in when.items())


def equivalence_in_words(quantity: Quantity, equivalence: Equivalence) -> str:
    """Return whether two arms are the same in a quantity, with the margin and the test."""
    within = f"{plain(equivalence.margin)} of Fisher's z"
    if quantity.scale in (Scale.LOG, Scale.LOGIT):
        odds = " of the odds" if quantity.scale is Scale.LOGIT else ""
        within = f"a factor of {math.exp(equivalence.margin):.3g}{odds}"
    shown = "no difference" if equivalence.equivalent else "not shown to be no difference"
    return f"{shown} (within {within}, TOST p {plain(equivalence.p_value)})"


def early_call_sentence(call: EarlyCall) -> str:
    """Return from when on the outcome of a link was what it is at the end."""
    *_, (end, outcome) = call.outcomes.items()
    what = f"{call.link} of {call.arm}"
    if call.settled is None:
        return f"{what} is not tested at the end, so that nothing could be called early."
    if call.settled == end:
        return f"{what} is {outcome} at the end ({call.axis} {end:,}), and was not before."
    return (
        f"{what} is {outcome} from {call.axis} {call.settled:,} on, {percent(call.settled / end)} "
        f"of the way to {end:,}."
    )


def next_step_sentence(explanation: Explanation) -> str:
    """Return an explanation that is left, its outcome, what to do, and the arm that tests it."""
    rival, when = explanation.rival, " and ".join(explanation.times)
    test = ""
    if explanation.present:
        test = f"; {explanation.present}, in this study, tests it alone"
    elif explanation.arm:
        test = f"; test it alone with {explanation.arm}"
    return f"{rival.title} ({rival.name} {explanation.verdict}, {when}): {rival.advice}{test}."


def single_run_sentences(assessment: Assessment, run: Run) -> list[str]:
    """Return the numbers of one run, a sentence for each of the three times."""
    found = []
    for time in TIMES:
        if assessment.times.windows[time] is None:
            found.append(f"{_NAMES[time]}: nothing to say, {run.title} ended before it began.")
            continue
        clauses = [clause for _, clause in _clauses(assessment, time)]
        found.append(f"{_NAMES[time]} ({_when(assessment, time)}): {'; '.join(clauses)}.")
    return found


def one_seed_sentence(run: Run, thresholds: Thresholds) -> str:
    """Return that the numbers of one run are no test, and what the claim would call drowned."""
    return (
        f"One seed is no test: these are the numbers of {run.title} alone. The claim calls the "
        f"goal drowned below {percent(thresholds.goal_share)} of signal and gradient, and Q deaf "
        f"below {plain(thresholds.q_goal_swap)} standard deviations and a correlation of "
        f"{plain(thresholds.q_goal_distance)}."
    )


def _sentence(assessment: Assessment, arms: Arms, time: Time) -> str:
    baseline = assessment.baseline
    if assessment.times.windows[time] is None:
        shortest = min(run.updates for group in arms.values() for run in group)
        return (
            f"{_NAMES[time]}: not tested, because {assessment.times.shortest} ended before it "
            f"began ({count(shortest, 'update')})."
        )
    clauses = [f"{clause} ({_outcome(link)})" for link, clause in _clauses(assessment, time)]
    clauses += [_fix(assessment, time, arm) for arm in assessment.arms[1 : 1 + _ARMS_NAMED]]
    if len(assessment.arms) > 1 + _ARMS_NAMED:
        clauses.append(f"{len(assessment.arms) - 1 - _ARMS_NAMED} more arms in the table")
    seeds = count(len(arms[baseline]), "seed")
    tested = len(arms[baseline]) >= assessment.thresholds.seeds_to_test
    level = f"; brackets: {100 * assessment.thresholds.confidence:g} % intervals" if tested else ""
    return (
        f"{_NAMES[time]} {_chain(assessment, time)}: in {baseline} {'; '.join(clauses)} "
        f"({_when(assessment, time)}; {seeds}{level})."
    )


def _when(assessment: Assessment, time: Time) -> str:
    inside = time == "late" and assessment.times.late_is_early
    still = ", still inside the first 1,000 updates" if inside else ""
    return f"{assessment.times.windows[time]}{still}"


def _chain(assessment: Assessment, time: Time) -> str:
    verdict = assessment.chain(time)
    links = [assessment.find(link, time, assessment.baseline) for link in CHAIN]
    decisive = [link.name for link in links if str(link.verdict) == str(verdict)]
    where = f" ({', '.join(decisive)})"
    drowned = "the image features drown the goal"
    if verdict.outcome is Outcome.LEANING:
        lean = "towards" if verdict.way == "for" else "against"
        return f"the data lean {lean} the claim that {drowned}{where}"
    return {
        Outcome.SUPPORTED: f"the data support that {drowned}",
        Outcome.CONTRADICTED: f"the data contradict that {drowned}{where}",
        Outcome.UNDECIDED: f"it is undecided whether {drowned}{where}",
        Outcome.NOT_TESTED: f"it is not tested whether {drowned}{where}",
    }[verdict.outcome]


def _clauses(assessment: Assessment, time: Time) -> list[tuple[Link, str]]:
    """Return the links of the chain for the baseline, each with its numbers in words."""
    thresholds = assessment.thresholds
    signal, gradient, deafness = (
        assessment.find(name, time, assessment.baseline) for name in CHAIN
    )

    def number(link: Link, metric: Metric, owner: str) -> str:
        return _number(link.of(metric, owner), thresholds)

    return [
        (
            signal,
            f"the goal makes up {number(signal, SIGNAL_SHARE, CRITIC)} of what the critic's first "
            f"layer hears and {number(signal, SIGNAL_SHARE, ACTOR)} of what the actor's does",
        ),
        (
            gradient,
            f"{number(gradient, SIGNAL_GRADIENT_SHARE, CRITIC_LOSS)} of the critic loss's and "
            f"{number(gradient, SIGNAL_GRADIENT_SHARE, ACTOR_LOSS)} of the actor loss's signal "
            "gradient",
        ),
        (
            deafness,
            f"exchanging it moves Q by {number(deafness, Q_GOAL_SWAP, CRITIC)}, and Q follows "
            "closeness to it with a rank correlation of "
            f"{number(deafness, Q_GOAL_DISTANCE, CRITIC)}",
        ),
    ]


def _fix(assessment: Assessment, time: Time, arm: str) -> str:
    link = assessment.find("C5", time, arm)
    differences = [judged.difference for judged in link.quantities if judged.difference]
    if not differences:
        return f"{arm} has no seed to pair ({_outcome(link)})"
    raised = sum(difference.mean > 0 for difference in differences)
    pairs = min(difference.pairs for difference in differences)
    share = _number(link.of(SIGNAL_SHARE, CRITIC), assessment.thresholds)
    return (
        f"{arm} has it at {share} of what the critic hears and raises {raised} of "
        f"{len(differences)} quantities over {count(pairs, 'pair')} of seeds ({_outcome(link)})"
    )


def _number(judged: JudgedQuantity, thresholds: Thresholds) -> str:
    """Return mean and unit, with the interval where there are seeds enough for a test.

    The interval of two or three seeds spans almost everything: it stands in the tables, and would
    only make the sentence hard to read.
    """
    quantity, sample = judged.quantity, judged.sample
    if judged.interval is None:
        return "an unusable amount (NaN or impossible)" if sample.failed else "an unmeasured amount"
    unit = " standard deviations" if quantity.unit == "std of Q" else ""
    some = f" ({len(sample.numbers)} of {len(sample.labels)} seeds)" if sample.gaps else ""
    words = value_of(quantity, judged.interval.mean)
    if judged.interval.seeds >= thresholds.seeds_to_test:
        words = with_interval(quantity, judged.interval)
    return f"{words}{unit}{some}"


def _outcome(link: Link) -> str:
    names = link.deciding
    if len(names) > _QUANTITIES_NAMED:
        names = [f"{len(names)} of {len(link.quantities)} parts"]
    return f"{link.name} {link.verdict}" + (f" by {' and '.join(names)}" if names else "")
