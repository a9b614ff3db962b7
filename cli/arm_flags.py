"""Flags that are sugar for parts of an arm's name."""

from dataclasses import dataclass

from goalscope.training.runs.arms import find_arm


@dataclass(frozen=True, kw_only=True)
class ArmFlags:
    """Flags that add a part to the arm's name."""

    norm: bool = False
    """Add the plan's fix to the arm: LayerNorm + Tanh, 50 image features, learning rate 1e-4."""

    drq: bool = False
    """Add DrQ's random shift to the arm."""

    critic_encoder: bool = False
    """Add DrQ-v2's routing to the arm: one encoder, trained by the critic's loss."""

    def arm_of(self, name: str) -> str:
        """Return the arm's name with what the flags add to it.

        Raises:
            UnknownArm: there is no such arm.
        """
        there = find_arm(name).changes
        wanted = {"drq": self.drq, "norm": self.norm, "critic-encoder": self.critic_encoder}
        return "+".join([name, *(part for part, on in wanted.items() if on and part not in there)])
