"""What decides C1 to C4 of a network, and what is shown beside it."""

from dataclasses import dataclass

from goalscope.diagnostics.record.keys import ACTOR, CRITIC, GOAL, LOSS_OF, Family
from goalscope.diagnostics.record.metrics import (
    ACTION_GOAL_SWAP,
    CONTENT_R2,
    DIMENSION_SHARE,
    DIRECTION_CONSISTENCY,
    DIRECTION_WINDOW,
    FEATURE_NORM,
    FRESH_CONTENT_R2,
    Q_GOAL_DISTANCE,
    Q_GOAL_SWAP,
    SIGNAL_GRADIENT_SHARE,
    SIGNAL_SHARE,
    UPDATE_RATIO,
    WEIGHT_GRADIENT_SHARE,
)
from goalscope.reports.claims.quantities import Quantity
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds

NETWORKS = (CRITIC, ACTOR)


@dataclass(frozen=True)
class Study:
    """What the runs of a comparison measured alike.

    Attributes:
        family: of goal sensitivity; None where it was not measured in all runs.
        image: block that the goal is weighed against.
        target: whose position is read out of it.
    """

    family: Family | None
    image: str
    target: str

    def output_reaction(self, network: str) -> str:
        """Return the record key of a network's reaction to an exchanged goal."""
        metric = Q_GOAL_SWAP if network == CRITIC else ACTION_GOAL_SWAP
        return metric.within(self.family or Family.SENSITIVITY).key()


def compared_quantities(study: Study, network: str, thresholds: Thresholds) -> list[Quantity]:
    """Return what decides C1, C2 and, first of its parts, C4: C5 compares these between arms."""
    loss = LOSS_OF[network]
    q = network == CRITIC
    return [
        Quantity(
            SIGNAL_SHARE.key(network, GOAL),
            f"goal's share of the {network}'s first-layer signal",
            f"signal, {network}",
            "share",
            Scale.LOGIT,
            "C1",
            network,
            thresholds.goal_share,
        ),
        Quantity(
            SIGNAL_GRADIENT_SHARE.key(loss, GOAL),
            f"goal's share of the {network} loss's signal gradient",
            f"signal gradient, {network} loss",
            "share",
            Scale.LOGIT,
            "C2",
            network,
            thresholds.goal_share,
        ),
        Quantity(
            study.output_reaction(network),
            f"change of {'Q' if q else 'the action'} when the goal is exchanged",
            f"{'Q' if q else 'action'}, goal exchanged",
            "std of Q" if q else "of the action range",
            Scale.LOG,
            "C4",
            network,
            thresholds.q_goal_swap if q else thresholds.action_goal_swap,
        ),
    ]


def tested_quantities(study: Study, network: str, thresholds: Thresholds) -> list[Quantity]:
    """Return all that decides C1 to C4 of a network."""
    found = compared_quantities(study, network, thresholds)
    found += _noise_quantities(study, network, thresholds)
    if network == CRITIC:
        found.append(
            Quantity(
                Q_GOAL_DISTANCE.within(study.family or Family.SENSITIVITY).key(),
                "rank correlation of Q with closeness to the goal",
                "Q follows closeness",
                "correlation",
                Scale.FISHER,
                "C4",
                network,
                thresholds.q_goal_distance,
            )
        )
    return found


def _noise_quantities(study: Study, network: str, thresholds: Thresholds) -> list[Quantity]:
    image, loss = study.image, LOSS_OF[network]
    directions = [
        Quantity(
            DIRECTION_CONSISTENCY.key(loss, block),
            f"steadiness of {words} gradient (noise: 1), {network} loss",
            f"steadiness, {block}",
            "times noise",
            Scale.LOG,
            "C3",
            network,
            thresholds.noise_ratio,
            above=above,
            times=DIRECTION_WINDOW.key(loss),
        )
        for block, words, above in ((image, f"{image}'s", False), (GOAL, "the goal's", True))
    ]
    target = study.target
    return [
        *directions,
        Quantity(
            CONTENT_R2.key(network, image, target=target),
            f"R^2 of the {target}'s position read from the {network}'s {image}, above a fresh "
            "encoder's",
            f"{target}, beyond fresh",
            "R^2",
            Scale.PLAIN,
            "C3",
            network,
            thresholds.content_gain,
            minus=FRESH_CONTENT_R2.key(network, image, target=target),
        ),
    ]


def quantities_beside(study: Study, network: str) -> list[Quantity]:
    """Return what is shown beside the deciding quantities of a network, without a threshold."""
    image, loss = study.image, LOSS_OF[network]
    dimensions = [
        Quantity(
            DIMENSION_SHARE.key(network, GOAL),
            f"goal's share of the {network}'s dimensions",
            f"dimensions, {network}",
            "share",
            Scale.LOGIT,
            link,
            network,
        )
        for link in ("C1", "C2")  # C2's weight gradient is a plain norm, too
    ]
    return [
        Quantity(
            FEATURE_NORM.key(network, image),
            f"norm of {image} over norm of goal, {network}",
            f"norm over goal's, {network}",
            "ratio",
            Scale.LOG,
            "C1",
            network,
            over=FEATURE_NORM.key(network, GOAL),
        ),
        *dimensions,
        Quantity(
            WEIGHT_GRADIENT_SHARE.key(loss, GOAL),
            f"goal's share of the {network} loss's weight gradient",
            f"weight gradient, {network} loss",
            "share",
            Scale.LOGIT,
            "C2",
            network,
        ),
        Quantity(
            UPDATE_RATIO.key(loss, GOAL),
            f"update ratio of goal over {image}, {network} loss",
            f"update ratio, {network} loss",
            "ratio",
            Scale.LOG,
            "C2",
            network,
            over=UPDATE_RATIO.key(loss, image),
        ),
    ]
