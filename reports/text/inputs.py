"""Of a run without goals: which of its inputs it uses, learns from and hears, at the four times."""

from collections.abc import Mapping

from goalscope.diagnostics.record.keys import ACTION, ACTOR, CRITIC, Family, Metric
from goalscope.diagnostics.record.metrics import (
    ACTION_SWAP,
    ENCODER_UPDATE_RATIO,
    Q_SWAP,
    SIGNAL,
    SIGNAL_GRADIENT_SHARE,
    SIGNAL_SHARE,
)
from goalscope.reports.numbers.runs import Run, told_apart
from goalscope.reports.numbers.windows import Times, Window, window_number
from goalscope.reports.statistics.formatting import capital, in_words, listed, percent, plain
from goalscope.reports.text.answer import WHEN

_EXCHANGED = "Another observation's input in the place of its own"


def input_sentences(run: Run, times: Times) -> list[str]:
    """Return a paragraph for each of the four times: what each network uses, learns from, hears."""
    found = []
    for time, window in times.windows.items():
        start = capital(WHEN[time])
        if window is None:
            found.append(f"{start}: nothing to say, the run is too short.")
            continue
        said = [text for n in (CRITIC, ACTOR) for text in _of_network(run, n, window)]
        words = " ".join(said) or "nothing of this was measured."
        found.append(f"{start} ({window}): {words}")
    return found


def _of_network(run: Run, network: str, window: Window) -> list[str]:
    found = _uses(run, network, window)
    heard = _by_block(run, SIGNAL_SHARE, network, window)
    if heard:
        found.append(f"The {network}'s first layer hears {_shares(heard)}.")
    action = window_number(run, SIGNAL.key(network, ACTION), window) if network == CRITIC else None
    observed = sum(_by_block(run, SIGNAL, network, window, but=ACTION).values())
    if action is not None and observed > 0:
        found.append(f"The action is {plain(action / observed)} times as loud as all of that.")
    learnt = _by_block(run, SIGNAL_GRADIENT_SHARE, f"{network}_loss", window)
    if len(learnt) > 1:
        found.append(f"The {network}'s signal gradient is of {_shares(learnt)}.")
    image = run.image_block()
    step = window_number(run, ENCODER_UPDATE_RATIO.key(f"{network}_loss", image), window)
    if step is not None:
        found.append(
            f"The {network}'s encoder of {in_words(image)} moves by {plain(step)} of its weights "
            "an update."
        )
    return found


def _uses(run: Run, network: str, window: Window) -> list[str]:
    """Return how far another observation's input moves what a network answers."""
    for family in (Family.SENSITIVITY, Family.SENSITIVITY_REPLAY):
        metric = (Q_SWAP if network == CRITIC else ACTION_SWAP).within(family)
        moved = _by_block(run, metric, network, window, but=ACTION)
        if moved:
            order = {in_words(b): moved[b] for b in sorted(moved, key=lambda b: -moved[b])}
            if network == CRITIC:
                sizes = [f"{plain(size)} ({block})" for block, size in order.items()]
                return [f"{_EXCHANGED} moves Q by {listed(sizes)} standard deviations."]
            sizes = [f"{percent(size)} ({block})" for block, size in order.items()]
            return [f"{_EXCHANGED} moves the action by {listed(sizes)} of its range."]
    return []


def _by_block(
    run: Run, metric: Metric, owner: str, window: Window, but: str = ""
) -> dict[str, float]:
    found = {
        block: window_number(run, key, window)
        for block, key in metric.by_block(run.metrics, owner).items()
        if block != but
    }
    return told_apart({block: value for block, value in found.items() if value is not None})


def _shares(shares: Mapping[str, float]) -> str:
    if len(shares) == 1:
        return f"{in_words(next(iter(shares)))} alone"
    order = sorted(shares, key=lambda block: -shares[block])
    return listed([f"{percent(shares[block])} {in_words(block)}" for block in order])
