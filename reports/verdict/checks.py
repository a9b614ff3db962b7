"""The checks: what else could keep an agent from learning, each a number and a threshold.

In the order of cause and effect, from what is observed to what the critic makes of it: of several
that speak, the first is the likeliest cause of the others.
"""

from dataclasses import dataclass
from typing import Literal

from goalscope.reports.records.tables import Run
from goalscope.reports.records.windows import TIMES, Time
from goalscope.reports.verdict.readings import (
    Reader,
    before_normalisation,
    broken_metrics,
    least_encoder_gradient,
    least_encoder_step,
    position_error,
    prediction_gain,
    ratio,
    recorded,
    varying_part,
)
from goalscope.reports.verdict.statistics import Scale

Side = Literal["above", "below"]
_LATE: tuple[Time, ...] = ("late",)
_ENCODER = ("encoder_without_gradient", "encoder_not_moving")
_START: tuple[Time, ...] = ("initialisation",)


@dataclass(frozen=True)
class Check:
    """A number that speaks for a rival when it lies on one side of its threshold.

    Attributes:
        name: of the check.
        rival: which rival it belongs to, "R1" to "R12"; "B" for the basics: a run that is broken.
        label: what is measured, in words.
        unit: of the number; "share" is shown in percent.
        scale: of its interval over seeds.
        read: the number of a run in a window; None where it was not measured.
        speaks: on which side of the threshold it speaks for the rival.
        threshold: fixed before anyone looks; set on planted faults (benchmarks/planted_faults).
        says: what is wrong then, in words.
        fault: whether no healthy run shows it; otherwise it is a limit that many healthy runs have.
        times: at which it is judged.
        explains: names of the checks that speak with it and mean nothing more.
        ends_in: what the image encoder must end in for the check to apply; None applies to all.
    """

    name: str
    rival: str
    label: str
    unit: str
    scale: Scale
    read: Reader
    speaks: Side
    threshold: float
    says: str
    fault: bool = True
    times: tuple[Time, ...] = TIMES
    explains: tuple[str, ...] = ()
    ends_in: str | None = None

    def applies(self, run: Run) -> bool:
        """Whether the check can say anything of a run."""
        if self.ends_in is None:
            return True
        blocks = {block["name"]: block for block in run.blocks("critic")}
        return bool(blocks.get(run.image_block(), {}).get("ends_in") == self.ends_in)

    def spoken(self, value: float) -> bool:
        """Whether a number lies on the side that speaks for the rival; NaN does not."""
        return value > self.threshold if self.speaks == "above" else value < self.threshold


