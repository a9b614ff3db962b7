"""The diagnosis of one run: what is wrong, the first cause first, and what was asked in vain."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import LONG_ENOUGH, Need
from goalscope.reports.checks.series import SPAN, Series, Spell, find_spell
from goalscope.reports.checks.table import CHECKS
from goalscope.reports.findings.learning import Learning, learning
from goalscope.reports.numbers.changes import makes
from goalscope.reports.numbers.runs import Run

_SPARED = "the run learns, and they explain failure alone"
UNPROBED = "no checkpoint was probed (goalscope probe)"
_UNKEPT = "they are of probed checkpoints, and a callback keeps none"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong in a run.

    Attributes:
        check: that found it.
        network: of which; "" for the run as a whole.
        spell: when, with the number then and now.
        follows: what it explains of the other checks that speak.
        block: of which camera's images, where there are several and they differ.
    """

    check: Check
    network: str
    spell: Spell
    follows: tuple["Finding", ...] = ()
    block: str = ""

    def is_used_up(self, run: Run) -> bool:
        """Whether the run makes every change already that is advised against it."""
        arms = self.check.arms
        return bool(arms) and all(makes(run, arm) for arm in arms)


@dataclass(frozen=True)
class Diagnosis:
    """What the checks say of a run.

    Attributes:
        run: that was asked.
        learning: whether it learns.
        findings: what is wrong, the likeliest first cause first; limits stand after faults, and
            after other limits those against which the run makes every advised change already.
        quiet: the checks that were made and did not speak.
        impossible: reason -> the checks that could not be made for it, the most first.
        passed: limits that held for a tenth of the run, and no longer at its end.
    """

    run: Run
    learning: Learning
    findings: tuple[Finding, ...]
    quiet: tuple[Check, ...]
    impossible: dict[str, tuple[Check, ...]]
    passed: tuple[Finding, ...] = ()


def diagnose(run: Run, checks: Sequence[Check] = CHECKS) -> Diagnosis:
    """Return the diagnosis of a run, from its record alone.

    A limit is told only where it is known that the run does not learn, and has had time to. What an
    earlier finding explains stands under it, unless it was there before.
    """
    learns, views = learning(run), run.by_image()
    spoken: list[Finding] = []
    passed: list[Finding] = []
    quiet: list[Check] = []
    impossible: dict[str, tuple[Check, ...]] = {}
    for check in (check.of(run.task) for check in checks):
        reason = _withheld(check, run, learns)
        asked = [] if reason else _asked(check, views)
        reason = reason or (None if asked else _missing(check, run))
        if reason:
            impossible[reason] = (*impossible.get(reason, ()), check)
            continue
        found = [
            Finding(check, network, spell, block=block)
            for block, network, one in asked
            if (spell := _spell(check, one, run))
        ]
        spoken += found
        if not found:
            quiet.append(check)
            passed += [
                Finding(check, network, spell, block=block)
                for block, network, one in asked
                if check.kind == "limit" and (spell := _spell(check, one, run, to_the_end=False))
            ]
    most_first = sorted(impossible.items(), key=lambda item: -len(item[1]))
    findings = sorted(
        _explained(_in_order(spoken)), key=lambda f: f.check.kind == "limit" and f.is_used_up(run)
    )
    return Diagnosis(run, learns, tuple(findings), tuple(quiet), dict(most_first), tuple(passed))


def _withheld(check: Check, run: Run, learns: Learning) -> str | None:
    """Return why a check is not made of a run, None where it is."""
    unmet = next((need for need in check.needs if not need.met(run)), None)
    if unmet is not None:
        return unmet.value
    if check.spares and learns.learns:
        return _SPARED
    if check.kind == "limit":
        if learns.learns is not False:
            return _SPARED if learns.learns else learns.value
        if run.updates < LONG_ENOUGH:
            return Need.LENGTH.value
    if check.patient and run.updates < SPAN:
        return f"the run is shorter than {SPAN} updates"
    return None


