"""verdict.json: every link, every rival, what to try next, for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.claims.early_call import EarlyCall
from goalscope.reports.findings.over_arms import Diagnoses
from goalscope.reports.findings.words import as_json
from goalscope.reports.pages.claims_files import (
    json_values,
    links_content,
    test_content,
    verdict_content,
)
from goalscope.reports.rivals.evidence import Evidence
from goalscope.reports.rivals.judging import JudgedRival
from goalscope.reports.rivals.next_steps import Explanation, Explanations
from goalscope.reports.text.arm_rows import ArmRow


def verdict_file_content(
    assessment: Assessment,
    by_step: Assessment | None,
    words: Mapping[str, Any],
    calls: Sequence[EarlyCall],
    judged: Sequence[JudgedRival],
    explanations: Explanations,
    diagnoses: Diagnoses,
    rows: Sequence[ArmRow],
) -> dict[str, Any]:
    """Return the content of verdict.json: JSON values only, numbers that are not finite as null.

    Args:
        assessment: the links by update.
        by_step: the same by step, where arms differ in updates per step.
        words: sentences, warnings and the like, taken over as they are.
        calls: how soon each outcome could have been called.
        judged: the rivals.
        explanations: what to try next.
        diagnoses: arm -> what is wrong with each of its runs.
        rows: the arms.
    """
    content = links_content(assessment, by_step, words, calls)
    return content | {
        "rivals": [_judged(j) for j in judged],
        "next_steps": [_step(step) for step in explanations.left],
        "undecided_rivals": [_named(step) for step in explanations.open],
        "ruled_out": [_named(step) for step in explanations.ruled_out],
        "untested_rivals": [_named(step) for step in explanations.untested],
        "findings": {
            arm: {found.run.label: as_json(found)["findings"] for found in group}
            for arm, group in diagnoses.items()
        },
        "confounds": {row.arm: list(row.confounds) for row in rows},
    }


def _judged(judged: JudgedRival) -> dict[str, Any]:
    return {
        "rival": judged.rival.name,
        "network": judged.network,
        "title": judged.title,
        "time": judged.time,
        **verdict_content(judged.verdict),
        "evidence": [_evidence(part) for part in judged.evidence],
    }


def _evidence(part: Evidence) -> dict[str, Any]:
    content: dict[str, Any] = {
        "label": part.label,
        "check": None if part.check is None else part.check.name,
        "speaks": None if part.check is None else part.check.side,
        "threshold": None if part.check is None else part.check.threshold,
        "unit": None if part.check is None else part.check.unit,
        "seeds": dict(part.sample.numbers),
        "failed": list(part.sample.failed),
        "missing": list(part.sample.missing),
        **test_content(part.test),
    }
    if part.interval is not None:
        content |= {k: v for k, v in asdict(part.interval).items() if k != "seeds"}
    return {key: json_values(value) for key, value in content.items()}


def _step(step: Explanation) -> dict[str, Any]:
    return {
        **_named(step),
        "title": step.title,
        **verdict_content(step.verdict),
        "times": list(step.times),
        "advice": step.rival.advice,
        "arm": step.arm or None,
        "own_code": step.own_code or None,
        "in_this_study": step.present or None,
        "helped": step.helped,
    }


def _named(step: Explanation) -> dict[str, Any]:
    return {"rival": step.rival.name, "network": step.network}
