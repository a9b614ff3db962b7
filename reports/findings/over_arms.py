"""The findings of many runs, each told once with the arms it was made in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from goalscope.reports.checks.check import Check
from goalscope.reports.checks.table import CHECKS
from goalscope.reports.findings.diagnosis import Diagnosis, Finding
from goalscope.reports.findings.words import headline, when

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


def _share(arm: str, findings: Sequence[Finding], runs: int) -> str:
    times = sorted({finding.spell.since for finding in findings})
    since = when(findings[0])
    if len(times) > 1:
        since = f"since updates {times[0]:,} to {times[-1]:,}"
    return f"{arm} {len(findings)} of {runs} ({since})"
