"""Record keys: made and taken apart here, and nowhere else.

A key is `<family>/<owner>.<block>.<name>`, such as `signal/critic.goal.share`. The owner is the
network, the loss or whatever else the number belongs to; a metric that belongs to no block, or to
no owner, leaves that part out (`signal/critic.residual`, `training/updates_per_step`). Exactly one
slash, because other loggers split on it. Every metric there is stands in `metrics.py`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import TypeVar

ACTOR, CRITIC, CRITIC_TARGET = NETWORKS = ("actor", "critic", "critic_target")
CRITIC_LOSS, ACTOR_LOSS = LOSSES = ("critic_loss", "actor_loss")
JOINT_LOSS = "joint_loss"  # both at once, where one optimiser trains an encoder that both share
LOSS_OF = {CRITIC: CRITIC_LOSS, ACTOR: ACTOR_LOSS}  # the loss that a network's optimiser follows
_V = TypeVar("_V")

GOAL = "goal"  # the block of both goal vectors together
ACTION = "action"  # the block of the critic's action columns
FIRST_LAYERS = "first_layers"  # the block of a network's consumers


class Family(StrEnum):
    """What a metric is about; the part of its key before the slash."""

    FEATURES = "features"
    SIGNAL = "signal"
    GRADIENT = "gradient"
    SENSITIVITY = "sensitivity"
    SENSITIVITY_REPLAY = "sensitivity_replay"
    OBSERVATION = "observation"
    TRANSITIONS = "transitions"
    TRAINING = "training"
    EVALUATION = "evaluation"
    ATTRIBUTION = "attribution"
    GOAL_MAP = "goal_map"
    CONTENT = "content"
    PREDICTION = "prediction"
    AUGMENTATION = "augmentation"
    ABLATION = "ablation"


# What only probes of a saved agent find, and no run measures while it trains.
OFFLINE_FAMILIES = frozenset(
    {
        Family.ATTRIBUTION,
        Family.GOAL_MAP,
        Family.CONTENT,
        Family.PREDICTION,
        Family.AUGMENTATION,
        Family.ABLATION,
    }
)


@dataclass(frozen=True)
class Key:
    """A record key in its parts.

    Attributes:
        family: a `Family`, or whatever else wrote the key.
        owner: network, loss, ...; "" where the key names none.
        block: observation key, "goal", "action", ...; "" where the metric belongs to none.
        name: the last part.
    """

    family: str
    owner: str
    block: str
    name: str

    def __str__(self) -> str:
        rest = ".".join(part for part in (self.owner, self.block, self.name) if part)
        return f"{self.family}/{rest}"


@lru_cache(4096)  # of one record: some hundred
def parse(key: str) -> Key:
    """Return the parts of a record key; a block that holds dots keeps them."""
    family, _, rest = key.partition("/")
    *owner, name = rest.split(".")
    return Key(family, owner[0] if owner else "", ".".join(owner[1:]), name)


def prefixed(family: Family, values: Mapping[str, _V], owner: str = "") -> dict[str, _V]:
    """Return record key -> value of what a probe returned under the ends of its keys.

    Args:
        family: of the metrics.
        values: "<owner>.<block>.<name>" -> value, or without the owner if that is given.
        owner: of all of them.
    """
    start = f"{family}/{owner}." if owner else f"{family}/"
    return {f"{start}{end}": value for end, value in values.items()}


_RAW = "_raw"
# What stands in place of a placeholder: without the words that tell one metric from another.
_ANYTHING = "(?:(?!(?<![a-z])(?:(?:fresh|raw|mean|per)_|r2)).)+"


def before_normalisation(block: str) -> str:
    """Return the name of a block as it was before the normalisation that its encoder ends in.

    Its statistics are written where the encoder ends in one: LayerNorm hides dead units and blows a
    constant up.
    """
    return f"{block}{_RAW}"


@dataclass(frozen=True)
class Metric:
    """One kind of number in a record.

    Attributes:
        family: of its keys.
        name: the last part of its keys; may hold placeholders, as "{target}_r2" does.
        unit: of its numbers; "share" is 0..1, "{unit}" what stands in the name.
        label: what it is, in words.
        owners: whose it can be.
        blocks: what it can be of: None for every block, () for none.
        condition: when it is written, in words; "" for whenever its owner and block exist.
    """

    family: Family
    name: str
    unit: str
    label: str
    owners: tuple[str, ...] = ("",)
    blocks: tuple[str, ...] | None = ()
    condition: str = ""

    def key(self, owner: str | None = None, block: str | None = None, **parts: object) -> str:
        """Return a record key of the metric.

        Args:
            owner: whose; may be left out where there is only one.
            block: of what; may be left out where there is only one, or none.
            parts: what stands in place of each placeholder of the name.

        Raises:
            ValueError: the metric has no such owner or block.
        """
        name = self.name.format(**parts) if parts else self.name
        return str(Key(self.family, _chosen(owner, self.owners), self._block(block), name))

    def match(self, key: str) -> dict[str, str] | None:
        """Return placeholder -> what stands in its place; None for another metric's key."""
        parts = parse(key)
        found = self._pattern.fullmatch(parts.name)
        if found is None or parts.family != self.family or parts.owner not in self.owners:
            return None
        fits = bool(parts.block) if self.blocks is None else parts.block in (self.blocks or ("",))
        return found.groupdict() if fits else None

    def by_block(self, keys: Iterable[str], owner: str, **parts: object) -> dict[str, str]:
        """Return block -> key, of those of the keys that are this metric's and this owner's."""
        blocks = dict.fromkeys(parse(key).block for key in keys if self.match(key) is not None)
        wanted = {block: self.key(owner, block, **parts) for block in blocks}
        present = set(keys)
        return {block: key for block, key in wanted.items() if key in present}

    def within(self, family: Family) -> "Metric":
        """Return the metric of the same name in another family."""
        return replace(self, family=family)

    def _block(self, block: str | None) -> str:
        if self.blocks is None:
            if not block:
                raise ValueError(f"{self.name} belongs to a block")
            return block
        return _chosen(block, self.blocks or ("",))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        pieces = re.split(r"\{(\w+)\}", self.name)
        pieces[::2] = map(re.escape, pieces[::2])
        pieces[1::2] = [f"(?P<{name}>{_ANYTHING})" for name in pieces[1::2]]
        return re.compile("".join(pieces))


def _chosen(value: str | None, choices: tuple[str, ...]) -> str:
    if value is None and len(choices) == 1:
        return choices[0]
    if value not in choices:
        raise ValueError(f"{value!r} is none of {', '.join(map(repr, choices))}")
    return value
