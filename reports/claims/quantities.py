"""A measured quantity that a link of the claim is judged by, and its number for a run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from goalscope.diagnostics.record.keys import CRITIC, Family, parse
from goalscope.reports.numbers.runs import Run
from goalscope.reports.numbers.windows import Window, means_in, window_number
from goalscope.reports.statistics.scales import Scale

LinkName = Literal["C1", "C2", "C3", "C4", "C5", "C6", "C7"]

LINKS: dict[LinkName, str] = {
    "C1": "scale: the image features outweigh the goal in what the first layer hears",
    "C2": "gradients: the image features outweigh the goal in what the first layer learns from",
    "C3": "noise: the gradient of the image features is noise where the goal's is not, and the "
    "features know no more than a fresh encoder's",
    "C4": "insensitivity: the output does not react to the goal",
    "C5": "the fix: it raises the goal's share of signal and gradient, and what is made of it",
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
        network: critic or actor; None where it belongs to neither.
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
    network: str | None = None
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
    if quantity.times is None:
        value = window_number(run, quantity.key, window)
    else:
        product = run.combined(quantity.key, quantity.times, np.multiply)
        columns = {} if product is None else {quantity.key: product}
        value = means_in(window, run, columns).get(quantity.key)
    other = quantity.over or quantity.minus
    if other is None or value is None:
        return value
    second = window_number(run, other, window)
    if second is None:
        return None
    if quantity.minus is not None:
        return value - second
    return value / second if second else math.nan


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
