"""The rivals R1 to R12: what else could explain a flat success curve."""

from collections.abc import Callable
from dataclasses import dataclass

from goalscope.reports.numbers.runs import Arms
from goalscope.reports.numbers.windows import Time, Window
from goalscope.reports.rivals.comparing import at_the_floor, quiet_goal
from goalscope.reports.rivals.evidence import Evidence
from goalscope.reports.statistics.thresholds import Thresholds

Comparing = Callable[[Arms, Time, Window | None, Thresholds], list[Evidence]]


@dataclass(frozen=True)
class Rival:
    """Another explanation of a flat success curve.

    Attributes:
        name: "R1" to "R12", or "B" for a run that is broken.
        title: what it says.
        needs_all: whether all its checks must speak; else one is enough.
        change: to the baseline, that would test it alone; empty for none.
        advice: what to try next where it holds.
        control: an arm of its own that would test it instead; empty for none.
        compares: evidence that compares arms, at a time, beside the checks of each arm's own runs;
            None where its checks are all there is.
    """

    name: str
    title: str
    needs_all: bool
    change: str
    advice: str
    control: str = ""
    compares: Comparing | None = None


RIVALS = (
    Rival("B", "the run is broken", False, "", "mend what is named before anything else"),
    Rival(
        "R1",
        "everything compared is at the floor",
        True,
        "",
        "train longer, or show that the task can be learnt at all: the state instead of pixels",
        control="state-her",
        compares=at_the_floor,
    ),
    Rival(
        "R2",
        "the features lack the content",
        True,
        "close-camera",
        "bring the camera close, or use an encoder that keeps positions (+spatial)",
    ),
    Rival(
        "R3",
        "the encoder gets no useful gradient",
        False,
        "critic-encoder",
        "look at the routing table; train one encoder by the critic's loss",
    ),
    Rival(
        "R4",
        "features look healthy and are constant",
        True,
        "gain",
        "a fixed gain in place of LayerNorm: does anything vary underneath?",
    ),
    Rival("R5", "augmentation is louder than the signal", False, "", "a smaller shift, or none"),
    Rival(
        "R6",
        "hindsight teaches nothing",
        False,
        "",
        "see that relabelled rewards belong to their goals, and that episodes move the object",
    ),
    Rival(
        "R7",
        "the critic has collapsed to a constant",
        True,
        "",
        "look at rewards and terminations: all the critic has seen may be one value",
    ),
    Rival(
        "R8",
        "the pixels are not used at all",
        False,
        "",
        "train without pixels: if nothing changes, this is no learning from pixels",
        control="goal-only",
    ),
    Rival(
        "R9",
        "something is missing from the observation",
        False,
        "proprio",
        "observe the gripper's own state, or stack frames (+stack4)",
    ),
    Rival(
        "R10",
        "the image contradicts the goal",
        True,
        "no-marker",
        "do not draw the goal's marker: relabelling cannot move it",
    ),
    Rival(
        "R11",
        "entropy collapse, or too few updates per step",
        False,
        "",
        "more gradient steps per step (--gradient-steps); watch the entropy coefficient",
    ),
    Rival(
        "R12",
        "the goal path is quiet in itself",
        True,
        "goal-std",
        "centre the goal vectors and divide by their spread",
        compares=quiet_goal,
    ),
)
