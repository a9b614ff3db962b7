"""The findings of many runs, each told once with the arms it was made in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from goalscope.reports.checks.check import Check
from goalscope.reports.checks.table import CHECKS
from goalscope.reports.findings.diagnosis import Diagnosis, Finding
from goalscope.reports.findings.words import details, headline, when
from goalscope.reports.numbers.runs import Run
from goalscope.reports.statistics.formatting import count, listed

_ARMS_NAMED = 2  # of those that share a first finding; more would drown what to do about it

Diagnoses = Mapping[str, Sequence[Diagnosis]]


@dataclass(frozen=True)
class FoundInArms:
    """A finding that several runs may share.

    Attributes:
        check: that found it.
        says: what is wrong.
        arms: each arm it was made in, with how many of its runs, and since when.
    """

    check: Check
    says: str
    arms: tuple[str, ...]


def found_in_arms(diagnoses: Diagnoses) -> list[FoundInArms]:
    """Return the findings of all runs, in the order of cause and effect, faults first.

    Args:
        diagnoses: arm -> those of its runs.
    """
    found = []
    for check in sorted(CHECKS, key=lambda check: check.kind == "limit"):
        for network, block in _told_apart(check, diagnoses):
            arms, says = [], ""
            for arm, group in diagnoses.items():
                hits = [
                    (finding, diagnosis.run)
                    for diagnosis in group
                    for finding in diagnosis.findings
                    if _is(finding, check)
                    and finding.network == network
                    and finding.block in ("", block)
                ]
                if hits:
                    says = headline(*hits[0])
                    arms.append(_share(arm, [finding for finding, _ in hits], len(group)))
            if arms:
                found.append(FoundInArms(check, says, tuple(arms)))
    return found


@dataclass(frozen=True)
class FirstFinding:
    """What is wrong first in arms that do not learn: the likeliest cause to mend.

    Attributes:
        says: what is wrong.
        seeds: in how many seeds of which arms it was found, in words.
        change: what to change about it.
    """

    says: str
    seeds: str
    change: str

    @property
    def sentence(self) -> str:
        """All of it in words, told apart from what is tested."""
        return f"{self.says} Found {self.seeds}, which is no test. Change: {self.change}"


def first_findings(diagnoses: Diagnoses) -> list[FirstFinding]:
    """Return what comes first in each arm that does not learn, arms that share it together.

    Of seeds that differ, what comes first in most; seeds that are known to learn are not asked.

    Args:
        diagnoses: arm -> those of its runs, the baseline first.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for arm, group in diagnoses.items():
        first = _first_in_most(group)
        if first is not None:
            finding, run = first
            hits = sum(any(_is_same(other, finding) for other in d.findings) for d in group)
            of = f"{hits} of {count(len(group), 'seed')}" if len(group) > 1 else "the one seed"
            told = headline(finding, run), details(finding, run)["Change"]
            found.setdefault(told, []).append(f"{of} of {arm}")
    return [FirstFinding(says, _in_seeds(arms), change) for (says, change), arms in found.items()]


def _first_in_most(group: Sequence[Diagnosis]) -> tuple[Finding, Run] | None:
    firsts = [
        (diagnosis.findings[0], diagnosis.run)
        for diagnosis in group
        if diagnosis.findings and not diagnosis.learning.learns
    ]
    if not firsts:
        return None
    named = [(finding.check.name, finding.network) for finding, _ in firsts]
    most, _ = Counter(named).most_common(1)[0]
    return firsts[named.index(most)]


def _in_seeds(arms: Sequence[str]) -> str:
    more = len(arms) - _ARMS_NAMED
    others = [f"seeds of {count(more, 'more arm')}"] if more > 0 else []
    return f"in {listed([*arms[:_ARMS_NAMED], *others])}"


def arms_without_findings(diagnoses: Diagnoses) -> list[str]:
    """Return the arms in none of whose runs anything was found."""
    return [arm for arm, group in diagnoses.items() if not any(d.findings for d in group)]


def _told_apart(check: Check, diagnoses: Diagnoses) -> list[tuple[str, str]]:
    """Return the networks, and the cameras where a run has several, that a check speaks of.

    A finding that names none is one of all cameras: it counts for each that another run names.
    """
    found = {
        (finding.network, finding.block)
        for group in diagnoses.values()
        for diagnosis in group
        for finding in diagnosis.findings
        if _is(finding, check)
    }
    named = {network for network, camera in found if camera}
    found -= {(network, "") for network in named}
    return sorted(found, key=lambda part: (check.networks.index(part[0]), part[1]))


def _is(finding: Finding, check: Check) -> bool:
    return finding.check.name == check.name


def _is_same(finding: Finding, other: Finding) -> bool:
    """Whether two findings are of one check and network; one of all cameras is one of each."""
    cameras = {finding.block, other.block} - {""}
    return _is(finding, other.check) and finding.network == other.network and len(cameras) < 2


def _share(arm: str, findings: Sequence[Finding], runs: int) -> str:
    times = sorted({finding.spell.since for finding in findings})
    since = when(findings[0])
    if len(times) > 1:
        since = f"since updates {times[0]:,} to {times[-1]:,}"
    return f"{arm} {len(findings)} of {runs} ({since})"
