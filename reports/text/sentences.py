"""What each time says of each network, in sentences; and of one run alone."""

import math
from collections.abc import Mapping, Sequence

from goalscope.diagnostics.record.keys import CRITIC
from goalscope.diagnostics.record.metrics import Q_GOAL_DISTANCE
from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.claims.deciding import NETWORKS
from goalscope.reports.claims.early_call import EarlyCall
from goalscope.reports.claims.links import JudgedQuantity, Link
from goalscope.reports.claims.quantities import Quantity
from goalscope.reports.claims.wording import value_of, with_interval
from goalscope.reports.numbers.runs import Run
from goalscope.reports.numbers.windows import TIMES, Time
from goalscope.reports.rivals.next_steps import Explanation
from goalscope.reports.statistics.equivalence import Equivalence
from goalscope.reports.statistics.formatting import capital, listed, percent, plain
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds
from goalscope.reports.text.answer import WHEN, grade_of


def time_sentences(assessment: Assessment) -> dict[Time, list[str]]:
    """Return time -> what it says of the baseline: critic and actor each by itself.

    The numbers with their intervals, made of what was measured, and the outcome of each.
    """
    found: dict[Time, list[str]] = {}
    for time in TIMES:
        if assessment.times.windows[time] is None:
            text = _not_reached(assessment, time)
            found[time] = [capital(text)]
            continue
        said = [
            sentence
            for network in NETWORKS
            for sentence in _of_network(_links(assessment, time, network), network, None)
        ]
        found[time] = said or [f"Nothing, as {assessment.baseline} was not measured then."]
    return found


def told_in_time(sentences: Mapping[Time, Sequence[str]]) -> list[str]:
    """Return a paragraph for each time, which opens with when that is."""
    return [f"{capital(WHEN[time])}: {' '.join(said)}" for time, said in sentences.items()]


def single_run_sentences(assessment: Assessment, run: Run) -> list[str]:
    """Return the numbers of one run, a paragraph for each of the four times."""
    found = []
    for time in TIMES:
        if assessment.times.windows[time] is None:
            found.append(f"{capital(WHEN[time])}: {_not_reached(assessment, time)}")
            continue
        sentences = [
            sentence
            for network in NETWORKS
            for sentence in _of_network(
                _links(assessment, time, network), network, assessment.thresholds
            )
        ]
        window = assessment.times.windows[time]
        start = f"{capital(WHEN[time])} ({window}):"
        found.append(" ".join([start, *(sentences or ["nothing was measured in it."])]))
    return found


def one_seed_sentence(run: Run, thresholds: Thresholds) -> str:
    """Return that the numbers of one run are no test, and what the claim would call drowned."""
    return (
        f"One seed is no test: these are the numbers of {run.title} alone. Below a share of "
        f"{percent(thresholds.goal_share)} the image features outweigh the goal, and below "
        f"{percent(thresholds.drowned_share)} it is drowned. Q is goal-insensitive below "
        f"{plain(thresholds.q_goal_swap)} standard deviations, the action below "
        f"{percent(thresholds.action_goal_swap)} of its range."
    )


def _not_reached(assessment: Assessment, time: Time) -> str:
    if time == "middle" and assessment.times.late_is_early:
        return "nothing, as early reaches to where late begins."
    return "nothing to say, the runs are too short."


def _links(assessment: Assessment, time: Time, network: str) -> Mapping[str, Link]:
    return {
        name: assessment.find(name, time, assessment.baseline, network)
        for name in ("C1", "C2", "C4")
    }


def _of_network(links: Mapping[str, Link], network: str, single: Thresholds | None) -> list[str]:
    """Return up to three sentences on a network; what was not measured has none.

    Args:
        links: C1, C2 and C4.
        network: whose.
        single: the thresholds, where this is one run of which nothing is tested; else None.
    """
    found = []
    for name, words in (
        ("C1", f"Of what the {network}'s first layer hears, the goal makes up"),
        ("C2", f"Of the {network} loss's signal gradient, it makes up"),
    ):
        link = links[name]
        share = link.quantities[0]
        if share.sample.silent:
            if name == "C1":
                found.append(f"The {network} has no share to judge ({share.sample.gaps}).")
        elif share.interval is not None:
            found.append(f"{words} {_number(share)}{_outcome(link, share, single)}.")
    reaction = links["C4"].quantities[0]
    if reaction.interval is not None:
        what = "Q" if network == CRITIC else "the action"
        unit = "standard deviations" if network == CRITIC else "of its range"
        number = f"{_number(reaction)} {unit}"
        if network != CRITIC:
            number = _percentages(reaction) + f" {unit}"
        follows = _follows(links["C4"]) if network == CRITIC else ""
        outcome = f" ({_reacts(links['C4'])})" if single is None else ""
        found.append(f"Another goal moves {what} by {number}{follows}{outcome}.")
    return found


def _number(judged: JudgedQuantity) -> str:
    """Return mean and interval, and how many seeds that is of, where some have no number."""
    if judged.interval is None:
        return "not measured"
    sample = judged.sample
    some = f" ({len(sample.numbers)} of {len(sample.labels)} seeds)" if sample.gaps else ""
    few = judged.interval.seeds < 3  # the interval of two spans almost everything
    words = value_of(judged.quantity, judged.interval.mean)
    return f"{words if few else with_interval(judged)}{some}"


def _percentages(judged: JudgedQuantity) -> str:
    interval = judged.interval
    if interval is None:
        return "not measured"
    if interval.seeds < 3:
        return percent(interval.mean)
    low = percent(interval.low).removesuffix(" %")
    return f"{percent(interval.mean)} [{low} to {percent(interval.high)}]"


def _outcome(link: Link, share: JudgedQuantity, single: Thresholds | None) -> str:
    """Return the grade that a share reached, and how sure that is."""
    mean = share.interval.mean if share.interval else math.nan
    if single is not None:
        return f": {grade_of(mean, single)}"
    if link.grade:
        return f": {link.grade} ({'leaning' if link.verdict.way else 'tested'})"
    return f" ({link.verdict})"


def _follows(link: Link) -> str:
    try:
        judged = link.of(Q_GOAL_DISTANCE)
    except KeyError:
        return ""
    if judged.interval is None:
        return ""
    return f", and Q follows closeness to it with a rank correlation of {_number(judged)}"


def _reacts(link: Link) -> str:
    way = link.verdict.speaks
    if way is None:
        return f"whether it reacts: {link.verdict}"
    words = "goal-insensitive" if way == "for" else "it reacts"
    return f"{words}, leaning" if link.verdict.way else f"{words}, tested"


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
    *before, (end, outcome) = call.outcomes.items()
    what = f"{call.link} of {call.arm} ({call.network})"
    if call.settled is None:
        return f"{what} is {outcome} at the end, so that nothing could be called early."
    if call.settled == end and before:
        cut, other = before[-1]
        return f"{what} is {outcome} at the end ({call.axis} {end:,}); at {cut:,} it was {other}."
    return (
        f"{what} is {outcome} from {call.axis} {call.settled:,} on, {percent(call.settled / end)} "
        f"of the way to {end:,}."
    )


def next_step_sentence(explanation: Explanation) -> str:
    """Return an explanation with evidence, its outcome, what to do, and the arm that tests it."""
    when = listed([WHEN[time] for time in explanation.times])
    title, advice = capital(explanation.title), capital(explanation.rival.advice)
    return f"{title} ({explanation.verdict}, {when}). {advice}. {explanation.tested}".rstrip()
