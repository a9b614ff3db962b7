"""The thresholds that decide, fixed before anyone looks."""

import math
from dataclasses import dataclass

from goalscope.reports.statistics.scales import Scale

_RANGES = (
    ("goal_share", 0, 1),
    ("drowned_share", 0, 1),
    ("action_goal_swap", 0, 1),
    ("ignored_goal", 0, 1),
    ("dead_encoder", 0, 1),
    ("q_goal_swap", 0, math.inf),
    ("q_goal_distance", -1, 1),
    ("early_updates", 0, math.inf),
    ("late_part", 0, 1),
    ("seeds_to_lean", 1, math.inf),
    ("seeds_to_test", 4, math.inf),
    ("confidence", 0.5, 1),
    ("false_discoveries", 0, 0.5),
    ("false_leanings", 0, 0.5),
    ("noise_ratio", 1, math.inf),
    ("content_gain", -1, 1),
    ("arms_to_rank", 3, math.inf),
    ("equivalence_factor", 1, math.inf),
    ("equivalence_z", 0, math.inf),
)


@dataclass(frozen=True)
class Thresholds:
    """What decides, fixed before anyone looks; a study may set others and its page prints them.

    Attributes:
        goal_share: below this share of signal or gradient the image features outweigh the goal
            (C1, C2).
        drowned_share: below this the goal is drowned.
        q_goal_swap: below this the critic is insensitive to an exchanged goal, in standard
            deviations of Q (C4).
        action_goal_swap: below this the actor is, in parts of the action range (C4).
        ignored_goal: below this a network's output ignores the goal altogether, and its shares say
            nothing (C1, C2).
        dead_encoder: above this part of exact zeros an encoder is dead, and the same.
        q_goal_distance: below this Q does not follow the distance to the goal (C4).
        early_updates: the last update that counts as early.
        late_part: the last part of the shortest run that counts as late, above 0 and below 1.
        seeds_to_lean: fewer seeds are no test at all.
        seeds_to_test: fewer seeds can at most lean.
        confidence: of the intervals, above 0.5 and below 1.
        false_discoveries: rate among a page's decided outcomes (its adjusted p-values lie below).
        false_leanings: the same of what leans, with too few seeds for more.
        noise_ratio: direction consistency times its window below this is noise (C3); 1 is pure
            noise, the window's size a gradient that always points the same way.
        content_gain: a read-out of the image features whose R^2 beats a fresh encoder's by less
            than this has learnt nothing (C3).
        success_marks: rates of success that the plan promises of its fix, rising; the first is
            what C6 is judged by.
        arms_to_rank: fewer arms have no rank correlation (C7), at least 4.
        equivalence_factor: ratios and odds that differ by less than this factor count as equal.
        equivalence_z: correlations that differ by less than this, on Fisher's z, count as equal.

    Raises:
        ValueError: a value that makes no sense.
    """

    goal_share: float = 0.50
    drowned_share: float = 0.10
    action_goal_swap: float = 0.02
    ignored_goal: float = 1e-3
    dead_encoder: float = 0.95
    q_goal_swap: float = 0.10
    q_goal_distance: float = 0.2
    early_updates: int = 1_000
    late_part: float = 0.1
    seeds_to_lean: int = 2
    seeds_to_test: int = 5
    confidence: float = 0.95
    false_discoveries: float = 0.05
    false_leanings: float = 0.10
    noise_ratio: float = 2.0
    content_gain: float = 0.05
    success_marks: tuple[float, ...] = (0.50, 0.70, 0.85)
    arms_to_rank: int = 4
    equivalence_factor: float = 1.25
    equivalence_z: float = 0.1

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{name} = {value!r} is not a number")
            if not low < value < high:
                raise ValueError(
                    f"{name} = {value:g} makes no sense; it must lie between {low:g} and {high:g}"
                )
        if self.drowned_share >= self.goal_share:
            raise ValueError(
                f"drowned_share = {self.drowned_share:g} makes no sense; it must lie below "
                f"goal_share = {self.goal_share:g}"
            )
        marks = tuple(self.success_marks)  # a plan file's list
        numbers = all(isinstance(mark, int | float) and 0 < mark < 1 for mark in marks)
        if not marks or not numbers or list(marks) != sorted(set(marks)):
            raise ValueError(f"success_marks = {list(marks)} must be rising rates between 0 and 1")
        object.__setattr__(self, "success_marks", marks)

    def equivalence_margin(self, scale: Scale) -> float:
        """Return the difference on a scale below which two arms count as equal."""
        ratios = scale in (Scale.LOG, Scale.LOGIT)
        return math.log(self.equivalence_factor) if ratios else self.equivalence_z
