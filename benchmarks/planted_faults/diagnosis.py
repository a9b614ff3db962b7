"""What the report says of a run: the checks that speak, and since when they could."""

from dataclasses import dataclass, replace

from benchmarks.planted_faults.running import PlannedRun
from goalscope.diagnostics.record import Lines, RecordError
from goalscope.reports.findings import diagnosis as findings
from goalscope.reports.numbers.runs import Run, load_run

NOTHING = "nothing"  # what is named first where no check speaks
ASKED_EVERY = 50  # updates; so often the record so far is asked what is wrong


@dataclass(frozen=True)
class Diagnosis:
    """What is known to be wrong with a run, and what the report names.

    Attributes:
        planted: name of what was planted in it, such as "cnn_x50" or "cnn_x50+reward_mismatch".
        ground: name of what it was planted in.
        checks: names of the checks that should speak; none for a healthy control.
        seed: of the run.
        named: names of the checks that speak, the likeliest cause first; what a cause explains
            stands last.
        since: updates from where the fault begins until the record so far had each check named that
            should be; absent where it never was.
        before: names of the checks that spoke before it began.
    """

    planted: str
    ground: str
    checks: tuple[str, ...]
    seed: int
    named: tuple[str, ...]
    since: tuple[int, ...] = ()
    before: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        """What is named first."""
        return self.named[0] if self.named else NOTHING


def diagnose(run: PlannedRun) -> Diagnosis:
    """Return what the report names in a run, read from its record alone.

    A record too short to read names nothing: a user's run that died at once is no better off.
    """
    planted = run.planted
    known = (planted.name, planted.ground_name, planted.checks, run.seed)
    try:
        read = load_run(run.folder)
    except RecordError:
        return Diagnosis(*known, named=())
    firsts = [_first_named(read, check, planted.begins) for check in planted.checks]
    since = tuple(update for update in firsts if update is not None)
    before = _named(_until(read, planted.begins)) if planted.begins else ()
    return Diagnosis(*known, _named(read), since, before)


def _named(run: Run) -> tuple[str, ...]:
    """Return the checks that speak: causes in their order, then what they explain."""
    causes = findings.diagnose(run).findings
    explained = [finding for cause in causes for finding in cause.follows]
    return tuple(dict.fromkeys(finding.check.name for finding in (*causes, *explained)))


def _first_named(run: Run, check: str, begins: int) -> int | None:
    """Return how long after a fault begins the record so far names a check, in updates.

    To within `ASKED_EVERY`; None where it never does.
    """
    asked = range(begins + ASKED_EVERY, run.updates, ASKED_EVERY)
    for update in (*asked, run.updates):
        if check in _named(_until(run, update)):
            return update - begins
    return None


def _until(run: Run, update: int) -> Run:
    """Return a run as its record was at an update."""
    record = replace(
        run.record,
        lines=Lines.of(line for line in run.record.lines if line.update <= update),
        probes=[line for line in run.record.probes if line.update <= update],
    )
    cut = {key: table[table["update"] <= update] for key, table in run.metrics.items()}
    metrics = {key: table for key, table in cut.items() if len(table)}
    return replace(run, record=record, metrics=metrics)
