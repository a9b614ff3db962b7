"""What episodes with an input withheld came to: the newest that a run's record holds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from goalscope.diagnostics.record.keys import Metric, parse
from goalscope.diagnostics.record.metrics import (
    ABLATED_RETURN_LOSS,
    ABLATED_SUCCESS,
    FOLLOWING_RETURN,
    UNTOUCHED_EPISODES,
    UNTOUCHED_RETURN,
    UNTOUCHED_SUCCESS,
    VALUE_BIAS,
    WITHHELD,
)
from goalscope.reports.numbers.runs import Run


@dataclass(frozen=True)
class Measured:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Withheld:
    """What episodes with an input withheld came to.

    Attributes:
        name: of the input.
        way: in which it was: "shuffled", "blanked" or "delayed".
        loss: of return, against the same starts untouched.
        success: rate; None where the task does not tell.
    """

    name: str
    way: str
    loss: Measured
    success: Measured | None

    def costs(self, untouched: Measured | None) -> bool:
        """Whether something was lost beyond chance: success, or return where it is not told.

        Of success by Newcombe's interval of a difference of two rates (1998, method 10), made of
        their Wilson intervals.
        """
        if self.success is None or untouched is None:
            return self.loss.low > 0
        lost = untouched.value - self.success.value
        apart = math.hypot(untouched.value - untouched.low, self.success.high - self.success.value)
        return lost - apart > 0


@dataclass(frozen=True)
class Ablation:
    """What the newest episodes with inputs withheld came to.

    Attributes:
        update: of the agent that played.
        episodes: of each kind.
        mean_return: nothing withheld.
        success: nothing withheld; None where the task does not tell.
        withheld: by input, and then in the order of `WITHHELD`.
        bias: of the value at the starts; None where it was not measured.
        following: the discounted return that it should have told.
    """

    update: int
    episodes: int
    mean_return: float
    success: Measured | None
    withheld: Sequence[Withheld] = field(default_factory=tuple)
    bias: Measured | None = None
    following: float | None = None


def ablation_of(run: Run) -> Ablation | None:
    """Return what the newest such episodes of a run came to; None where none were played."""
    played = run.column(UNTOUCHED_EPISODES.key())
    if played is None:
        return None
    update = int(played.updates[-1])
    of_family = (key for key in run.metrics if parse(key).family == UNTOUCHED_EPISODES.family)
    values = {
        key: float(column.values[-1])
        for key in of_family
        if (column := run.column(key)) is not None and column.updates[-1] == update
    }
    withheld = []
    for name in dict.fromkeys(parse(key).block for key in values if parse(key).block):
        for way in WITHHELD:
            loss = _measured(values, ABLATED_RETURN_LOSS, "mean", block=name, way=way)
            success = _measured(values, ABLATED_SUCCESS, "rate", block=name, way=way)
            if loss is not None:
                withheld.append(Withheld(name, way, loss, success))
    return Ablation(
        update,
        int(values[UNTOUCHED_EPISODES.key()]),
        values[UNTOUCHED_RETURN.key()],
        _measured(values, UNTOUCHED_SUCCESS, "rate"),
        withheld,
        _measured(values, VALUE_BIAS, "mean"),
        values.get(FOLLOWING_RETURN.key()),
    )


def _measured(
    values: Mapping[str, float], metric: Metric, middle: str, **parts: str
) -> Measured | None:
    found = [values.get(metric.key(end=end, **parts)) for end in (middle, "low", "high")]
    value, low, high = found
    if value is None or low is None or high is None:
        return None
    return Measured(value, low, high)
