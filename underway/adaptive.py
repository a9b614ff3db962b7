"""Which seeds a study still needs: those of arms whose final success is not yet told apart."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from goalscope.diagnostics.record import Unusable, fit, read_document, read_run
from goalscope.diagnostics.record.metrics import SUCCESS_RATE
from goalscope.errors import UserError
from goalscope.reports.statistics.formatting import count, listed, percent
from goalscope.reports.statistics.sequential import (
    Look,
    can_settle,
    groups_of,
    sequential_looks,
)

ERROR_RATE = 0.05


class AdaptiveError(UserError):
    """Seeds cannot be added adaptively; one line that says why, and what would do."""


@dataclass(frozen=True)
class ArmLook(Look):
    """What was found of an arm after a group of seeds.

    Attributes:
        arm: that is compared with the baseline.
    """

    arm: str

    @property
    def sentence(self) -> str:
        """What was found, and what follows, in one line."""
        outcome = "settled, no more seeds" if self.settled else "not settled"
        return (
            f"{self.arm} after {count(self.seeds, 'seed')}: final success "
            f"{100 * self.difference:+.1f} points from the baseline's, p = {self.p_value:.4f} "
            f"where at most {self.level:.4f} settles it: {outcome}"
        )


@dataclass(frozen=True)
class _Rule:
    """When a study looks at itself; fixed before it does.

    Attributes:
        arms: the baseline first.
        seeds: planned of each arm, in the order they are trained.
        group: seeds between two looks.
        error_rate: of the study, over all looks and arms.
    """

    arms: list[str]
    seeds: list[int]
    group: int
    error_rate: float = ERROR_RATE


class _Adaptive(TypedDict):
    rule: _Rule
    looks: list[ArmLook]


class _StudyFile(TypedDict):
    adaptive: NotRequired[_Adaptive]


class AdaptiveSeeds:
    """Looks at a study's final success after every group of seeds.

    Each arm is compared with the first at an equal part of the error rate. What is decided follows
    from the outcomes alone, so that a study that is gone on with decides the same.

    Args:
        arms: the baseline first.
        seeds: planned of each arm, in the order they are trained.
        size: seeds of a group.
        study_file: where the study says how it stands.

    Raises:
        AdaptiveError: no seed could ever be saved; or the study was begun with other groups, seeds
            or arms, which cannot be changed once they were looked at.
    """

    def __init__(
        self, arms: Sequence[str], seeds: Sequence[int], size: int, study_file: Path
    ) -> None:
        self._rule = _Rule([*arms], [*seeds], size)
        self._baseline, *others = arms
        if not others:
            raise AdaptiveError("--adaptive compares arms with the first; name two arms or more")
        if size < 1:
            raise AdaptiveError(f"--adaptive must be at least 1, and {size} is not")
        self._looks: dict[str, list[ArmLook]] = {arm: [] for arm in others}
        self._successes: dict[Path, float] = {}  # of the runs that were read
        self._level = self._rule.error_rate / len(others)
        self._planned = groups_of(len(seeds), size)
        self._refuse_what_settles_nothing()
        self._take_over(study_file)

    @property
    def groups(self) -> list[list[int]]:
        """The seeds, group by group."""
        seeds, size = self._rule.seeds, self._rule.group
        return [seeds[start : start + size] for start in range(0, len(seeds), size)]

    @property
    def settled(self) -> set[str]:
        """The arms that need no more seeds; the baseline once none of the others does."""
        arms = {arm for arm, looks in self._looks.items() if looks and looks[-1].settled}
        return arms | {self._baseline} if len(arms) == len(self._looks) else arms

    @property
    def content(self) -> dict[str, Any]:
        """What was decided, and by which rule, as study.json has it."""
        looks = [asdict(look) for looks in self._looks.values() for look in looks]
        return {"rule": asdict(self._rule), "looks": looks}

    def look(self, finished: Mapping[tuple[str, int], Path]) -> list[str]:
        """Look at each arm that is not settled, and return a line for each look.

        An arm that lacks a run of a group, or whose baseline does, is not looked at from there on.

        Args:
            finished: arm and seed -> its run.

        Raises:
            AdaptiveError: a run has measured no success.
        """
        said = []
        for arm, before in self._looks.items():
            groups = self._whole_groups(arm, finished)
            first, second = (
                [[self._success(finished[name, seed]) for seed in group] for group in groups]
                for name in (self._baseline, arm)
            )
            looks = sequential_looks(first, second, self._planned, self._level)
            self._looks[arm] = [ArmLook(**asdict(look), arm=arm) for look in looks]
            said += [look.sentence for look in self._looks[arm][len(before) :]]
        return said

    def _success(self, run: Path) -> float:
        """Return a finished run's final success, read once for all looks and arms."""
        if run not in self._successes:
            self._successes[run] = _final_success(run)
        return self._successes[run]

    def _whole_groups(self, arm: str, finished: Mapping[tuple[str, int], Path]) -> list[list[int]]:
        """Return the first groups of which both arms have every run."""
        whole = []
        for group in self.groups:
            if any(
                (name, seed) not in finished for name in (self._baseline, arm) for seed in group
            ):
                break
            whole.append(group)
        return whole

    def _refuse_what_settles_nothing(self) -> None:
        if can_settle(self._planned, self._level):
            return
        seeds = len(self._rule.seeds)
        sizes = [n for n in range(1, seeds) if can_settle(groups_of(seeds, n), self._level)]
        remedy = f"use --adaptive {sizes[-1]}" if sizes else "add seeds"
        raise AdaptiveError(
            f"{count(seeds, 'seed')} in groups of {self._rule.group}, with "
            f"{count(len(self._looks), 'arm')} to compare with {self._baseline}: no permutation "
            "test can settle anything before the last seed at an error rate of "
            f"{percent(self._rule.error_rate)} over all looks and arms; {remedy}, or leave out "
            "--adaptive"
        )

    def _take_over(self, study_file: Path) -> None:
        """Begin with what was decided before; the same follows from the outcomes once more."""
        kept = _kept(study_file)
        if kept is None or not kept["looks"]:
            return
        rule = kept["rule"]
        if rule != self._rule:
            raise AdaptiveError(
                f"{study_file.parent} was looked at with --adaptive {rule.group} over "
                f"{count(len(rule.seeds), 'seed')} of {listed(rule.arms)}; changed afterwards, it "
                "keeps no error rate: go on with these, choose another folder, or leave out "
                "--adaptive and train every seed"
            )
        for arm, looks in self._looks.items():
            looks += [look for look in kept["looks"] if look.arm == arm]