def _measured(check: Check, run: Run) -> dict[str, Series]:
    """Return network -> what was measured of it; a shared encoder is the critic's."""
    networks = check.networks
    if Need.ENCODER in check.needs and run.settings.get("agent.share_features_extractor"):
        networks = tuple(n for n in networks if n != "actor") or networks
    found = {network: check.read(run, network) for network in networks}
    return {n: one for n, one in found.items() if one is not None and len(one.finite().updates)}


def _asked(check: Check, views: Sequence[Run]) -> list[tuple[str, str, Series]]:
    """Return block, network and what was measured: the block "" where it is one for all cameras.

    Args:
        check: what is asked.
        views: of the run, as each of its cameras shows it.
    """
    own, *others = views
    first = _measured(check, own)
    more = [
        (view.image_block(), network, one)
        for view in others
        if all(need.met(view) for need in check.needs)
        for network, one in _measured(check, view).items()
        if network not in first or not one.is_same(first[network])
    ]
    block = own.image_block() if more else ""
    return [*((block, network, one) for network, one in first.items()), *more]


def _missing(check: Check, run: Run) -> str:
    """Return why a record holds no numbers for a check."""
    if run.settings and "agent.buffer_size" not in run.settings:
        return "their numbers are of replay, and the agent keeps none"
    probed = check.kind == "limit" and not check.patient and not check.at_start
    if probed and not run.record.probes:
        return UNPROBED if "run.total_steps" in run.settings else _UNKEPT
    return "the record does not hold their numbers"


def _spell(check: Check, series: Series, run: Run, to_the_end: bool | None = None) -> Spell | None:
    if to_the_end is None:
        to_the_end = check.kind == "limit" or check.times == ("late",) or not check.patient
    if check.at_start:
        begun = series.updates <= 1  # a gradient exists from the first update on
        series = Series(series.updates[begun][:1], series.values[begun][:1])
    return find_spell(
        series,
        check.speaks,
        updates=run.updates,
        patient=check.patient,
        to_the_end=to_the_end,
    )


def _in_order(spoken: Sequence[Finding]) -> list[Finding]:
    """Return findings as their checks stand in the table, but what another led to behind that."""
    found: list[Finding] = []
    waiting = list(spoken)
    while waiting:
        free = (one for one in waiting if not any(_led_to(cause, one) for cause in waiting))
        chosen = next(free, waiting[0])
        waiting.remove(chosen)
        found.append(chosen)
    return found


def _led_to(cause: Finding, other: Finding) -> bool:
    """Whether a check that usually is the cause began to speak long after one that leads to it."""
    spell = other.spell
    late = not spell.from_first and cause.spell.since + SPAN < spell.since
    return late and other.check.name in cause.check.leads_to


def _explained(spoken: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings that no earlier one explains, each with those that it does.

    Nothing explains what was there before it; a finding of one network explains none of the other's
    of the same kind.
    """
    roots: list[Finding] = []
    follows: dict[int, list[Finding]] = {}
    for finding in spoken:
        cause = next((i for i, root in enumerate(roots) if _explains(root, finding)), None)
        if cause is None:
            roots.append(finding)
        else:
            follows.setdefault(cause, []).append(finding)
    return tuple(
        replace(finding, follows=tuple(follows.get(number, ())))
        for number, finding in enumerate(roots)
    )


def _explains(cause: Finding, other: Finding) -> bool:
    """Whether one finding is the cause of another: what the critic makes of it guides the actor.

    What ended long before explains nothing that began since.
    """
    if cause.block and other.block not in ("", cause.block):
        return False
    reaches = cause.network in ("", other.network) or not other.network
    guides = cause.check.topic == "critic"
    return (
        (
            (other.check.name in cause.check.explains and (reaches or guides))
            or _led_to(cause, other)
        )
        and cause.spell.since <= other.spell.since + SPAN
        and (cause.spell.until is None or other.spell.since <= cause.spell.until + SPAN)
    )
