"""The measured quantities that the links of the claim are judged by."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from goalscope.diagnostics.record.keys import (
    ACTOR,
    CRITIC,
    CRITIC_LOSS,
    GOAL,
    LOSS_OF,
    Family,
    parse,
)
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
from goalscope.reports.numbers.runs import Run
from goalscope.reports.numbers.windows import Window, window_number
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds

LinkName = Literal["C1", "C2", "C3", "C4", "C5", "C6", "C7"]

LINKS: dict[LinkName, str] = {
    "C1": "scale: the image features outweigh the goal in what the first layer hears",
    "C2": "gradients: the image features outweigh the goal in what the first layer learns from",
    "C3": "noise: the gradient of the image features is noise where the goal's is not, and the "
    "features know no more than a fresh encoder's",
    "C4": "deafness: Q neither reacts to the goal nor follows the distance to it",
    "C5": "the fix: it raises the goal's share of signal and gradients, and what Q makes of it",
    "C6": "the outcome: success exceeds what the plan promises of its fix",
    "C7": "the cause: the arms in which the goal is louder are those that react to it and succeed",
}


@dataclass(frozen=True)
class Quantity:
    """A metric with the scale it is compared on.

    Attributes:
        key: record key; where arms are ordered, it may be a setting.
        label: what it is, in words.
        short: the same above a small figure.
        unit: of its number; "share" is shown in percent.
        scale: of intervals and differences.
        threshold: the claim says it lies below; None for a quantity shown beside the others.
        link: which link of the claim it belongs to.
        above: the claim says it lies at or above the threshold instead.
        over: record key it is divided by (ratio of the two window means); None for no division.
        times: record key it is multiplied by, update for update; None for no product.
        minus: record key that is subtracted (difference of the two window means); None for none.
        orders: record key of what it should order the arms by (C7); None where it orders none.
    """

    key: str
    label: str
    short: str
    unit: str
    scale: Scale
    link: LinkName
    threshold: float | None = None
    above: bool = False
    over: str | None = None
    times: str | None = None
    minus: str | None = None
    orders: str | None = None

    @property
    def keys(self) -> list[str]:
        """Every record key it is made of."""
        keys = (self.key, self.over, self.times, self.minus, self.orders)
        return [key for key in keys if key is not None and parse(key).name]

    @property
    def name(self) -> str:
        """A key that tells ratios from their numerators."""
        words = {
            "over": self.over,
            "times": self.times,
            "minus": self.minus,
            "with": self.orders,
        }
        return " ".join([self.key, *(f"{word} {key}" for word, key in words.items() if key)])


def quantity_number(run: Run, quantity: Quantity, window: Window | None) -> float | None:
    """Return a quantity's number for a run and window; None if it was not measured."""
    if quantity.times is not None:
        run = _with_product(run, quantity.key, quantity.times)
    value = window_number(run, quantity.key, window)
    other = quantity.over or quantity.minus
    if other is None or value is None:
        return value
    second = window_number(run, other, window)
    if second is None:
        return None
    if quantity.minus is not None:
        return value - second
    return value / second if second else math.nan


def _with_product(run: Run, key: str, factor: str) -> Run:
    """Return the run with `key` multiplied by `factor` at the updates at which both are."""
    if key not in run.metrics or factor not in run.metrics:
        return replace(run, metrics={})
    left, right = run.metrics[key], run.metrics[factor]
    _, rows, others = np.intersect1d(left["update"], right["update"], return_indices=True)
    product = left.iloc[rows].reset_index(drop=True)
    product["value"] *= right["value"].to_numpy()[others]
    return replace(run, metrics={key: product})


def sensitivity_family(runs: Sequence[Run]) -> Family | None:
    """Return the family all runs measured goal sensitivity in: the probe set's if possible.

    None where there is neither in all of them; then nothing can be compared.
    """
    for family in (Family.SENSITIVITY, Family.SENSITIVITY_REPLAY):
        if all(_measured_in(run, family) for run in runs):
            return family
    return None


def _measured_in(run: Run, family: Family) -> bool:
    keys = map(parse, run.metrics)
    return any((key.family, key.owner) == (family, CRITIC) for key in keys)


