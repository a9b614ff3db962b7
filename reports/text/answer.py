"""The answer to a comparison's question, in plain words: each network by itself, no codes."""

from collections.abc import Sequence

from goalscope.diagnostics.record.keys import CRITIC
from goalscope.diagnostics.record.metrics import SIGNAL_SHARE
from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.claims.deciding import NETWORKS
from goalscope.reports.claims.early_call import EarlyCall
from goalscope.reports.claims.extremes import Least
from goalscope.reports.claims.links import JudgedQuantity, Link
from goalscope.reports.claims.wording import value_of
from goalscope.reports.numbers.windows import TIMES, Time
from goalscope.reports.statistics.formatting import capital, count, listed, percent, plain
from goalscope.reports.statistics.outcomes import Outcome
from goalscope.reports.statistics.thresholds import Thresholds

WHEN: dict[Time, str] = {
    "initialisation": "at initialisation",
    "early": "early",
    "middle": "in the middle",
    "late": "late",
}
_ARMS_NAMED = 2  # more would drown the sentence; the table has them all


def answer_sentence(assessment: Assessment, calls: Sequence[EarlyCall], seeds: int) -> str:
    """Return the answer to "does the policy see its goal?": yes, no, or where and from when on.

    A network sees its goal where its output is shown to react to another one, at the last time
    that was measured; and does not where it is shown not to. Seeds that only lean are said to.

    Args:
        assessment: the links.
        calls: from when on each outcome held.
        seeds: of the baseline.
    """
    last = {network: _last(assessment, network) for network in NETWORKS}
    sees = {n: _sees(link) for n, link in last.items()}
    settled = {c.network: c for c in calls if c.link == "C4" and c.arm == assessment.baseline}
    leans = any(link.verdict.way for link in last.values())
    if all(sees.values()) and not leans:
        return f"Yes, {_since(settled)}: Q and the action both react to another goal."
    if all(seen is False for seen in sees.values()) and not leans:
        return "No: neither Q nor the action reacts to another goal."
    if all(seen is None for seen in sees.values()):
        return _unknown(last, seeds, assessment.thresholds)
    parts = []
    for network in sorted(NETWORKS, key=lambda n: sees[n] is not True):
        own = {network: settled[network]} if network in settled else {}
        words = {True: f"yes, {_since(own)}", False: "no", None: "undecided"}[sees[network]]
        leaning = ", as far as the seeds lean" if last[network].verdict.way else ""
        parts.append(f"in the {network}, {words}{leaning}")
    text = "; ".join(parts)
    return f"{capital(text)}."


def claim_sentence(assessment: Assessment) -> str:
    """Return the answer to the claim: where and when image features outweigh, or drown, the goal.

    What was tested, or leans; else what is so on average, said to be undecided. "At no time" takes
    a test that says so at every time, in both networks. Empty where no share of the baseline was
    tested, and none lies below the claim's.

    Args:
        assessment: the links.
    """
    thresholds = assessment.thresholds
    found = [
        (network, time, link)
        for network in NETWORKS
        for time, link in _share_links(assessment, network).items()
    ]
    if found and all(link.verdict.speaks == "against" for _, _, link in found):
        return "The image features outweigh it at no time in either network."
    decided = [each for each in found if each[2].verdict.speaks == "for"]
    if decided:
        return f"The image features {_outweighing(decided, found, thresholds)}."
    below = [
        each
        for each in found
        if (share := each[2].quantities[0]).interval
        and not share.sample.silent
        and share.interval.mean < thresholds.goal_share
    ]
    if below:
        seeds = max(len(each[2].quantities[0].sample.numbers) for each in below)
        start = "Undecided, but on average" if seeds > 1 else "Untested, but here"
        return f"{start} the image features {_outweighing(below, found, thresholds)}."
    if all(link.verdict.outcome is Outcome.NOT_TESTED for _, _, link in found):
        return ""
    return "That the image features outweigh it is not shown, in either network."


