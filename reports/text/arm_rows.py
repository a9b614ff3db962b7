"""The arms as rows: what each changes, what came of it, and what else may explain that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from goalscope.diagnostics.record.metrics import SIGNAL_SHARE
from goalscope.reports.claims.arm_success import ArmSuccess
from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.claims.deciding import NETWORKS
from goalscope.reports.claims.links import Link
from goalscope.reports.claims.success import arm_successes
from goalscope.reports.claims.wording import with_interval
from goalscope.reports.numbers.changes import changes_of
from goalscope.reports.numbers.differences import (
    ENVIRONMENT,
    Difference,
    circumstance_differences,
    resumes_in_words,
    setting_differences,
)
from goalscope.reports.numbers.runs import Arms, Run
from goalscope.reports.numbers.windows import TIMES, Time
from goalscope.reports.statistics.formatting import count, percent
from goalscope.reports.statistics.samples import Sample

_EXPECTED = ("steps", "updates", "probe set (sha256)")  # named elsewhere on the page
_NAMED = 4  # confounds in a cell; the table of differences has them all


@dataclass(frozen=True)
class ArmRow:
    """An arm on the page.

    Attributes:
        arm: its name.
        seeds: how many runs.
        changes: what it changes from the baseline, as recorded.
        success: at the last common evaluation, mean over seeds with its interval.
        shares: network -> time -> goal's share of its signal, with its interval.
        fix: network -> time -> C5; empty for the baseline.
        confounds: what else differs from the baseline and may explain its numbers.
    """

    arm: str
    seeds: int
    changes: str
    success: str
    shares: Mapping[str, Mapping[Time, str]]
    fix: Mapping[str, Mapping[Time, Link]]
    confounds: tuple[str, ...]


def arm_rows(arms: Arms, assessment: Assessment) -> list[ArmRow]:
    """Return a row for each arm, the baseline first."""
    successes = arm_successes(arms, assessment.thresholds)
    settings, circumstances = setting_differences(arms), circumstance_differences(arms)
    rows = []
    for arm, runs in arms.items():
        shares: dict[str, dict[Time, str]] = {network: {} for network in NETWORKS}
        for network in NETWORKS:
            for time in TIMES:
                share = assessment.find("C1", time, arm, network).of(SIGNAL_SHARE)
                window = assessment.times.windows[time]
                if window is None and assessment.times.late_is_early:
                    shares[network][time] = "–"
                elif window is None or not any(window.reaches(run) for run in runs):
                    shares[network][time] = "not reached"
                else:
                    shares[network][time] = _share(share.sample, with_interval(share))
        own = arm == assessment.baseline
        fix = {
            network: {time: assessment.find("C5", time, arm, network) for time in TIMES}
            for network in (() if own else NETWORKS)
        }
        rows.append(
            ArmRow(
                arm,
                len(runs),
                _changes(arm, arms, settings),
                _success(successes[arm], runs),
                shares,
                fix,
                () if own else confounds(arm, runs, assessment.baseline, settings, circumstances),
            )
        )
    return rows


def _share(sample: Sample, words: str) -> str:
    """Return a share in words, and how many seeds it is of, where some have none to judge."""
    if sample.silent and len(sample.excluded) < len(sample.labels):
        return f"{words} in {len(sample.excluded)} of {count(len(sample.labels), 'seed')}"
    if sample.excluded and not sample.silent:
        return f"{words} ({len(sample.numbers)} of {count(len(sample.labels), 'seed')})"
    return words


def _changes(arm: str, arms: Arms, settings: Sequence[Difference]) -> str:
    """Return what an arm changes: by the names it is composed of, else by the settings recorded.

    Of the baseline's own changes those that an arm leaves out are named, not those that it keeps.
    """
    baseline = next(iter(arms))
    own, kept = changes_of(arms[arm]), changes_of(arms[baseline])
    if own:
        if arm == baseline or not kept:
            return ", ".join(own[1:]) or "–"
        added = ", ".join(change for change in own[1:] if change not in kept[1:])
        gone = ", ".join(change for change in kept[1:] if change not in own[1:])
        base = own[0] if own[0] != kept[0] else ""
        return "; ".join(filter(None, [base, added, f"without {gone}" if gone else ""])) or "–"
    alone = [d.name for d in settings if d.is_of_one(arm, baseline)]
    differ = _differing(settings, arm, baseline) or alone
    more = [f"and {len(differ) - _NAMED} more"] if len(differ) > _NAMED else []
    return ", ".join([*differ[:_NAMED], *more]) or "–"


def _differing(settings: Sequence[Difference], arm: str, baseline: str) -> list[str]:
    return [d.name for d in settings if d.is_known(arm, baseline)]


def confounds(
    arm: str,
    runs: Sequence[Run],
    baseline: str,
    settings: Sequence[Difference],
    circumstances: Sequence[Difference],
) -> tuple[str, ...]:
    """Return what may explain an arm's difference to the baseline beside what it is named after.

    More settings than one, other versions, another renderer or machine, other updates per step,
    resumed runs and lost replay buffers.
    """
    changed = _differing(settings, arm, baseline)
    # What is seen of an environment follows from its settings, where they were recorded.
    follows = any(name.startswith("env.") for name in changed)
    found = []
    if len(changed) > 1:
        more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
        found.append(f"{len(changed)} settings differ: {', '.join(changed[:_NAMED])}{more}")
    found += [
        f"{d.name}: {d.values[arm]}, baseline {d.values[baseline]}"
        for d in circumstances
        if d.name not in _EXPECTED
        and d.name != "resumed"
        and not (follows and d.name.startswith(ENVIRONMENT))
        and d.values.get(arm) != d.values.get(baseline)
    ]
    found += [f"{run.label} was {words}" for run in runs for words in resumes_in_words(run)]
    return tuple(found)


def _success(success: ArmSuccess, runs: Sequence[Run]) -> str:
    if success.interval is None:
        if success.rates:
            rate = percent(sum(success.rates) / len(success.rates))
            return f"{rate} of an unknown number of episodes"
        never = all(run.evaluations.empty for run in runs)
        return "not evaluated" if never else "left out"
    mean, low, high = (
        percent(value)
        for value in (success.interval.mean, success.interval.low, success.interval.high)
    )
    return f"{mean} [{low.removesuffix(' %')} to {high}]"