def adaptive_notes(study_file: Path) -> list[str]:
    """Return what a reader of a study must know of how its seeds were chosen; often nothing.

    Raises:
        AdaptiveError: its study.json is damaged.
    """
    kept = _kept(study_file)
    settled = [look for look in kept["looks"] if look.settled] if kept else []
    if kept is None or not settled:
        return []
    arms = listed([f"{look.arm} ({count(look.seeds, 'seed')})" for look in settled])
    rate = percent(kept["rule"].error_rate)
    return [
        "Seeds were added only until an arm's final success was told apart from that of the "
        f"study's first arm, as it was of {arms}: study.json has it, at an error rate of {rate} "
        "over all looks and arms. The tests here do not know that seeds ended there, and show such "
        "a difference as larger than it is"
    ]


def _kept(study_file: Path) -> _Adaptive | None:
    """Return what a study has decided by now; None where it does not look at itself."""
    if not study_file.is_file():
        return None
    try:
        return fit(read_document(study_file), _StudyFile, study_file).get("adaptive")
    except Unusable as error:
        raise AdaptiveError(f"{error}; start the study again") from error


def _final_success(run: Path) -> float:
    key = SUCCESS_RATE.key()
    evaluations = read_run(run).lines.with_metric(key)
    rate = evaluations[-1].values[key] if evaluations else float("nan")
    if not 0 <= rate <= 1:
        raise AdaptiveError(
            f"{run} has no final success, which --adaptive looks at; evaluate its last steps, or "
            "leave out --adaptive"
        )
    return rate