def tested_quantities(family: Family | None, thresholds: Thresholds) -> list[Quantity]:
    """Return the quantities that decide C1, C2 and C4; C5 compares the same ones between arms.

    Args:
        family: of the goal sensitivity.
        thresholds: that decide.
    """
    share = thresholds.goal_share
    found = [
        Quantity(
            SIGNAL_SHARE.key(network, GOAL),
            f"goal's share of the {network}'s first-layer signal",
            f"signal, {network}",
            "share",
            Scale.LOGIT,
            "C1",
            share,
        )
        for network in (CRITIC, ACTOR)
    ]
    found += [
        Quantity(
            metric.key(loss, GOAL),
            f"goal's share of the {network} loss's {words}",
            f"{words}, {network} loss",
            "share",
            Scale.LOGIT,
            "C2",
            share,
        )
        for metric, words in (
            (SIGNAL_GRADIENT_SHARE, "signal gradient"),
            (WEIGHT_GRADIENT_SHARE, "weight gradient"),
        )
        for network, loss in LOSS_OF.items()
    ]
    family = family or Family.SENSITIVITY
    return [
        *found,
        Quantity(
            Q_GOAL_SWAP.within(family).key(),
            "change of Q when the goal is exchanged",
            "Q, goal exchanged",
            "std of Q",
            Scale.LOG,
            "C4",
            thresholds.q_goal_swap,
        ),
        Quantity(
            Q_GOAL_DISTANCE.within(family).key(),
            "rank correlation of Q with closeness to the goal",
            "Q follows closeness",
            "correlation",
            Scale.FISHER,
            "C4",
            thresholds.q_goal_distance,
        ),
    ]


def noise_quantities(image: str, target: str, thresholds: Thresholds) -> list[Quantity]:
    """Return the quantities that decide C3.

    Args:
        image: block of the image features.
        target: whose position is read out of them (of the runs' task).
        thresholds: that decide.
    """
    directions = [
        Quantity(
            DIRECTION_CONSISTENCY.key(CRITIC_LOSS, block),
            f"steadiness of {words} gradient (noise: 1), critic loss",
            f"steadiness, {block}",
            "times noise",
            Scale.LOG,
            "C3",
            thresholds.noise_ratio,
            above=above,
            times=DIRECTION_WINDOW.key(CRITIC_LOSS),
        )
        for block, words, above in ((image, f"{image}'s", False), (GOAL, "the goal's", True))
    ]
    return [
        *directions,
        Quantity(
            CONTENT_R2.key(CRITIC, image, target=target),
            f"R^2 of the {target}'s position read from {image}, above a fresh encoder's",
            f"{target}, beyond fresh",
            "R^2",
            Scale.PLAIN,
            "C3",
            thresholds.content_gain,
            minus=FRESH_CONTENT_R2.key(CRITIC, image, target=target),
        ),
    ]


def quantities_beside(family: Family | None, image: str) -> list[Quantity]:
    """Return the quantities shown beside the deciding ones, without a threshold.

    Args:
        family: of the goal sensitivity.
        image: block the goal is weighed against.
    """
    found = []
    for network in (CRITIC, ACTOR):
        found.append(
            Quantity(
                FEATURE_NORM.key(network, image),
                f"norm of {image} over norm of goal, {network}",
                f"norm over goal's, {network}",
                "ratio",
                Scale.LOG,
                "C1",
                over=FEATURE_NORM.key(network, GOAL),
            )
        )
        shown: tuple[LinkName, ...] = ("C1", "C2")  # C2's weight gradient is a plain norm, too
        found += [
            Quantity(
                DIMENSION_SHARE.key(network, GOAL),
                f"goal's share of the {network}'s dimensions",
                f"dimensions, {network}",
                "share",
                Scale.LOGIT,
                link,
            )
            for link in shown
        ]
    for network, loss in LOSS_OF.items():
        found.append(
            Quantity(
                UPDATE_RATIO.key(loss, GOAL),
                f"update ratio of goal over {image}, {network} loss",
                f"update ratio, {network} loss",
                "ratio",
                Scale.LOG,
                "C2",
                over=UPDATE_RATIO.key(loss, image),
            )
        )
    found.append(
        Quantity(
            ACTION_GOAL_SWAP.within(family or Family.SENSITIVITY).key(),
            "change of the action when the goal is exchanged",
            "action, goal exchanged",
            "action ranges",
            Scale.LOG,
            "C4",
        )
    )
    return found
