"""A fault that is planted, or a healthy control: where it sits, and what should name it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from stable_baselines3.common.vec_env import VecNormalize

from benchmarks.planted_faults.grounds import GroundName
from benchmarks.planted_faults.spoils.environment_faults import GoalEnv
from benchmarks.planted_faults.spoils.extractor_faults import Spoil
from benchmarks.planted_faults.spoils.replay_faults import Replay

Kind = Literal["control", "known", "blind", "developing"]
Wrapper = Callable[[GoalEnv], GoalEnv]
TWO_TASKS: tuple[GroundName, ...] = ("point", "reach")


@dataclass(frozen=True)
class Fault:
    """A fault, in the places where a project would have it; or a healthy control.

    Attributes:
        name: its id.
        kind: whether thresholds may have been set on it.
        summary: what is wrong, in a line.
        check: name of the check that should name it first; None where there is none.
        also: names of other checks that name it as well as that one; without a `check`, those that
            say something true and useful of it.
        tautology: whether that check reads the very number that was planted. It is then shown and
            left out of the score.
        grounds: what it is planted in, each by itself.
        environment: wraps the environment, for training and for whatever else observes.
        normalisation: stands in the place of VecNormalize.
        extractor: spoils each features extractor as it is made.
        replay: class of the replay buffer.
        random_shift: DrQ's shift in pixels.
        agent: spoils the agent before its training starts.
        begins: the update until which the run is healthy.
    """

    name: str
    kind: Kind
    summary: str
    check: str | None = None
    also: tuple[str, ...] = ()
    tautology: bool = False
    grounds: tuple[GroundName, ...] = ("point",)
    environment: Wrapper | None = None
    normalisation: type[VecNormalize] | None = None
    extractor: Spoil | None = None
    replay: Replay | None = None
    random_shift: int | None = None
    agent: Callable[[Any], None] | None = None
    begins: int = 0

    @property
    def checks(self) -> tuple[str, ...]:
        """Names of the checks of which any names it, the one that should first; () of a control."""
        return ((self.check,) if self.check else ()) + self.also