CHECKS: tuple[Check, ...] = (
    Check(
        "nan",
        "B",
        "metrics that hold NaN or infinity",
        "metrics",
        Scale.PLAIN,
        broken_metrics,
        "above",
        0.5,
        "numbers broke: NaN or infinity in gradients, features or losses",
    ),
    Check(
        "constant_images",
        "B",
        "spread of the images between observations",
        "of 0..1",
        Scale.LOG,
        recorded("observation/replay.{image}.spread"),
        "below",
        1e-3,
        "every image is the same: nothing can be learnt from them",
        explains=("dead_units", "constant_features", *_ENCODER),
    ),
    Check(
        "constant_goal",
        "B",
        "spread of the desired goal between observations",
        "goal units",
        Scale.LOG,
        recorded("observation/replay.desired_goal.spread"),
        "below",
        1e-3,
        "the desired goal never changes: there is nothing to listen to",
        explains=("reward_mismatch", "goal_path_quiet"),
    ),
    Check(
        "reward_mismatch",
        "R6",
        "relabelled transitions whose reward is not that of their goal",
        "share",
        Scale.LOGIT,
        recorded("training/relabelled.reward_mismatch"),
        "above",
        0.01,
        "rewards of relabelled transitions belong to other goals",
    ),
    Check(
        "augmentation_loud",
        "R5",
        "spread of the features by augmentation over that between observations",
        "ratio",
        Scale.LOG,
        recorded("augmentation/critic.{image}.augmentation_over_signal"),
        "above",
        4.5,
        "augmentation moves the features several times as far as another observation does",
    ),
    Check(
        "critic_constant",
        "R7",
        "spread of Q over a replay batch",
        "units of return",
        Scale.LOG,
        recorded("training/critic.q_spread"),
        "below",
        1e-3,
        "Q is the same for every observation and action",
        times=_LATE,
        explains=_ENCODER,
    ),
    Check(
        "dead_units",
        "R3",
        "exact zeros among the image features",
        "share",
        Scale.LOGIT,
        before_normalisation("zero_fraction"),
        "above",
        0.95,
        "the encoder's units are dead",
        explains=("constant_features", *_ENCODER),
    ),
    Check(
        "constant_features",
        "R4",
        "part of the image features' length that varies between observations",
        "share",
        Scale.LOGIT,
        varying_part,
        "below",
        3e-4,
        "the image features are a constant, whatever their size",
        explains=_ENCODER,
    ),
    Check(
        "saturated",
        "R3",
        "image features at the ends of Tanh",
        "share",
        Scale.LOGIT,
        recorded("features/critic.{image}.saturated_fraction"),
        "above",
        0.5,
        "Tanh is saturated: hardly any gradient passes it",
        ends_in="Tanh",
    ),
    Check(
        "encoder_without_gradient",
        "R3",
        "least gradient that an encoder gets from its own loss",
        "loss units",
        Scale.LOG,
        least_encoder_gradient,
        "below",
        1e-7,
        "no gradient reaches an encoder",
        explains=("encoder_not_moving",),
    ),
    Check(
        "encoder_not_moving",
        "R3",
        "least step of an encoder over its weights",
        "ratio",
        Scale.LOG,
        least_encoder_step,
        "below",
        1e-7,
        "no optimiser moves an encoder",
    ),
    Check(
        "image_block_loud",
        "C1",
        "image block's signal over the action's, before training",
        "ratio",
        Scale.LOG,
        ratio("signal/critic.{image}.signal", "signal/critic.action.signal"),
        "above",
        0.2,
        "the image block drowns all else before training has begun",
        times=_START,
    ),
    Check(
        "goal_path_quiet",
        "R12",
        "goal's signal over the action's, before training",
        "ratio",
        Scale.LOG,
        ratio("signal/critic.goal.signal", "signal/critic.action.signal"),
        "below",
        7e-3,
        "the goal is quiet in itself, whatever the pixels do",
        times=_START,
    ),
    Check(
        "augmentation_above_signal",
        "R5",
        "spread of the features by augmentation over that between observations",
        "ratio",
        Scale.LOG,
        recorded("augmentation/critic.{image}.augmentation_over_signal"),
        "above",
        1.0,
        "augmentation moves the features more than another observation does",
        fault=False,
    ),
    Check(
        "content_missing",
        "R2",
        "error of the position read from the image features",
        "cm",
        Scale.LOG,
        position_error,
        "above",
        5.0,
        "the image features do not tell the position within the tolerance of 5 cm",
        fault=False,
    ),
    Check(
        "rank_collapsed",
        "R3",
        "effective rank of the image features",
        "dimensions",
        Scale.LOG,
        before_normalisation("effective_rank"),
        "below",
        2.0,
        "the image features vary in fewer than two directions",
        fault=False,
    ),
    Check(
        "object_unmoved",
        "R6",
        "relabelled transitions whose episode moved nothing",
        "share",
        Scale.LOGIT,
        recorded("training/relabelled.unmoved_fraction"),
        "above",
        0.9,
        "hindsight relabels episodes in which nothing moved",
        fault=False,
    ),
    Check(
        "critic_ignores_pixels",
        "R8",
        "change of Q when the pixels are exchanged",
        "std of Q",
        Scale.LOG,
        recorded("sensitivity/critic.{image}.q_swap"),
        "below",
        0.1,
        "Q hardly depends on the pixels",
        fault=False,
    ),
    Check(
        "actor_ignores_pixels",
        "R8",
        "change of the action when the pixels are exchanged",
        "action ranges",
        Scale.LOG,
        recorded("sensitivity/actor.{image}.action_swap"),
        "below",
        0.02,
        "the policy hardly depends on the pixels",
        fault=False,
    ),
    Check(
        "velocity_missing",
        "R9",
        "gain in R^2 of the next achieved goal by the previous step's features",
        "R^2",
        Scale.PLAIN,
        prediction_gain("previous"),
        "above",
        0.1,
        "what comes next depends on what came before",
        fault=False,
    ),
    Check(
        "proprioception_missing",
        "R9",
        "gain in R^2 of the next achieved goal by the gripper's own state",
        "R^2",
        Scale.PLAIN,
        prediction_gain("proprioception"),
        "above",
        0.1,
        "what comes next depends on the gripper's own state",
        fault=False,
    ),
    Check(
        "goal_in_image",
        "R10",
        "R^2 of the desired goal read from the raw image",
        "R^2",
        Scale.PLAIN,
        recorded("content/critic.{image}.raw_desired_goal_r2"),
        "above",
        0.5,
        "the image shows the original goal, which relabelling does not follow",
        fault=False,
    ),
    Check(
        "entropy_collapsed",
        "R11",
        "entropy coefficient",
        "reward units",
        Scale.LOG,
        recorded("training/entropy.coefficient"),
        "below",
        1e-3,
        "the entropy bonus is gone: the policy explores no more",
        fault=False,
        times=_LATE,
    ),
    Check(
        "few_updates",
        "R11",
        "updates per environment step",
        "updates per step",
        Scale.LOG,
        recorded("training/updates_per_step"),
        "below",
        0.25,
        "there are few updates for the steps taken",
        fault=False,
        times=_LATE,
    ),
)
