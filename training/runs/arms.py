"""The arms: a base and a list of named changes to it, each defined once.

An arm's name is a base or a named arm, and changes added to it or left out of it:
`pixel-her+drq+norm+dim256`, `pixel-her-recipe~explore`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any

from goalscope.errors import UserError
from goalscope.training.agents.settings import AgentSettings
from goalscope.training.envs.settings import EnvironmentSettings


class UnknownArm(UserError):
    """There is no arm of that name; the message is one line and says what there is."""


@dataclass(frozen=True)
class Change:
    """A named change.

    Attributes:
        summary: what it is, in a line.
        values: field of `AgentSettings` or of `EnvironmentSettings` -> value.
    """

    summary: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Arm:
    """A named configuration.

    Attributes:
        name: as given on the command line.
        changes: names of its changes to the baseline, the base first, in the order applied.
        summary: what it is for, in a line.
    """

    name: str
    changes: tuple[str, ...]
    summary: str

    @property
    def values(self) -> dict[str, Any]:
        """Every setting it changes -> value; a later change wins."""
        return {key: value for name in self.changes for key, value in CHANGES[name].values.items()}

    @property
    def agent(self) -> AgentSettings:
        """The agent's settings under this arm."""
        return replace(AgentSettings(), **_of(AgentSettings, self.values))

    def environment(self, settings: EnvironmentSettings) -> EnvironmentSettings:
        """Return the environment's settings under this arm."""
        return replace(settings, **_of(EnvironmentSettings, self.values))


BASES = {
    "pixel-her": Change("the plan's baseline: SB3's own extractor on pixels and goal vectors"),
    "state-her": Change(
        "the plan's reference: the simulator's state instead of pixels",
        {"pixels": False, "state": True},
    ),
    "plain": Change(
        "SB3's own extractor and no hindsight: for PPO, and tasks without goals", {"her": False}
    ),
    "reach-pixel": Change(
        "the plan's contrast: FetchReach from pixels alone, no goal vectors, no hindsight",
        {"id": "FetchReach-v4", "dense_reward": True, "goals": False, "her": False},
    ),
    "goal-only": Change("control: the goal vectors and no pixels", {"pixels": False}),
    "goal-only-wide": Change(
        "control: no pixels, as many zeros as the CNN has features",
        {"pixels": False, "constant_features": 256},
    ),
    "pixel-shuffled": Change("control: another observation's pixels", {"shuffled_pixels": True}),
}
CHANGES = BASES | {
    "drq": Change("DrQ's random shift by up to 4 pixels", {"random_shift": 4}),
    "norm": Change(
        "the plan's fix, three changes at once: LayerNorm + Tanh, 50 features, learning rate 1e-4",
        {"trunk": "layernorm-tanh", "cnn_dim": 50, "learning_rate": 1e-4},
    ),
    "layernorm": Change("LayerNorm + Tanh on the image features", {"trunk": "layernorm-tanh"}),
    "dim50": Change("50 image features", {"cnn_dim": 50}),
    "dim256": Change("256 image features", {"cnn_dim": 256}),
    "lr1e4": Change("learning rate 1e-4", {"learning_rate": 1e-4}),
    "lr3e4": Change("learning rate 3e-4", {"learning_rate": 3e-4}),
    "gain": Change("a fixed gain that gives the fix's initial spread", {"image_gain": "fix"}),
    "goal-std": Change(
        "goal vectors centred, divided by their spread",
        {"goals_centred": True, "goals_scaled": True},
    ),
    "goal-centred": Change("goal vectors centred", {"goals_centred": True}),
    "goal-scaled": Change("goal vectors divided by their spread", {"goals_scaled": True}),
    "vectors-std": Change(
        "every vector centred, divided by its spread",
        {"goals_centred": True, "goals_scaled": True, "vectors_standardised": True},
    ),
    "drqv2-trunk": Change(
        "Linear -> LayerNorm -> Tanh without NatureCNN's ReLU", {"trunk": "drqv2"}
    ),
    "scale0": Change("image features times 0", {"image_gain": 0.0}),
    "scale0.1": Change("image features times 0.1", {"image_gain": 0.1}),
    "scale3": Change("image features times 3", {"image_gain": 3.0}),
    "scale10": Change("image features times 10", {"image_gain": 10.0}),
    "proprio": Change("the gripper's own position and velocity observed", {"proprioception": True}),
    "stack4": Change("four stacked frames", {"frame_stack": 4}),
    "spatial": Change("3x3 convolutions and a spatial softmax", {"encoder": "spatial"}),
    "spatial-sharp": Change("spatial, its softmax sharp at first", {"encoder": "spatial-sharp"}),
    "keypoints": Change(
        "few convolutions, and where each of 32 maps is active",
        {"encoder": "keypoints", "cnn_dim": 64},
    ),
    "share": Change("SB3's shared encoder, trained by the actor's loss", {"routing": "shared"}),
    "critic-encoder": Change("one encoder, trained by the critic's loss", {"routing": "critic"}),
    "decoupled-encoder": Change(
        "one encoder that neither the critic's loss nor the actor's trains",
        {"routing": "decoupled"},
    ),
    "simnorm": Change("TD-MPC2's SimNorm on the image features", {"trunk": "simnorm"}),
    "close-camera": Change("a camera close to the table", {"camera": "close"}),
    "no-marker": Change("the goal's marker not drawn", {"goal_marker": False}),
    "lr1e3": Change("learning rate 1e-3", {"learning_rate": 1e-3}),
    "anneal": Change(
        "the learning rate falls to a tenth over the last fifth of the run",
        {"annealed": True},
    ),
    "gamma95": Change("discount 0.95", {"gamma": 0.95}),
    "tau05": Change("the target critic follows at 0.05", {"tau": 0.05}),
    "fixed-entropy": Change("entropy coefficient fixed at 0.01", {"ent_coef": "0.01"}),
    "explore": Change("30 % of training actions drawn uniformly", {"random_actions": 0.3}),
    "target-clip": Change("the target critic's values kept possible", {"target_clip": True}),
    "action-penalty": Change("large actions cost the actor", {"action_penalty": 1.0}),
    "inverse-dynamics": Change(
        "the encoder also learns to tell the action", {"inverse_dynamics": True}
    ),
    "encoder-warmup": Change(
        "5,000 steps of inverse dynamics before the first update", {"encoder_warmup": 5_000}
    ),
    "frozen-encoder": Change(
        "5,000 steps of inverse dynamics, and then the encoder learns no more",
        {"encoder_warmup": 5_000, "encoder_frozen": True},
    ),
    "asymmetric-critic": Change(
        "the critic reads the simulator's state instead of pixels",
        {"routing": "asymmetric", "state": True},
    ),
    "moved-half": Change(
        "half of each batch from episodes in which what is achieved moved", {"moved_half": True}
    ),
}
RECIPE = (  # for FetchPush from pixels; with three updates in four steps
    *("lr1e3", "gamma95", "tau05", "explore", "fixed-entropy", "goal-std", "target-clip"),
    *("moved-half", "close-camera", "no-marker", "keypoints", "decoupled-encoder"),
    "inverse-dynamics",
)
_WITH_OTHERS = ("encoder-warmup", "frozen-encoder")  # both need inverse-dynamics beside them
_BASELINES = ("dim256", "lr3e4")  # the baseline has them already
_NAMED = {  # arms of two changes and more; every other change is an arm of its own, too
    "pixel-her-norm": ("norm", "the plan's fix"),
    "pixel-her-drq": ("drq", "the plan's baseline with DrQ"),
    "pixel-her-drq-norm": ("drq norm", "the plan's fix with DrQ"),
    "pixel-her-norm-dim256": ("norm dim256", "the plan's ablation: is it the width?"),
    "pixel-her-drq-norm-lr3e4": ("drq norm lr3e4", "the plan's ablation: is it the learning rate?"),
    "pixel-her-recipe": (" ".join(RECIPE), "all that is known to help FetchPush from pixels"),
    "pixel-her-layernorm-dim50": ("layernorm dim50", "the fix at the baseline's learning rate"),
}
ARMS = {name: Arm(name, (name,), base.summary) for name, base in BASES.items()}
ARMS |= {
    f"pixel-her-{name}": Arm(f"pixel-her-{name}", ("pixel-her", name), change.summary)
    for name, change in CHANGES.items()
    if name not in (*BASES, *_WITH_OTHERS, *_BASELINES)
}
ARMS |= {
    name: Arm(name, ("pixel-her", *changes.split()), summary)
    for name, (changes, summary) in _NAMED.items()
}
_PARTS = {name: (name,) for name in CHANGES if name not in BASES} | {"recipe": RECIPE}


