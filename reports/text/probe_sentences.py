"""What the probes found at the last checkpoint, in sentences made of the numbers alone."""

import math
from dataclasses import dataclass

from goalscope.diagnostics.record import Task
from goalscope.diagnostics.record.keys import ACTOR, CRITIC, GOAL, Metric
from goalscope.diagnostics.record.metrics import (
    ACTION_ALIGNMENT,
    AUGMENTATION_NOISE,
    CONTENT_ERROR,
    CONTENT_R2,
    FRESH_CONTENT_ERROR,
    RAW_CONTENT_ERROR,
    RAW_CONTENT_R2,
    SHAPLEY_SHARE,
    SHIFT,
    WOULD_BE_AUGMENTATION_NOISE,
)
from goalscope.reports.numbers.probes import Probes
from goalscope.reports.numbers.runs import BLOCK_ORDER, DESIRED_GOAL, GOAL_KEYS
from goalscope.reports.statistics.formatting import capital, in_words, listed, percent, plain
from goalscope.reports.text.ablation import ablation_sentences

NO_IMAGE_BLOCK = (
    "no block of this agent's features depends on images alone, so there are no image features to "
    "read"
)
NO_MAP = (
    "the features extractor mixes the desired goal with another key, or does not read it, so that "
    "no other goal can be put in its place"
)


@dataclass(frozen=True)
class Sentence:
    """What is said of one topic.

    Attributes:
        topic: in a word or two.
        text: whole sentences.
    """

    topic: str
    text: str


def probe_sentences(probes: Probes) -> list[Sentence]:
    """Return what Q and action owe, where actions point, and what image features know."""
    played = ablation_sentences(probes.run)
    found = [Sentence("Use", " ".join(played))] if played else []
    found += [
        Sentence("Q", _owes(probes, CRITIC, "Q")),
        Sentence("Action", _owes(probes, ACTOR, "the action")),
        Sentence("Direction", _direction(probes)),
        Sentence("Position", _position(probes)),
    ]
    if probes.content:
        found.append(Sentence("Goal marker", _leak(probes)))
        found.append(Sentence("Augmentation", _augmentation(probes)))
    return found


def _value(probes: Probes, key: str) -> float | None:
    return probes.last.values.get(key)


def _owes(probes: Probes, network: str, what: str) -> str:
    """Return the blocks' shares of the Shapley values, the largest first."""
    start = capital(what)
    values = probes.last.values
    shares = {b: values[key] for b, key in SHAPLEY_SHARE.by_block(values, network).items()}
    together = shares.pop(GOAL, None) if set(shares) & set(GOAL_KEYS) else None
    if not shares:
        return f"What {what} owes to each block was not measured."
    if not all(map(math.isfinite, shares.values())):
        return (
            f"What {what} owes to each block cannot be said: its Shapley shares are NaN, as where "
            "no block makes any difference to it."
        )
    order = sorted(shares, key=lambda block: (-shares[block], _rank(block)))
    clauses = [f"{percent(shares[block])} to {_named(block)}" for block in order]
    text = f"{start} owes {listed(clauses)} (Shapley values)"
    if together is None or not math.isfinite(together):
        return f"{text}."
    before = probes.first.values.get(SHAPLEY_SHARE.key(network, GOAL), math.nan)
    came = "" if probes.first is probes.last else f", from {percent(before)} {_at_first(probes)}"
    return f"{text}; to the two goal vectors as one block {percent(together)}{came}."


def _direction(probes: Probes) -> str:
    key = ACTION_ALIGNMENT.key()
    value = _value(probes, key)
    if value is None:
        return f"Whether actions point to the goal was not measured: {NO_MAP}."
    if not math.isfinite(value):
        return "Whether actions point to the goal cannot be said: the mean cosine is NaN."
    before = probes.first.values.get(key, math.nan)
    came = "" if probes.first is probes.last else f", from {plain(before)} {_at_first(probes)}"
    pushed = (
        " An object is pushed from behind, so that it need not rise here."
        if probes.run.task.target == "object"
        else ""
    )
    return (
        "The mean cosine between the action and the way from achieved to desired goal is "
        f"{plain(value)}{came} (1: straight to the goal, 0: no relation, -1: away from it).{pushed}"
    )


