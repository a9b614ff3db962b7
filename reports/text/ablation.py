"""Whether an agent uses its inputs, in sentences made of the episodes it played without them."""

from goalscope.reports.numbers.ablation import Ablation, Measured, Withheld, ablation_of
from goalscope.reports.numbers.runs import Run
from goalscope.reports.statistics.formatting import in_words, listed, percent, plain


def ablation_sentences(run: Run) -> list[str]:
    """Return what playing without each input cost, and whether the value told what came.

    Empty where no such episodes were played.
    """
    found = ablation_of(run)
    if found is None:
        return []
    said = [_untouched(found)]
    for name in dict.fromkeys(each.name for each in found.withheld):
        said.append(_input(found, [each for each in found.withheld if each.name == name]))
    if found.bias is not None and found.following is not None:
        said.append(_bias(found.bias, found.following))
    return said


def _untouched(found: Ablation) -> str:
    start = f"In {found.episodes} episodes at update {found.update:,}"
    if found.success is None:
        return f"{start} the agent's mean return is {plain(found.mean_return)}."
    return f"{start} the agent succeeds in {_share(found.success)}."


def _input(found: Ablation, ways: list[Withheld]) -> str:
    name = in_words(ways[0].name)
    if found.success is None:
        parts = [f"{each.way} costs {plain(each.loss.value)} {_range(each.loss)}" for each in ways]
        said = f"Of the return, {name} {listed(parts)}"
    else:
        parts = [f"{each.way} {_share(each.success)}" for each in ways if each.success is not None]
        said = f"With {name} withheld: {listed(parts)}"
    costly = [each.way for each in ways if each.costs(found.success)]
    if costly:
        return f"{said}. It is used: {listed(costly)}, it costs more than chance explains."
    if found.success is not None and found.success.value == 0:
        return f"{said}. There was no success to lose, so that this says nothing of its use."
    return f"{said}. No loss that is more than chance: that it is used was not shown."


def _bias(bias: Measured, following: float) -> str:
    said = (
        f"At the start of an episode the value is {plain(abs(bias.value))} {_range(bias)} "
        f"{'above' if bias.value > 0 else 'below'} the discounted return that follows, "
        f"{plain(following)} on average"
    )
    if bias.low > 0:
        return f"{said}: it promises too much."
    if bias.high < 0:
        return f"{said}: it promises too little."
    return f"{said}: no bias that is more than chance."


def _share(success: Measured) -> str:
    return f"{percent(success.value)} ({percent(success.low)} to {percent(success.high)})"


def _range(measured: Measured) -> str:
    return f"({plain(measured.low)} to {plain(measured.high)})"
