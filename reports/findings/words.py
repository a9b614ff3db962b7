"""A diagnosis in plain words, and as JSON values."""

from dataclasses import replace
from typing import Any

from goalscope.diagnostics.record.keys import ACTOR, CRITIC
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import LONG_ENOUGH
from goalscope.reports.findings.diagnosis import UNPROBED, Diagnosis, Finding
from goalscope.reports.numbers.changes import changes_of, is_taken, made_for, makes, with_change
from goalscope.reports.numbers.runs import Run
from goalscope.reports.statistics.formatting import capital, count, in_words, percent, plain

VERSION = 1
# An agent learns from such pictures as from the right ones: nothing that is measured differs.
UNSEEN = (
    "No record can show whether colour channels or stacked frames are swapped alike where the "
    "agent acts and where it learns."
)
_BARE = ("ratio", "R^2", "discount", "cosine")  # the label says what they are
_REASONS = 2  # as many are told in a sentence; the page lists all
WHOLE_ARMS = ("goal-only", "state-her")  # not changes to another arm


def summary(diagnosis: Diagnosis) -> str:
    """Return how many checks fired, in a sentence or two."""
    made = len(diagnosis.quiet) + len({f.check.name for f in _all(diagnosis)})
    found = len(diagnosis.findings)
    if not found:
        return f"{count(made, 'check')} made, none fired.{_because(diagnosis)}{_floor(diagnosis)}"
    faults = sum(finding.check.kind == "fault" for finding in diagnosis.findings)
    limits = found - faults
    parts = [count(faults, "thing") + f" {'is' if faults == 1 else 'are'} wrong"] if faults else []
    if limits:
        parts.append(f"{count(limits, 'limit')} may explain why it does not learn")
    words = " and ".join(parts)
    if found > len(parts):
        words += f", {'of each ' if len(parts) > 1 else ''}the likeliest first cause first"
    impossible = sum(map(len, diagnosis.impossible.values()))
    could_not = f"; {impossible} could not be made" if impossible else ""
    return f"{words}. {count(made, 'check')} made{could_not}."


def _because(diagnosis: Diagnosis) -> str:
    """Return how many checks could not be made, and why most of them could not."""
    numbers = {reason: len(checks) for reason, checks in diagnosis.impossible.items()}
    if not numbers:
        return ""
    why = [f"{reason} ({number})" for reason, number in [*numbers.items()][:_REASONS]]
    if more := sum([*numbers.values()][_REASONS:]):
        why.append(f"{more} for other reasons")
    return f" {sum(numbers.values())} could not be made: {'; '.join(why)}."


def _floor(diagnosis: Diagnosis) -> str:
    if diagnosis.learning.learns is not False:
        return ""
    flat = f" {capital(diagnosis.learning.value)}"
    if diagnosis.run.updates < LONG_ENOUGH:
        return f"{flat}; what limits it is judged from {LONG_ENOUGH:,} updates on."
    words = f"{flat} all the same: none of these tells what keeps it there."
    unprobed = len(diagnosis.impossible.get(UNPROBED, ()))
    if unprobed:
        more = count(unprobed, "more check")
        words += f" Probe its checkpoints next (goalscope probe), for up to {more}."
    before = [f"{headline(f, diagnosis.run).rstrip('.')} ({when(f)})" for f in diagnosis.passed]
    return f"{words} Earlier, and no longer: {'; '.join(before)}." if before else words


def headline(finding: Finding, run: Run) -> str:
    """Return what is wrong, and of which camera's images, where there are several."""
    says = finding.check.says
    if finding.block and "{block}" not in says:
        says = says.rstrip(".") + " ({block})."
    return _fill(says, finding, run)


def when(finding: Finding) -> str:
    """Return when a finding holds."""
    spell = finding.spell
    if finding.check.at_start:
        return "before training"
    if spell.until is not None:
        return f"from update {spell.since:,} to {spell.until:,}"
    if spell.since <= 1:
        return "from the start"
    if spell.from_first:
        return f"from its first measurement on, update {spell.since:,}"
    return f"since update {spell.since:,}"


def number(finding: Finding, run: Run) -> str:
    """Return the number of a finding, what it was at first, and what is usual."""
    check, spell = finding.check, finding.spell
    last, first = in_unit(check, spell.last), in_unit(check, spell.first)
    then = "" if first == last else f", {first} when it began"
    words = f"{_fill(check.label, finding, run)}: {last}{then}; usual: {check.usual}"
    if check.distance is None:
        return words
    return f"{words}; the {in_words(check.distance)} is {in_unit(check, check.threshold)}"


