"""The measured quantities that the links of the claim are judged by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from goalscope.reports.records.tables import Run
from goalscope.reports.verdict.outcomes import Thresholds
from goalscope.reports.verdict.statistics import Scale

Link = Literal["C1", "C2", "C4", "C5"]

LINKS: dict[Link, str] = {
    "C1": "scale: the image features outweigh the goal in what the first layer hears",
    "C2": "gradients: the image features outweigh the goal in what the first layer learns from",
    "C4": "deafness: Q neither reacts to the goal nor follows the distance to it",
    "C5": "the fix: it raises the goal's share of signal and gradients, and what Q makes of it",
}


@dataclass(frozen=True)
class Quantity:
    """A metric with the scale it is compared on.

    Attributes:
        key: record key.
        label: what it is, in words.
        short: the same above a small figure.
        unit: of its number; "share" is shown in percent.
        scale: of intervals and differences.
        threshold: the claim says it lies below; None for a quantity shown beside the others.
        link: which link of the claim it belongs to.
        over: record key it is divided by (ratio of the two window means); None for no division.
    """

    key: str
    label: str
    short: str
    unit: str
    scale: Scale
    link: Link
    threshold: float | None = None
    over: str | None = None

    @property
    def name(self) -> str:
        """A key that tells ratios from their numerators."""
        return self.key if self.over is None else f"{self.key} over {self.over}"


def sensitivity_family(runs: Sequence[Run]) -> str | None:
    """Return the family all runs measured goal sensitivity in: the probe set's if possible.

    None where there is neither in all of them; then nothing can be compared.
    """
    for family in ("sensitivity", "sensitivity_replay"):
        if all(any(key.startswith(f"{family}/critic.") for key in run.metrics) for run in runs):
            return family
    return None


def tested_quantities(family: str | None, rules: Thresholds) -> list[Quantity]:
    """Return the quantities that decide C1, C2 and C4; C5 compares the same ones between arms.

    Args:
        family: of the goal sensitivity.
        rules: the thresholds.
    """
    share = rules.goal_share
    found = [
        Quantity(
            f"signal/{network}.goal.share",
            f"goal's share of the {network}'s first-layer signal",
            f"signal, {network}",
            "share",
            Scale.LOGIT,
            "C1",
            share,
        )
        for network in ("critic", "actor")
    ]
    found += [
        Quantity(
            f"gradient/{loss}_loss.goal.{name}",
            f"goal's share of the {loss} loss's {words}",
            f"{words}, {loss} loss",
            "share",
            Scale.LOGIT,
            "C2",
            share,
        )
        for name, words in (
            ("signal_gradient_share", "signal gradient"),
            ("weight_gradient_share", "weight gradient"),
        )
        for loss in ("critic", "actor")
    ]
    family = family or "sensitivity"
    return [
        *found,
        Quantity(
            f"{family}/critic.desired_goal.q_goal_swap",
            "change of Q when the goal is exchanged",
            "Q, goal exchanged",
            "std of Q",
            Scale.LOG,
            "C4",
            rules.q_goal_swap,
        ),
        Quantity(
            f"{family}/critic.goal.q_goal_distance",
            "rank correlation of Q with closeness to the goal",
            "Q follows closeness",
            "correlation",
            Scale.FISHER,
            "C4",
            rules.q_goal_distance,
        ),
    ]


def quantities_beside(family: str | None, image: str) -> list[Quantity]:
    """Return the quantities shown beside the deciding ones, without a threshold.

    Args:
        family: of the goal sensitivity.
        image: block the goal is weighed against.
    """
    found = []
    for network in ("critic", "actor"):
        found.append(
            Quantity(
                f"features/{network}.{image}.norm",
                f"norm of {image} over norm of goal, {network}",
                f"norm over goal's, {network}",
                "ratio",
                Scale.LOG,
                "C1",
                over=f"features/{network}.goal.norm",
            )
        )
        links: tuple[Link, ...] = ("C1", "C2")  # C2's weight gradient is a plain norm, too
        found += [
            Quantity(
                f"features/{network}.goal.dimension_share",
                f"goal's share of the {network}'s dimensions",
                f"dimensions, {network}",
                "share",
                Scale.LOGIT,
                link,
            )
            for link in links
        ]
    for loss in ("critic", "actor"):
        found.append(
            Quantity(
                f"gradient/{loss}_loss.goal.update_ratio",
                f"update ratio of goal over {image}, {loss} loss",
                f"update ratio, {loss} loss",
                "ratio",
                Scale.LOG,
                "C2",
                over=f"gradient/{loss}_loss.{image}.update_ratio",
            )
        )
    found.append(
        Quantity(
            f"{family or 'sensitivity'}/actor.desired_goal.action_goal_swap",
            "change of the action when the goal is exchanged",
            "action, goal exchanged",
            "action ranges",
            Scale.LOG,
            "C4",
        )
    )
    return found
