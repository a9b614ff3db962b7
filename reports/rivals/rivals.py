"""The alternative explanations (rivals) R1 to R12 of a flat success curve."""

from collections.abc import Callable
from dataclasses import dataclass

from goalscope.diagnostics.record.keys import ACTOR, CRITIC
from goalscope.reports.numbers.runs import Arms, observe_goals
from goalscope.reports.numbers.windows import Time, Window
from goalscope.reports.rivals.comparing import at_the_floor, lost_content, quiet_goal
from goalscope.reports.rivals.evidence import Evidence
from goalscope.reports.statistics.thresholds import Thresholds

_BOTH = (CRITIC, ACTOR)
Comparing = Callable[[Arms, Time, Window | None, Thresholds], list[Evidence]]


@dataclass(frozen=True)
class Rival:
    """Another explanation of a flat success curve.

    Attributes:
        name: "R1" to "R12", or "B" for a run that is broken.
        title: what it says; may name {network}.
        needs_all: whether all its checks must speak; else one is enough.
        change: to the baseline, that would test it alone; empty for none.
        advice: what to try next where it holds.
        checks: names of the checks that speak for it (`reports/checks/table.py`).
        control: an arm of its own that would test it instead; empty for none.
        compares: evidence at a time beside the checks of the baseline's own runs; None where
            its checks are all there is.
        networks: of which it is asked, each by itself; (None,) for the run as a whole.
        note: what a reader must know of how it is tested.
        of_goals: whether it is about goals, so that it explains nothing where none is observed.
        own_code: what tests it alone in code of one's own, where arms have no such names.
    """

    name: str
    title: str
    needs_all: bool
    change: str
    advice: str
    checks: tuple[str, ...] = ()
    control: str = ""
    compares: Comparing | None = None
    networks: tuple[str | None, ...] = (None,)
    note: str = ""
    of_goals: bool = False
    own_code: str = ""

    def title_of(self, network: str | None) -> str:
        """Return what it says of a network."""
        return self.title.format(network=network)


RIVALS = (
    Rival(
        "B",
        "the run is broken",
        False,
        "",
        "mend what is named before anything else",
        checks=("nan", "constant_images", "constant_goal"),
    ),
    Rival(
        "R1",
        "everything compared is at the floor",
        True,
        "",
        "train longer, or show that the task can be learnt at all: the state instead of pixels",
        control="state-her",
        compares=at_the_floor,
        note="Within ten points of idling: redefined after the assay's seeds 0 to 4 were seen.",
        own_code="observe positions as a vector in place of the image key",
    ),
    Rival(
        "R2",
        "the {network}'s features lack the content that the image shows",
        True,
        "close-camera",
        "bring the camera close, or use an encoder that keeps positions",
        checks=("content_missing",),
        compares=lost_content,
        networks=_BOTH,
        own_code="move the camera close to what it has to show",
    ),
    Rival(
        "R3",
        "the {network}'s encoder gets no useful gradient",
        False,
        "critic-encoder",
        "look at the routing table; train one encoder by the critic's loss",
        checks=(
            "dead_units",
            "saturated",
            "encoder_without_gradient",
            "encoder_not_moving",
            "rank_collapsed",
        ),
        networks=_BOTH,
        own_code="policy_kwargs=dict(share_features_extractor=True)",
    ),
    Rival(
        "R4",
        "the {network}'s features look healthy and are constant",
        True,
        "gain",
        "a fixed gain in place of LayerNorm: does anything vary underneath?",
        checks=("constant_features",),
        networks=_BOTH,
        own_code="put a fixed gain in place of the normalisation in your features extractor",
    ),
    Rival(
        "R5",
        "augmentation is louder than the signal",
        False,
        "",
        "a smaller shift, or none",
        checks=("augmentation_far", "augmentation_above_signal"),
    ),
    Rival(
        "R6",
        "hindsight teaches nothing",
        False,
        "explore",
        "see that relabelled rewards belong to their goals, and that episodes move the object",
        checks=("reward_mismatch", "object_unmoved"),
        of_goals=True,
        own_code="give the agent action_noise, so that more of its actions are random",
    ),
    Rival(
        "R7",
        "the critic has collapsed to a constant",
        True,
        "",
        "look at rewards and terminations: all the critic has seen may be one value",
        checks=("critic_constant",),
    ),
    Rival(
        "R8",
        "the {network} does not use the pixels",
        False,
        "",
        "train without pixels: if nothing changes, this is no learning from pixels",
        checks=("critic_ignores_pixels", "actor_ignores_pixels"),
        control="goal-only",
        networks=_BOTH,
        own_code="drop the image key from the observation",
    ),
    Rival(
        "R9",
        "something is missing from the observation",
        False,
        "proprio",
        "observe the gripper's own state, or stack frames",
        checks=("velocity_missing", "proprioception_missing"),
        of_goals=True,  # told from the next achieved goal
        own_code="add the gripper's own state to the observation",
    ),
    Rival(
        "R10",
        "the image contradicts the goal",
        True,
        "no-marker",
        "do not draw the goal's marker: relabelling cannot move it",
        checks=("goal_in_image",),
        of_goals=True,
        own_code="leave the goal's marker out of the rendered scene",
    ),
    Rival(
        "R11",
        "entropy collapse, or too few updates per step",
        False,
        "fixed-entropy",
        "fix the entropy coefficient, or make more gradient steps per step (gradient_steps)",
        checks=("entropy_collapsed", "few_updates"),
        own_code="ent_coef=0.01",
    ),
    Rival(
        "R12",
        "the goal path is quiet in itself",
        False,
        "goal-std",
        "centre the goal vectors and divide by their spread",
        checks=("goal_path_quiet",),
        compares=quiet_goal,
        of_goals=True,
        own_code="standardise the goals in an observation wrapper",
    ),
)


def rivals_of(arms: Arms) -> list[Rival]:
    """Return the rivals that arms can be asked about."""
    goals = observe_goals(arms)
    return [rival for rival in RIVALS if goals or not rival.of_goals]