def _position(probes: Probes) -> str:
    places = [t for t in probes.targets if t != DESIRED_GOAL and not t.endswith("velocity")]
    if not places:
        return f"Where things are cannot be read from image features: {NO_IMAGE_BLOCK}."
    task = probes.run.task
    target = task.target if task.target in places else places[0]
    block = probes.image_block

    def error(metric: Metric, network: str = CRITIC) -> float | None:
        return _value(probes, metric.key(network, block, target=target, unit=task.key_unit))

    own = error(CONTENT_ERROR)
    if own is None or not math.isfinite(own):
        return f"How well the {in_words(target)} can be read from the image features is NaN."
    beside = [
        f"{_against(own, value)} from {label} ({_shown(value, task)})"
        for metric, label in (
            (RAW_CONTENT_ERROR, "raw pixels"),
            (FRESH_CONTENT_ERROR, "a freshly initialised encoder"),
        )
        if (value := error(metric)) is not None
    ]
    if task.tolerance is not None:
        side = "within" if own <= task.shown(task.tolerance) else "outside"
        beside.append(f"{side} the task's tolerance of {task.in_words(task.tolerance)}")
    actor = error(CONTENT_ERROR, ACTOR)
    also = "" if actor is None else f"; from the actor's to {_shown(actor, task)}"
    return (
        f"The {in_words(target)} can be read from the critic's image features to "
        f"{_shown(own, task)}{': ' if beside else ''}{listed(beside)}{also}."
    )


def _against(own: float, other: float) -> str:
    """Return how an error compares with another, as they are printed."""
    if not math.isfinite(other):
        return "not comparable with that"
    first, second = round(own, 1), round(other, 1)
    return "as well as" if first == second else "better than" if first < second else "worse than"


def _leak(probes: Probes) -> str:
    own, raw = (
        _value(probes, metric.key(CRITIC, probes.image_block, target=DESIRED_GOAL))
        for metric in (CONTENT_R2, RAW_CONTENT_R2)
    )
    if own is None:
        return "Whether the desired goal can be read from the image was not measured."
    beside = "" if raw is None else f"; from raw pixels {_explained(raw)}"
    seen = any(value is not None and value > 0 for value in (own, raw))
    marker = (
        " What is read there is the goal's marker in the image, which relabelling does not move."
        if seen
        else ""
    )
    explained = f"{_explained(own)}{beside}"
    return f"Of the desired goal the critic's image features explain {explained}.{marker}"


def _explained(r2: float) -> str:
    if not math.isfinite(r2):
        return "NaN"
    if r2 <= 0:
        return f"nothing (R² {plain(r2)})"
    return f"{percent(r2)} of the variance on held-out episodes"


def _augmentation(probes: Probes) -> str:
    augmented = probes.augmented
    metric = AUGMENTATION_NOISE if augmented else WOULD_BE_AUGMENTATION_NOISE
    ratios = {
        words: value
        for network, words in ((CRITIC, "the critic's"), (ACTOR, "the actor's"))
        if (value := _value(probes, metric.key(network, probes.image_block))) is not None
    }
    if not ratios:
        return "How loud an augmentation is was not measured."
    task = probes.run.task
    shift = _value(probes, SHIFT.key(unit=task.key_unit))
    span = "" if shift is None else f"up to {plain(shift)} {task.shown_in} of the scene; "
    clauses = [f"{words} {plain(value)} times" for words, value in ratios.items()]
    verb = (
        "this run trains with it) moves" if augmented else "this run trains without it) would move"
    )
    return (
        f"DrQ's random shift ({span}{verb} the image features, {listed(clauses)}, as far as "
        "observations lie apart; above 1 it drowns the image."
    )


def _shown(distance: float, task: Task) -> str:
    """Return a distance of the record in words, with its unit."""
    return f"{distance:.1f} {task.shown_in}" if math.isfinite(distance) else "NaN"


def _at_first(probes: Probes) -> str:
    return f"at update {probes.first.update:,}"


def _named(block: str) -> str:
    known = block in BLOCK_ORDER
    return f"the {in_words(block)}" if known else block


def _rank(block: str) -> int:
    return BLOCK_ORDER.index(block) if block in BLOCK_ORDER else len(BLOCK_ORDER)