def details(finding: Finding, run: Run) -> dict[str, str]:
    """Return heading -> sentence: what a finding causes, what to change, what tests it.

    Of a run that makes the change already, that it was not enough: there is nothing more to test.
    """
    check = finding.check
    texts = {"Probably causes": check.causes, "Change": check.change, "Test": check.test}
    arm = arm_that_tests(finding, run)
    if arm:
        alone = "shows what comes of it" if arm in WHOLE_ARMS else "changes this alone"
        texts["Test"] += f" The arm {arm} {alone}."
    elif finding.is_used_up(run):
        made = " and ".join(dict.fromkeys(made_for(run, arm) for arm in check.arms))
        texts["Change"] = f"This run does what is advised ({made}): it is not enough."
        del texts["Test"]
    return {heading: _fill(text, finding, run) for heading, text in texts.items()}


def follows(finding: Finding, run: Run) -> list[str]:
    """Return what a finding explains of the others, each in a sentence with its time."""
    return [f"{headline(other, run).rstrip('.')} ({when(other)})." for other in finding.follows]


def lines(diagnosis: Diagnosis) -> list[str]:
    """Return a diagnosis for the terminal: the findings as a numbered list, then what was asked."""
    run, found = diagnosis.run, [f"Findings: {summary(diagnosis)}"]
    for place, finding in enumerate(diagnosis.findings, 1):
        found.append(f"{place}. {headline(finding, run)}")
        found.append(f"   {capital(when(finding))}. {capital(number(finding, run))}.")
        found += [f"   {name}: {text}" for name, text in details(finding, run).items()]
        if finding.follows:
            found.append(f"   It explains as well: {' '.join(follows(finding, run))}")
    if diagnosis.findings:  # else the summary has said it
        found += [f"Not asked ({len(c)}): {reason}." for reason, c in diagnosis.impossible.items()]
    return found


def question(check: Check, run: Run, network: str = "") -> str:
    """Return what a check asks, in words: of one network, or of all that it is asked of."""
    networks = [network] if network else list(filter(None, check.networks))
    label = fill(check.label, run, network or "network")
    return f"{label} ({' and '.join(networks)})" if networks else label


def arm_that_tests(finding: Finding, run: Run) -> str:
    """Return the arm that changes what a finding names and nothing else; "" without one.

    Of several the first whose change the run does not make yet.
    """
    if not changes_of([run]):  # a user's own arms are not composed of names
        return ""
    left = (arm for arm in finding.check.arms if not makes(run, arm) and is_taken(run, arm))
    arm = next(left, "")
    return arm if arm in ("", *WHOLE_ARMS) else with_change([run], arm)


def as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return a diagnosis as JSON values, for findings.json."""
    run = diagnosis.run
    return {
        "version": VERSION,
        "run": run.name,
        "updates": run.updates,
        "learning": diagnosis.learning.name.lower(),
        "summary": summary(diagnosis),
        "findings": [
            _finding_as_json(finding, run)
            | {"follows": [_finding_as_json(other, run) for other in finding.follows]}
            for finding in diagnosis.findings
        ],
        "quiet": [check.name for check in diagnosis.quiet],
        "impossible": [
            {"reason": reason, "checks": [check.name for check in checks]}
            for reason, checks in diagnosis.impossible.items()
        ],
        "unseen": UNSEEN,
    }


def _finding_as_json(finding: Finding, run: Run) -> dict[str, Any]:
    check, spell, texts = finding.check, finding.spell, details(finding, run)
    return {
        "name": check.name,
        "kind": check.kind,
        "network": finding.network or None,
        "block": finding.block or None,
        "since": spell.since,
        "until": spell.until,
        "label": _fill(check.label, finding, run),
        "value": spell.last,
        "value_at_first": spell.first,
        "unit": check.unit,
        "side": check.side,
        "threshold": check.threshold,
        "usual": check.usual,
        "says": headline(finding, run),
        "causes": texts["Probably causes"],
        "change": texts["Change"],
        "test": texts.get("Test"),
        "arm": arm_that_tests(finding, run) or None,
    }


def in_unit(check: Check, value: float) -> str:
    """Return a check's number in words, with its unit."""
    if check.unit == "share":
        return percent(value)
    return plain(value) if check.unit in _BARE else f"{plain(value)} {check.unit}"


def fill(text: str, run: Run, network: str) -> str:
    """Return a check's text with the names of network, images and what they have to tell."""
    known = network if network in (CRITIC, ACTOR) else CRITIC
    target = in_words(run.untold_position(known) or run.task.target)
    return text.format(network=network, block=run.image_block(), target=target)


def _fill(text: str, finding: Finding, run: Run) -> str:
    return fill(text, replace(run, image=finding.block) if finding.block else run, finding.network)


def _all(diagnosis: Diagnosis) -> list[Finding]:
    return [f for root in diagnosis.findings for f in (root, *root.follows)]
