"""The links and rivals on which these pages cannot say anything, each with the reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Untested:
    """A link of the claim, or a rival explanation, that is not tested.

    Attributes:
        link: C3, C6, C7 or R1 to R12.
        title: what it says.
        reason: what would have to be measured.
    """

    link: str
    title: str
    reason: str


UNTESTED = (
    Untested(
        "C3",
        "noise: early image features are noise",
        "needs the content of the features, read out and set against a fresh encoder's; the "
        "direction consistency of the gradients is only half of it (drawn in each run's report)",
    ),
    Untested(
        "C6",
        "outcome: the fix makes the task learnable",
        "needs success after full training; the last evaluation stands on this page beside the "
        "floors, where both were recorded, and no rule judges the task learnt by it yet",
    ),
    Untested(
        "C7",
        "cause: balance is why",
        "needs arms that only scale the image block (x0, x0.1, x1, x10), and the ablations",
    ),
    Untested(
        "R1",
        "everything compared is at the floor",
        "success stands on this page beside the floors of an idle and of a random agent, where "
        "they were recorded; no rule judges it yet",
    ),
    Untested(
        "R2",
        "the features lack the content",
        "needs a read-out of positions from the features, raw pixels and a fresh encoder",
    ),
    Untested(
        "R3",
        "the encoder gets no useful gradient",
        "its steps, dead units and rank are recorded, and which optimiser holds it; no rule judges "
        "them yet",
    ),
    Untested(
        "R4",
        "features look healthy and are constant",
        "spread and norm are recorded, before the normalisation, too; no rule judges them yet",
    ),
    Untested(
        "R5",
        "augmentation is louder than the signal",
        "the spread that augmentation causes is not measured",
    ),
    Untested(
        "R6",
        "hindsight teaches nothing",
        "episodes that never moved the object, and Q, TD error and reward of relabelled "
        "transitions are recorded; no rule judges them yet",
    ),
    Untested(
        "R7",
        "the critic has collapsed to a constant",
        "the spread of Q and of its targets is recorded; no rule judges it yet",
    ),
    Untested(
        "R8",
        "the pixels are not used at all",
        "the change of Q and action when pixels are exchanged is recorded; no rule judges it yet",
    ),
    Untested(
        "R9",
        "something is missing from the observation",
        "needs a prediction of the next achieved goal, with and without more of the state",
    ),
    Untested(
        "R10",
        "the image contradicts the goal",
        "needs a read-out of the goal from the pixels",
    ),
    Untested(
        "R11",
        "entropy collapse, or too few updates per step",
        "entropy coefficient and updates per step are recorded; no rule judges them yet",
    ),
    Untested(
        "R12",
        "the goal path is quiet in itself",
        "needs the arms without pixels and with standardised goals",
    ),
)