def _outweighing(
    some: Sequence[tuple[str, Time, Link]],
    every: Sequence[tuple[str, Time, Link]],
    thresholds: Thresholds,
) -> str:
    """Return in which network, and when, image features outweigh or drown the goal."""
    when: dict[tuple[str, str, str], list[str]] = {}
    for network, time, link in some:
        share = link.quantities[0].interval
        grade = link.grade or (grade_of(share.mean, thresholds) if share else "")
        leaning = ", as far as the seeds lean" if link.verdict.way else ""
        key = ("drown" if grade == "drowned" else "outweigh", network, leaning)
        when.setdefault(key, []).append(WHEN[time])
    where: dict[tuple[str, str, str], list[str]] = {}
    for (verb, network, leaning), times in when.items():
        all_times = len(times) == sum(other == network for other, _, _ in every)
        said = "at all times" if all_times else listed(times)
        where.setdefault((verb, said, leaning), []).append(f"the {network}")
    return ". They ".join(
        f"{verb} it in {listed(networks)} {said}{leaning}"
        for (verb, said, leaning), networks in where.items()
    )


def _last(assessment: Assessment, network: str) -> Link:
    """Return the link of insensitivity at the last time that was measured."""
    links = [assessment.find("C4", t, assessment.baseline, network) for t in reversed(TIMES)]
    return next((link for link in links if link.quantities[0].interval), links[0])


def _sees(link: Link) -> bool | None:
    way = link.verdict.speaks
    return None if way is None else way == "against"


def _since(calls: dict[str, EarlyCall]) -> str:
    ends = [call for call in calls.values() if call.settled is not None]
    if not ends:
        return "late in training"
    latest = max(ends, key=lambda call: call.settled or 0)
    if latest.settled == list(latest.outcomes)[-1]:
        return "late in training"
    return f"from {latest.axis} {latest.settled:,} on"


def _unknown(last: dict[str, Link], seeds: int, thresholds: Thresholds) -> str:
    measured = {n: q for n, link in last.items() if (q := link.quantities[0]).interval}
    if not measured:
        return "Not known: what another goal does to Q and to the action was not measured."
    moved = listed([_moved(network, judged) for network, judged in measured.items()])
    most = max(len(q.sample.numbers) for q in measured.values())
    untested = [v for n in measured if (v := last[n].verdict).outcome is Outcome.NOT_TESTED]
    if min(most, seeds) < thresholds.seeds_to_test:
        why = f"{count(min(most, seeds), 'seed')} cannot tell"
        if most < seeds:
            why += f" ({seeds - most} more had no measurement at the end)"
    elif len(untested) == len(measured):
        why = untested[0].reason
    elif all(_one_sided(judged) for judged in measured.values()):
        why = "chance is not ruled out"
    else:
        why = "the seeds disagree"
    mean = "on average " if most > 1 else "here "
    return f"Undecided, as {why}: {mean}another goal moves {moved}."


def _one_sided(judged: JudgedQuantity) -> bool:
    """Whether all seeds lie on one side of the quantity's threshold."""
    at = judged.quantity.threshold
    return at is None or len({value < at for value in judged.sample.numbers.values()}) < 2


def _moved(network: str, judged: JudgedQuantity) -> str:
    mean = judged.interval.mean if judged.interval else float("nan")
    if network == CRITIC:
        return f"Q by {plain(mean)} of its standard deviation"
    return f"the action by {percent(mean)} of its range"


