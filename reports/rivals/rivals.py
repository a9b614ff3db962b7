"""The rivals R1 to R12: what else could explain a flat success curve."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rival:
    """Another explanation of a flat success curve.

    Attributes:
        name: "R1" to "R12", or "B" for a run that is broken.
        title: what it says.
        needs_all: whether all its checks must speak; else one is enough.
        test: the change that would test it alone, as parts of an arm's name; empty for none.
        advice: what to try next where it holds.
        checks: names of those that speak for it (`reports/checks`).
    """

    name: str
    title: str
    needs_all: bool
    test: str
    advice: str
    checks: tuple[str, ...] = ()


RIVALS = (
    Rival(
        "B",
        "the run is broken",
        False,
        "",
        "mend what is named before anything else",
        ("nan", "constant_images", "constant_goal"),
    ),
    Rival(
        "R1",
        "everything compared is at the floor",
        True,
        "state-her",
        "train longer, or show that the task can be learnt at all: the state instead of pixels",
    ),
    Rival(
        "R2",
        "the features lack the content",
        True,
        "close-camera",
        "bring the camera close, or use an encoder that keeps positions (+spatial)",
        ("content_missing",),
    ),
    Rival(
        "R3",
        "the encoder gets no useful gradient",
        False,
        "critic-encoder",
        "look at the routing table; train one encoder by the critic's loss",
        (
            "dead_units",
            "saturated",
            "encoder_without_gradient",
            "encoder_not_moving",
            "rank_collapsed",
        ),
    ),
    Rival(
        "R4",
        "features look healthy and are constant",
        True,
        "gain",
        "a fixed gain in place of LayerNorm: does anything vary underneath?",
        ("constant_features",),
    ),
    Rival(
        "R5",
        "augmentation is louder than the signal",
        False,
        "",
        "a smaller shift, or none",
        ("augmentation_far", "augmentation_above_signal"),
    ),
    Rival(
        "R6",
        "hindsight teaches nothing",
        False,
        "",
        "see that relabelled rewards belong to their goals, and that episodes move the object",
        ("reward_mismatch", "object_unmoved"),
    ),
    Rival(
        "R7",
        "the critic has collapsed to a constant",
        True,
        "",
        "look at rewards and terminations: all the critic has seen may be one value",
        ("critic_constant",),
    ),
    Rival(
        "R8",
        "the pixels are not used at all",
        False,
        "goal-only",
        "train without pixels: if nothing changes, this is no learning from pixels",
        ("critic_ignores_pixels", "actor_ignores_pixels"),
    ),
    Rival(
        "R9",
        "something is missing from the observation",
        False,
        "proprio",
        "observe the gripper's own state, or stack frames (+stack4)",
        ("velocity_missing", "proprioception_missing"),
    ),
    Rival(
        "R10",
        "the image contradicts the goal",
        True,
        "no-marker",
        "do not draw the goal's marker: relabelling cannot move it",
        ("goal_in_image",),
    ),
    Rival(
        "R11",
        "entropy collapse, or too few updates per step",
        False,
        "",
        "more gradient steps per step (--gradient-steps); watch the entropy coefficient",
        ("entropy_collapsed", "few_updates"),
    ),
    Rival(
        "R12",
        "the goal path is quiet in itself",
        True,
        "goal-std",
        "centre the goal vectors and divide by their spread",
        ("goal_path_quiet",),
    ),
)
