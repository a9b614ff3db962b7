"""All faults by name, and what is planted in one run."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.planted_faults.fault import Fault, Kind, Wrapper
from benchmarks.planted_faults.grounds import GROUNDS, Ground, GroundName
from benchmarks.planted_faults.kinds.blind import BLIND
from benchmarks.planted_faults.kinds.controls import CONTROLS
from benchmarks.planted_faults.kinds.developing import DEVELOPING
from benchmarks.planted_faults.kinds.eighth_round import EIGHTH_ROUND
from benchmarks.planted_faults.kinds.fifth_round import FIFTH_ROUND
from benchmarks.planted_faults.kinds.first_round import FIRST_ROUND
from benchmarks.planted_faults.kinds.fourth_round import FOURTH_ROUND
from benchmarks.planted_faults.kinds.known import KNOWN
from benchmarks.planted_faults.kinds.ninth_round import NINTH_ROUND
from benchmarks.planted_faults.kinds.second_round import SECOND_ROUND
from benchmarks.planted_faults.kinds.seventh_round import SEVENTH_ROUND
from benchmarks.planted_faults.kinds.sixth_round import SIXTH_ROUND
from benchmarks.planted_faults.kinds.third_round import THIRD_ROUND

FAULTS = {
    fault.name: fault
    for fault in (
        *CONTROLS,
        *KNOWN,
        *FIRST_ROUND,
        *SECOND_ROUND,
        *THIRD_ROUND,
        *FOURTH_ROUND,
        *FIFTH_ROUND,
        *SIXTH_ROUND,
        *SEVENTH_ROUND,
        *EIGHTH_ROUND,
        *NINTH_ROUND,
        *BLIND,
        *DEVELOPING,
    )
}

# Faults that one project can have at once, and of which neither hides the other.
PAIRS: tuple[tuple[str, str], ...] = (
    ("blank_images", "reward_mismatch"),
    ("goal_constant", "encoder_frozen"),
    ("cnn_x50", "reward_mismatch"),
    ("goals_x0.02", "encoder_detached"),
    ("relu_killed", "goal_constant"),
    ("tanh_saturated", "reward_mismatch"),
    ("constant_features", "goals_x0.02"),
    ("cnn_x50", "nan_gradient"),
)


@dataclass(frozen=True)
class Planting:
    """The faults of one run: one, or several at once.

    Attributes:
        faults: which; at least one.
        ground_name: what they are planted in.
    """

    faults: tuple[Fault, ...]
    ground_name: GroundName

    @property
    def name(self) -> str:
        """The faults' names, joined by "+"."""
        return "+".join(fault.name for fault in self.faults)

    @property
    def kind(self) -> Kind:
        """Whether thresholds may have been set on it; of several faults, the first's."""
        return self.faults[0].kind

    @property
    def checks(self) -> tuple[str, ...]:
        """Names of the checks that should name them; of one fault, any of them does."""
        return tuple(check for fault in self.faults for check in fault.checks)

    @property
    def ground(self) -> Ground:
        """What they are planted in."""
        return GROUNDS[self.ground_name]

    @property
    def begins(self) -> int:
        """The update until which the run is healthy."""
        return min(fault.begins for fault in self.faults)

    @property
    def wrappers(self) -> tuple[Wrapper, ...]:
        """What is wrong with the environment, in the order in which it is wrapped."""
        return tuple(f.environment for f in self.faults if f.environment is not None)

    @property
    def random_shift(self) -> int | None:
        """DrQ's shift in pixels, None for none."""
        return max((f.random_shift for f in self.faults if f.random_shift), default=None)


def plantings(name: str) -> list[Planting]:
    """Return the plantings of that name, one for each ground.

    Of several faults, such as "cnn_x50+reward_mismatch", there is one: in what most asks for.

    Raises:
        ValueError: there is no such fault.
    """
    names = name.split("+")
    unknown: Sequence[str] = [part for part in names if part not in FAULTS]
    if unknown:
        raise ValueError(f"there is no fault {unknown[0]!r}; choose from {', '.join(FAULTS)}")
    faults = tuple(FAULTS[part] for part in names)
    if len(faults) == 1:
        return [Planting(faults, ground) for ground in faults[0].grounds]
    special = (fault.grounds[0] for fault in faults if fault.grounds[0] != "point")
    return [Planting(faults, next(special, "point"))]
