"""The faults, each defined once, and which check should name each first.

Thresholds of checks may be set on the known ones and are never set on the blind ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stable_baselines3.common.vec_env import VecNormalize

from benchmarks.planted_faults import (
    agent_faults,
    environment_faults,
    extractor_faults,
    replay_faults,
)
from benchmarks.planted_faults.environment_faults import GoalEnv
from benchmarks.planted_faults.extractor_faults import Spoil
from benchmarks.planted_faults.grounds import GROUNDS, Ground, GroundName

Kind = Literal["control", "known", "blind"]
Wrapper = Callable[[GoalEnv], GoalEnv]


@dataclass(frozen=True)
class Fault:
    """A fault, in the places where a project would have it; or a healthy control.

    Attributes:
        name: its id.
        kind: whether thresholds may have been set on it.
        summary: what is wrong, in a line.
        check: name of the check that should name it first; None where there is none.
        tautology: whether that check reads the very number that was planted. It is then shown and
            left out of the score.
        grounds: what it is planted in, each by itself.
        environment: wraps the environment, for training and for whatever else observes.
        normalisation: stands in the place of VecNormalize.
        extractor: spoils each features extractor as it is made.
        replay: class of the replay buffer.
        random_shift: DrQ's shift in pixels.
        agent: spoils the agent before its training starts.
    """

    name: str
    kind: Kind
    summary: str
    check: str | None = None
    tautology: bool = False
    grounds: tuple[GroundName, ...] = ("point",)
    environment: Wrapper | None = None
    normalisation: type[VecNormalize] | None = None
    extractor: Spoil | None = None
    replay: replay_faults.Replay | None = None
    random_shift: int | None = None
    agent: Callable[[Any], None] | None = None


_BOTH: tuple[GroundName, ...] = ("point", "reach")
_CONTROLS = (
    Fault("healthy_point", "control", "SAC on the point"),
    Fault(
        "healthy_norm", "control", "SAC on the point, LayerNorm and Tanh", grounds=("point_norm",)
    ),
    Fault(
        "healthy_normalised",
        "control",
        "SAC on the point, goals through VecNormalize",
        grounds=("point_normalised",),
    ),
    Fault("healthy_point_td3", "control", "TD3 on the point", grounds=("point_td3",)),
    Fault("healthy_reach", "control", "SAC on FetchReach from pixels", grounds=("reach",)),
    Fault(
        "healthy_drq",
        "control",
        "SAC on FetchReach from pixels, DrQ's shift at its usual size",
        grounds=("reach",),
        random_shift=2,
    ),
    Fault("healthy_reach_td3", "control", "TD3 on FetchReach from pixels", grounds=("reach_td3",)),
    Fault("healthy_push_state", "control", "SAC on FetchPush from state", grounds=("push_state",)),
    Fault(
        "healthy_push_state_td3",
        "control",
        "TD3 on FetchPush from state",
        grounds=("push_state_td3",),
    ),
)
_KNOWN = (
    Fault(
        "nan_gradient",
        "known",
        "one layer's gradient is NaN from some update on",
        "nan",
        tautology=True,
        agent=agent_faults.nan_gradient,
    ),
    Fault(
        "blank_images",
        "known",
        "every image is black",
        "constant_images",
        tautology=True,
        environment=environment_faults.BlankImages,
    ),
    Fault(
        "goal_constant",
        "known",
        "the agent is shown one goal, whatever it is asked for",
        "constant_goal",
        tautology=True,
        environment=environment_faults.FixedGoal,
        replay=replay_faults.FixedGoalReplay,
    ),
    Fault(
        "reward_mismatch",
        "known",
        "goals are relabelled and their rewards are not",
        "reward_mismatch",
        replay=replay_faults.FirstRewardReplay,
    ),
    Fault(
        "drq_shift",
        "known",
        "DrQ shifts by up to 16 of 36 pixels",
        "augmentation_far",
        tautology=True,
        grounds=("reach",),
        random_shift=16,
    ),
    Fault(
        "critic_constant",
        "known",
        "the critics' last weights are held at zero",
        "critic_constant",
        agent=agent_faults.critic_constant,
    ),
    Fault(
        "relu_killed",
        "known",
        "no unit of the encoder's last ReLU fires",
        "dead_units",
        extractor=extractor_faults.relu_killed,
    ),
    Fault(
        "encoder_dies",
        "known",
        "the same, from some update in the middle of training on",
        "dead_units",
        agent=agent_faults.encoder_dies,
    ),
    Fault(
        "constant_features",
        "known",
        "images are scaled twice, and LayerNorm blows the encoder's biases up",
        "images_scaled_twice",
        tautology=True,
        grounds=("point_norm",),
        extractor=extractor_faults.images_scaled_twice,
    ),
    Fault(
        "tanh_saturated",
        "known",
        "what goes into Tanh is a hundred times too large",
        "saturated",
        grounds=("point_norm",),
        extractor=extractor_faults.tanh_saturated,
    ),
    Fault(
        "encoder_detached",
        "known",
        "image features are detached: no gradient reaches the encoder",
        "encoder_without_gradient",
        extractor=extractor_faults.detached,
    ),
    Fault(
        "encoder_frozen",
        "known",
        "the encoder was swapped after the optimisers were made: none moves it",
        "encoder_not_moving",
        agent=agent_faults.encoder_frozen,
    ),
    Fault(
        "cnn_x50",
        "known",
        "image features times 50",
        "image_block_loud",
        extractor=extractor_faults.image_block_times_50,
    ),
    Fault(
        "goals_x0.02",
        "known",
        "goal vectors times 0.02",
        "goal_inputs_tiny",
        extractor=extractor_faults.goals_times_002,
    ),
    Fault(
        "entropy_gone",
        "known",
        "the entropy coefficient is held at 0.00001, and the run fails",
        "entropy_collapsed",
        tautology=True,
        grounds=("push",),
        agent=agent_faults.entropy_gone,
    ),
    Fault(
        "camera_too_coarse",
        "known",
        "a pixel spans more than the tolerance, and the run fails",
        "camera_too_coarse",
        tautology=True,
        grounds=("push",),
    ),
)
_BLIND = (
    Fault(
        "target_frozen",
        "blind",
        "the target network is never updated (tau 0)",
        "target_frozen",
        grounds=_BOTH,
        agent=agent_faults.target_frozen,
    ),
    Fault(
        "rewards_x100",
        "blind",
        "rewards are a hundred times as large",
        "rewards_out_of_range",
        tautology=True,
        grounds=_BOTH,
        environment=environment_faults.LargeRewards,
    ),
    Fault(
        "terminated_always",
        "blind",
        "the environment says `terminated` at every step",
        "always_terminated",
        tautology=True,
        grounds=_BOTH,
        environment=environment_faults.AlwaysTerminated,
    ),
    Fault(
        "next_is_same",
        "blind",
        "each next observation equals the observation",
        "next_observation_same",
        tautology=True,
        grounds=_BOTH,
        replay=replay_faults.SameNextReplay,
    ),
    Fault(
        "actions_shuffled",
        "blind",
        "stored actions are those of other transitions",
        "actions_shuffled",
        grounds=_BOTH,
        replay=replay_faults.ShuffledActionReplay,
    ),
    Fault(
        "actions_x0.02",
        "blind",
        "a fiftieth of each action is carried out",
        "actions_without_effect",
        grounds=_BOTH,
        environment=environment_faults.SmallActions,
    ),
    Fault(
        "goals_in_another_frame",
        "blind",
        "desired goals have another origin than achieved ones",
        "goals_in_another_frame",
        grounds=_BOTH,
        environment=environment_faults.OtherFrame,
    ),
    Fault(
        "no_relabelling",
        "blind",
        "hindsight is on and relabels nothing",
        "goals_not_relabelled",
        tautology=True,
        grounds=_BOTH,
        replay=replay_faults.RealGoalReplay,
    ),
    Fault(
        "channels_swapped",
        "blind",
        "blue and red are swapped in replay, and not where the agent acts",
        grounds=_BOTH,
        replay=replay_faults.SwappedChannelReplay,
    ),
    Fault(
        "images_scaled_twice",
        "blind",
        "images are divided by 255 twice",
        "images_scaled_twice",
        tautology=True,
        grounds=_BOTH,
        extractor=extractor_faults.images_scaled_twice,
    ),
    Fault(
        "normalisation_stale",
        "blind",
        "VecNormalize stopped following the goals within the first episode",
        "normalisation_stale",
        grounds=("point_normalised",),
        normalisation=environment_faults.StaleNormalize,
    ),
    Fault(
        "discount_one",
        "blind",
        "the discount is 1 and no episode ends for good",
        "discount_without_end",
        tautology=True,
        grounds=_BOTH,
        agent=agent_faults.discount_one,
    ),
)
FAULTS = {fault.name: fault for fault in (*_CONTROLS, *_KNOWN, *_BLIND)}

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
        """Names of the checks that should name them."""
        return tuple(fault.check for fault in self.faults if fault.check is not None)

    @property
    def ground(self) -> Ground:
        """What they are planted in."""
        return GROUNDS[self.ground_name]

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
