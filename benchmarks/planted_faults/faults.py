"""The faults, each defined once, and which check should name each first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from stable_baselines3 import SAC

from benchmarks.planted_faults import agent_faults, extractor_faults
from benchmarks.planted_faults.environment_faults import BlankImages, FixedGoal, GoalEnv
from benchmarks.planted_faults.extractor_faults import Spoil
from benchmarks.planted_faults.replay_faults import FirstRewardReplay, FixedGoalReplay, Replay

Arm = Literal["plain", "norm"]
Wrapper = Callable[[GoalEnv], GoalEnv]


@dataclass(frozen=True)
class Fault:
    """A known fault, in the places where a project would have it.

    Attributes:
        name: its id.
        summary: what is wrong, in a line.
        check: name of the check that should name it first; None for a healthy control.
        arm: what it is planted in: image features as they are, or behind LayerNorm and Tanh.
        environment: wraps the environment, for training and for whatever else observes.
        extractor: spoils each features extractor as it is made.
        replay: class of the replay buffer.
        random_shift: DrQ's shift in pixels.
        agent: spoils the agent before its training starts.
    """

    name: str
    summary: str
    check: str | None
    arm: Arm = "plain"
    environment: Wrapper | None = None
    extractor: Spoil | None = None
    replay: Replay | None = None
    random_shift: int | None = None
    agent: Callable[[SAC], None] | None = None


_ALL = (
    Fault("healthy", "nothing is wrong", None),
    Fault("healthy_norm", "nothing is wrong, with LayerNorm and Tanh", None, arm="norm"),
    Fault(
        "healthy_drq", "nothing is wrong, with DrQ's shift at its usual size", None, random_shift=2
    ),
    Fault(
        "nan_gradient",
        "one layer's gradient is NaN from some update on",
        "nan",
        agent=agent_faults.nan_gradient,
    ),
    Fault("blank_images", "every image is black", "constant_images", environment=BlankImages),
    Fault(
        "goal_constant",
        "the agent is shown one goal, whatever it is asked for",
        "constant_goal",
        environment=FixedGoal,
        replay=FixedGoalReplay,
    ),
    Fault(
        "reward_mismatch",
        "goals are relabelled and their rewards are not",
        "reward_mismatch",
        replay=FirstRewardReplay,
    ),
    Fault("drq_shift", "DrQ shifts by up to 16 of 36 pixels", "augmentation_far", random_shift=16),
    Fault(
        "critic_constant",
        "the critics' last weights are held at zero",
        "critic_constant",
        agent=agent_faults.critic_constant,
    ),
    Fault(
        "relu_killed",
        "no unit of the encoder's last ReLU fires",
        "dead_units",
        extractor=extractor_faults.relu_killed,
    ),
    Fault(
        "constant_features",
        "images are scaled twice, and LayerNorm blows the encoder's biases up",
        "images_scaled_twice",
        arm="norm",
        extractor=extractor_faults.images_scaled_twice,
    ),
    Fault(
        "tanh_saturated",
        "what goes into Tanh is a hundred times too large",
        "saturated",
        arm="norm",
        extractor=extractor_faults.tanh_saturated,
    ),
    Fault(
        "encoder_detached",
        "image features are detached: no gradient reaches the encoder",
        "encoder_without_gradient",
        extractor=extractor_faults.detached,
    ),
    Fault(
        "encoder_frozen",
        "the encoder was swapped after the optimisers were made: none moves it",
        "encoder_not_moving",
        agent=agent_faults.encoder_frozen,
    ),
    Fault(
        "cnn_x50",
        "image features times 50",
        "image_block_loud",
        extractor=extractor_faults.image_block_times_50,
    ),
    Fault(
        "goals_x0.02",
        "goal vectors times 0.02",
        "goal_inputs_tiny",
        extractor=extractor_faults.goals_times_002,
    ),
)
FAULTS = {fault.name: fault for fault in _ALL}
CONTROLS = tuple(fault.name for fault in _ALL if fault.check is None)

# Faults that one project can have at once, and of which neither hides the other.
PAIRS: tuple[tuple[str, str], ...] = (
    ("blank_images", "reward_mismatch"),
    ("goal_constant", "encoder_frozen"),
    ("cnn_x50", "reward_mismatch"),
    ("goals_x0.02", "encoder_detached"),
    ("goals_x0.02", "drq_shift"),
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
    """

    faults: tuple[Fault, ...]

    @property
    def name(self) -> str:
        """The faults' names, joined by "+"."""
        return "+".join(fault.name for fault in self.faults)

    @property
    def checks(self) -> tuple[str, ...]:
        """Names of the checks that should name them."""
        return tuple(fault.check for fault in self.faults if fault.check is not None)

    @property
    def arm(self) -> Arm:
        """What they are planted in; LayerNorm and Tanh where one of them needs those."""
        return "norm" if any(fault.arm == "norm" for fault in self.faults) else "plain"

    @property
    def wrappers(self) -> tuple[Wrapper, ...]:
        """What is wrong with the environment, in the order in which it is wrapped."""
        return tuple(f.environment for f in self.faults if f.environment is not None)

    @property
    def random_shift(self) -> int | None:
        """DrQ's shift in pixels, None for none."""
        return max((f.random_shift for f in self.faults if f.random_shift), default=None)


def planting(name: str) -> Planting:
    """Return the planting of that name, such as "cnn_x50" or "cnn_x50+reward_mismatch".

    Raises:
        ValueError: there is no such fault.
    """
    names = name.split("+")
    unknown: Sequence[str] = [part for part in names if part not in FAULTS]
    if unknown:
        raise ValueError(f"there is no fault {unknown[0]!r}; choose from {', '.join(FAULTS)}")
    return Planting(tuple(FAULTS[part] for part in names))