def find_arm(name: str) -> Arm:
    """Return the arm of that name: a named one, or one composed as `arm+change~change`.

    A change behind a + is added, one behind a ~ left out; `recipe` stands for all of `RECIPE`.

    Raises:
        UnknownArm: an unknown arm or change, or one left out that is not there.
    """
    start, *steps = re.split("([+~])", name)
    if start not in ARMS:
        raise UnknownArm(f"there is no arm {start!r}; {_hint(start, ARMS)}, or see: goalscope arms")
    if not steps:
        return ARMS[name]
    changes, said = ARMS[start].changes, start
    for sign, part in zip(steps[::2], steps[1::2], strict=True):
        if part not in _PARTS:
            raise UnknownArm(
                f"the arm {name!r} has an unknown part {part!r}; {_hint(part, _PARTS)}"
            )
        if sign == "+":
            changes, said = (*changes, *_PARTS[part]), f"{said}, with {part}"
            continue
        missing = [change for change in _PARTS[part] if change not in changes]
        if missing:
            raise UnknownArm(f"the arm {name!r} leaves out {missing[0]!r}, which it does not have")
        changes = tuple(change for change in changes if change not in _PARTS[part])
        said = f"{said}, without {part}"
    return Arm(name, changes, said)


def start_of(name: str) -> str:
    """Return the arm that a composed name starts from."""
    return re.split("[+~]", name)[0]


def _hint(name: str, known: Any) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"choose one of {', '.join(known)}"


def _of(settings: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(settings)}
    return {key: value for key, value in values.items() if key in names}
