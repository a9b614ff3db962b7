"""What an arm may change about the agent: as data, without an agent."""

from dataclasses import dataclass
from typing import Literal

Encoder = Literal["nature", "spatial", "spatial-sharp", "keypoints"]
Trunk = Literal["plain", "layernorm-tanh", "drqv2", "simnorm"]
Routing = Literal["separate", "shared", "critic", "decoupled", "asymmetric"]
HindsightGoals = Literal["future", "final", "episode"]
SIMNORM_GROUP = 8  # TD-MPC2's own


@dataclass(frozen=True)
class AgentSettings:
    """What an arm may change about the agent; the defaults are the plan's baseline.

    Attributes:
        her: relabel goals in hindsight; False is SB3's plain Dict replay.
        encoder: of images: SB3's NatureCNN, 3x3 convolutions with a spatial softmax, which may
            begin sharp, or "keypoints": fewer of them, and nothing behind it.
        trunk: what stands on the image features: nothing, LayerNorm + Tanh, DrQ-v2's, SimNorm.
        cnn_dim: number of image features.
        learning_rate: of every optimiser.
        annealed: let it fall to a tenth over the last fifth of the run.
        random_shift: DrQ's augmentation in pixels; None is off.
        image_gain: fixed factor on the image features; "fix" is the one that gives them the spread
            that LayerNorm + Tanh gives at initialisation.
        goals_centred: subtract the goal vectors' mean on the probe set from them.
        goals_scaled: divide the goal vectors by their spread on the probe set.
        vectors_standardised: both, for every vector that is no goal.
        constant_features: zeros in place of a CNN's features.
        routing: "separate" encoders, SB3's "shared" one (trained by the actor's loss), one that the
            "critic" alone trains, DrQ-v2's, a "decoupled" one that neither trains, or
            "asymmetric": the critic reads the simulator's state instead of images, the actor never
            does.
        gamma: discount per step.
        tau: step of the target critic towards the critic per update.
        batch_size: transitions per update.
        ent_coef: entropy coefficient: "auto" is learnt from 1, "auto_0.1" from 0.1, a number stays.
        random_actions: fraction of training actions that are drawn uniformly instead.
        target_clip: keep the values that targets bootstrap from within what rewards of -1 and 0
            allow.
        action_penalty: weight of the actions' mean square in the actor's loss.
        inverse_dynamics: train the encoder to tell the action from two successive observations.
        encoder_warmup: steps of that before the first update.
        encoder_frozen: these steps alone train the encoder.
        n_sampled_goal: relabelled transitions for each real one.
        hindsight_goals: where they come from: a "future" step of the episode, its "final" one, any
            of the "episode".
        moved_half: draw half of each batch from episodes in which what is achieved moved.
    """

    her: bool = True
    encoder: Encoder = "nature"
    trunk: Trunk = "plain"
    cnn_dim: int = 256
    learning_rate: float = 3e-4
    annealed: bool = False
    random_shift: int | None = None
    image_gain: float | Literal["fix"] = 1.0
    goals_centred: bool = False
    goals_scaled: bool = False
    vectors_standardised: bool = False
    constant_features: int = 0
    routing: Routing = "separate"
    gamma: float = 0.99
    tau: float = 0.005
    batch_size: int = 256
    ent_coef: str = "auto"
    random_actions: float = 0.0
    target_clip: bool = False
    action_penalty: float = 0.0
    inverse_dynamics: bool = False
    encoder_warmup: int = 0
    encoder_frozen: bool = False
    n_sampled_goal: int = 4
    hindsight_goals: HindsightGoals = "future"
    moved_half: bool = False
