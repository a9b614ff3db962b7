"""What an arm may change about the agent: as data, without an agent."""

from dataclasses import dataclass
from typing import Literal

Encoder = Literal["nature", "spatial"]
Trunk = Literal["plain", "layernorm-tanh", "drqv2", "simnorm"]
Routing = Literal["separate", "shared", "critic"]
SIMNORM_GROUP = 8  # TD-MPC2's own


@dataclass(frozen=True)
class AgentSettings:
    """What an arm may change about the agent; the defaults are the plan's baseline.

    Attributes:
        her: relabel goals in hindsight; False is SB3's plain Dict replay.
        encoder: of images: SB3's NatureCNN, or 3x3 convolutions with a spatial softmax.
        trunk: what stands on the image features: nothing, LayerNorm + Tanh, DrQ-v2's, SimNorm.
        cnn_dim: number of image features.
        learning_rate: of every optimiser.
        random_shift: DrQ's augmentation in pixels; None is off.
        image_gain: fixed factor on the image features; "fix" is the one that gives them the spread
            that LayerNorm + Tanh gives at initialisation.
        goal_standardised: centre the goal vectors and divide by their spread on the probe set.
        constant_features: zeros in place of a CNN's features.
        routing: "separate" encoders, SB3's "shared" one (trained by the actor's loss), or one that
            the "critic" alone trains, DrQ-v2's.
    """

    her: bool = True
    encoder: Encoder = "nature"
    trunk: Trunk = "plain"
    cnn_dim: int = 256
    learning_rate: float = 3e-4
    random_shift: int | None = None
    image_gain: float | Literal["fix"] = 1.0
    goal_standardised: bool = False
    constant_features: int = 0
    routing: Routing = "separate"
