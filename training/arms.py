"""The named arms: each is the baseline and what it changes in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal


class UnknownArm(Exception):
    """There is no arm of that name; the message is one line and lists those there are."""


@dataclass(frozen=True)
class AgentSettings:
    """What an arm may change about the agent; the defaults are the plan's baseline.

    Attributes:
        extractor: "combined" is SB3's CombinedExtractor, "normalized" puts LayerNorm and Tanh on
            the image features.
        cnn_dim: number of image features.
        learning_rate: of every optimiser.
    """

    extractor: Literal["combined", "normalized"] = "combined"
    cnn_dim: int = 256
    learning_rate: float = 3e-4


@dataclass(frozen=True)
class Arm:
    """A named configuration.

    Attributes:
        name: as given on the command line.
        summary: what it is for, in a line.
        changes: field of `AgentSettings` -> value, against the baseline.
    """

    name: str
    summary: str
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def agent(self) -> AgentSettings:
        """The agent's settings under this arm."""
        return replace(AgentSettings(), **self.changes)


ARMS = {
    arm.name: arm
    for arm in (
        Arm("pixel-her", "the plan's baseline: SB3's own extractor on pixels and goal vectors"),
        Arm(
            "pixel-her-norm",
            "the plan's fix: LayerNorm + Tanh on 50 image features, lower learning rate",
            {"extractor": "normalized", "cnn_dim": 50, "learning_rate": 1e-4},
        ),
    )
}


def find_arm(name: str) -> Arm:
    """Return the arm of that name.

    Raises:
        UnknownArm: there is none.
    """
    if name in ARMS:
        return ARMS[name]
    close = get_close_matches(name, ARMS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"choose one of {', '.join(ARMS)}"
    raise UnknownArm(f"there is no arm {name!r}; {hint}")