def share_sentences(assessment: Assessment, least: Sequence[Least]) -> list[str]:
    """Return for each network the goal's share over the times, what it amounts to, and its least.

    Args:
        assessment: the links.
        least: of the baseline.
    """
    found = []
    for network in NETWORKS:
        links = _share_links(assessment, network)
        shares = [
            f"{value_of(q.quantity, q.interval.mean)} {WHEN[time]}"
            for time, link in links.items()
            if (q := link.of(SIGNAL_SHARE)).interval and not q.sample.silent
        ]
        if shares:
            grades = _grades(links, assessment.thresholds)
            start = f"{network.capitalize()}: the goal's share of the signal is {listed(shares)}"
            found.append(f"{start}. {grades}.")
        elif links:
            why = next(reversed(links.values())).verdict.reason
            found.append(f"{network.capitalize()}: there is no share of the goal to judge ({why}).")
        own = [one for one in least if one.network == network]
        found += [
            _least(one, links)
            for one in own
            if shares and one.mean < assessment.thresholds.goal_share
        ]
    return found


def _share_links(assessment: Assessment, network: str) -> dict[Time, Link]:
    """Return the link of the baseline's share at each time that was reached."""
    return {
        time: assessment.find("C1", time, assessment.baseline, network)
        for time in TIMES
        if assessment.times.windows[time] is not None
    }


def _grades(links: dict[Time, Link], thresholds: Thresholds) -> str:
    """Return what the shares amount to, times of one grade together."""
    by_grade: dict[str, list[str]] = {}
    for time, link in links.items():
        by_grade.setdefault(_grade(link, thresholds), []).append(WHEN[time])
    text = "; ".join(f"{grade} {listed(times)}" for grade, times in by_grade.items())
    return capital(text)


def _grade(link: Link, thresholds: Thresholds) -> str:
    if link.grade:
        leaning = "leaning: " if link.verdict.way else ""
        return f"{leaning}{link.grade}"
    share = link.quantities[0]
    if share.sample.silent:
        silent, ran = share.sample.excluded, len(share.sample.labels)
        some = "" if len(silent) == ran else f" in {len(silent)} of {count(ran, 'seed')}"
        return f"no share to judge ({next(iter(silent.values()))}{some})"
    if share.interval is None:
        return "not measured"
    return f"{grade_of(share.interval.mean, thresholds)} on average (not decided)"


def grade_of(share: float, thresholds: Thresholds) -> str:
    """Return the grade that a goal's share lies in."""
    if share < thresholds.drowned_share:
        return "drowned"
    return "outweighed" if share < thresholds.goal_share else "balanced or above"


def _least(least: Least, links: dict[Time, Link]) -> str:
    number = value_of(next(iter(links.values())).of(SIGNAL_SHARE).quantity, least.mean)
    return (
        f"In the {least.network} it was least at update {least.update:,}: {number}, the lowest of "
        f"{count(least.updates, 'measurement')}."
    )


def fix_sentences(assessment: Assessment) -> list[str]:
    """Return for each network which arms raise the goal's share, and what that makes of it."""
    found = []
    for network in NETWORKS:
        raising = {
            arm: said for arm in assessment.arms[1:] if (said := _raises(assessment, arm, network))
        }
        if raising:
            words = [f"{arm} {said}" for arm, said in [*raising.items()][:_ARMS_NAMED]]
            more = len(raising) - len(words)
            also = [f"{more} more raise{'' if more > 1 else 's'} it"] if more else []
            found.append(f"The goal's share in the {network}: {'; '.join([*words, *also])}.")
        elif len(assessment.arms) > 1:
            found.append(
                f"In the {network} no arm is shown to raise the goal's share and its effect."
            )
    return found


def _raises(assessment: Assessment, arm: str, network: str) -> str:
    """Return when an arm raises a network's share, and how far; empty where it is not shown to."""
    by_grade: dict[str, list[str]] = {}
    for time in TIMES:
        link = assessment.find("C5", time, arm, network)
        if link.verdict.speaks == "for":
            leaning = " (leaning)" if link.verdict.way else ""
            by_grade.setdefault(link.grade, []).append(f"{WHEN[time]}{leaning}")
    return ", ".join(f"{grade} {listed(times)}" for grade, times in by_grade.items())
