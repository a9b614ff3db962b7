"""What an arm changes, as its record says: how one arm is found that differs by a known change."""

import re
from collections.abc import Sequence

from goalscope.reports.numbers.runs import Arms, Run

CHANGES = "arm.changes"  # the setting: names of an arm's base and of the changes made to it
# What makes a change as well, or stands in its place.
_INSTEAD = {
    "goal-std": ("vectors-std",),
    "layernorm": ("norm",),
    "critic-encoder": ("decoupled-encoder", "asymmetric-critic"),
}
_OF_SAC = {"critic-encoder", "decoupled-encoder", "explore", "inverse-dynamics"}
_OF_REPLAY = {"goal-only", "state-her", "moved-half"}


def changes_of(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return the names of an arm's base and of the changes made to it; empty where not recorded."""
    changes = runs[0].settings.get(CHANGES)
    return tuple(map(str, changes)) if isinstance(changes, list | tuple) else ()


def made_for(run: Run, change: str) -> str:
    """Return what a run's arm does of a change, or in its place; "" where it does nothing of it."""
    made = changes_of([run])
    return next((name for name in (change, *_INSTEAD.get(change, ())) if name in made), "")


def makes(run: Run, change: str) -> bool:
    """Whether a run's arm makes a change, or one that does the same or stands in its place."""
    return bool(made_for(run, change))


def is_taken(run: Run, change: str) -> bool:
    """Whether the run's algorithm has a place for a change."""
    algorithm = str(run.settings.get("run.algorithm", "sac"))
    if change == "fixed-entropy":
        return algorithm in ("sac", "tqc")
    if change in _OF_REPLAY:
        return algorithm != "ppo"
    return algorithm == "sac" or change not in _OF_SAC


def with_change(runs: Sequence[Run], change: str) -> str:
    """Return the name of the arm of these runs and one change more, as `goalscope train` takes it.

    A change that the name leaves out comes back in its place.

    Returns:
        "" where they make it, their algorithm has no place for it, or their arm is not composed of
        changes.
    """
    made = changes_of(runs)
    if not made or makes(runs[0], change) or not is_taken(runs[0], change):
        return ""
    arm = str(runs[0].record.info.arm)
    whole = re.sub(rf"~{re.escape(change)}(?=[+~]|$)", "", arm, count=1)
    if whole != arm:
        return whole
    return f"{arm}{'-' if made == (_NAMED_WITH,) else '+'}{change}"


def made_of(arms: Arms, *changes: str) -> str | None:
    """Return the arm that is made of just these, its base first; None where there is none."""
    return next((arm for arm, runs in arms.items() if changes_of(runs) == changes), None)


def changed_by(arms: Arms, change: str) -> str | None:
    """Return the arm that makes one change to the baseline, and no other; None if there is none."""
    base = changes_of(next(iter(arms.values())))
    return made_of(arms, *base, change) if base else None


_NAMED_WITH = "pixel-her"  # every change to it alone has a name of its own
_DOSES = {"scale0", "scale0.1", "scale10"}


def is_control(arms: Arms, arm: str) -> bool:
    """Whether an arm is there to tell causes apart, not to be better: another base, or a dose.

    An arm whose changes were not recorded counts as meant to be better.
    """
    own, baseline = changes_of(arms[arm]), changes_of(next(iter(arms.values())))
    if not own or not baseline:
        return False
    return own[0] != baseline[0] or bool(_DOSES & set(own[1:]))
