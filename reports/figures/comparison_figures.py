"""The figures of a comparison: a colour for each arm, every seed drawn."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from goalscope.reports.figures.distance_figures import q_distance_drawing
from goalscope.reports.figures.drawing import (
    SEEDS_FOR_A_BAND,
    Curve,
    Drawing,
    Panel,
    Reference,
    curves_figure,
)
from goalscope.reports.figures.style import GREY, arm_style
from goalscope.reports.figures.success_figure import success_drawing
from goalscope.reports.figures.times_figure import times_drawing
from goalscope.reports.records.tables import Run
from goalscope.reports.records.windows import Axis
from goalscope.reports.verdict.claims import Evaluation
from goalscope.reports.verdict.outcomes import Thresholds
from goalscope.reports.verdict.statistics import Scale

Arms = Mapping[str, Sequence[Run]]


def comparison_drawings(arms: Arms, evaluation: Evaluation, *, by_step: bool) -> list[Drawing]:
    """Return the figures for which the arms have measurements, in reading order.

    Args:
        arms: arm -> its runs, the baseline first.
        evaluation: the claims at the three times.
        by_step: also draw the deciding shares over environment steps.
    """
    rules, family = evaluation.rules, evaluation.family
    found = [
        times_drawing(evaluation),
        success_drawing(arms, by_update=by_step),
        _over("forward_signal", _SIGNAL, _signal_panels(arms, rules), arms),
        _over("gradient_shares", _GRADIENTS, _gradient_panels(arms, rules), arms),
        _over("goal_sensitivity", _SENSITIVITY, _sensitivity_panels(arms, rules, family), arms),
        q_distance_drawing(arms, evaluation.times, family),
        _over("scales", _SCALES, _scale_panels(arms), arms),
        _over("training", _TRAINING, _training_panels(arms), arms),
    ]
    if by_step:
        panels = [*_signal_panels(arms, rules), *_gradient_panels(arms, rules)[:2]]
        found.append(_over("by_step", _BY_STEP, panels, arms, "step"))
    return [drawing for drawing in found if drawing is not None]


_SIGNAL = (
    "Forward signal: the goal's share of what the first layer hears",
    "Below the dashed line the claim C1 calls the goal drowned. Percent on a logit axis.",
)
_GRADIENTS = (
    "Gradients: the goal's share",
    "Below the dashed line the claim C2 calls the goal drowned. The weight gradient is a plain "
    "norm: under equal noise it would show the goal's share of the dimensions (the lines labelled "
    "so, in their arm's colour, grey where arms share one).",
)
_SENSITIVITY = (
    "Goal sensitivity",
    "Change of Q, and of the action, when the goal is exchanged; and whether Q follows closeness "
    "to the goal. Below the dashed lines the claim C4 calls the critic deaf.",
)
_SCALES = (
    "Scale of the features and size of the steps",
    "The plan's literal claim is the norm: image over goal, above 1 where the image block is "
    "longer. Beside it the steps the optimiser really took on the goal's weights over those on "
    "the image's: above 1 the goal's weights change faster.",
)
_TRAINING = (
    "Training state",
    "Success of the episodes since the last measurement; a critic whose Q does not spread has "
    "learnt a constant, however low its loss.",
)
_BY_STEP = (
    "The same by environment steps",
    "The arms make other numbers of updates per step; here they are laid over each other by step, "
    "in the figures above by update.",
)


def _over(
    name: str,
    words: tuple[str, str],
    panels: Sequence[Panel],
    arms: Arms,
    axis: Axis = "update",
) -> Drawing | None:
    drawn = [panel for panel in panels if panel.curves]
    if not drawn:
        return None
    title, caption = words
    return Drawing(
        name, title, f"{seeds_in_words(arms)} {caption}", lambda: curves_figure(drawn, axis=axis)
    )


def seeds_in_words(arms: Arms) -> str:
    """Return how many seeds each line stands for, and what is drawn of them."""
    counts = {len(runs) for runs in arms.values()}
    each = (
        f"{counts.pop()} in each arm"
        if len(counts) == 1
        else ", ".join(f"{arm} {len(runs)}" for arm, runs in arms.items())
    )
    if all(len(runs) == 1 for runs in arms.values()):
        return f"Seeds: {each}, so that there is no interval."
    if max(len(runs) for runs in arms.values()) < SEEDS_FOR_A_BAND:
        return (
            f"Seeds: {each}; thin every seed, thick their mean. No band: the interval of two seeds "
            "spans the whole panel."
        )
    return f"Seeds: {each}; thin every seed, thick their mean, shaded its 95 % t-interval."


def _panel(
    arms: Arms,
    key: str,
    title: str,
    unit: str,
    scale: Scale,
    references: Sequence[Reference] = (),
    over: Mapping[str, str] | None = None,
    include: Sequence[float] = (),
) -> Panel:
    """Return a panel of one metric; `over`: arm -> the record key it is divided by."""
    curves = []
    for arm, runs in arms.items():
        tables = [run.metrics[key] for run in runs if key in run.metrics]
        if over is not None:
            tables = [t for run in runs if (t := _ratio(run, key, over[arm])) is not None]
        if tables:
            colour, dash = arm_style(arm, list(arms))
            curves.append(Curve(arm, tables, colour, dash))
    return Panel(title, unit, curves, scale, references, include)


def _ratio(run: Run, key: str, over: str) -> pd.DataFrame | None:
    if key not in run.metrics or over not in run.metrics:
        return None
    joined = run.metrics[key].merge(run.metrics[over], on=["update", "step"], suffixes=("", "_of"))
    with np.errstate(divide="ignore", invalid="ignore"):
        return joined.assign(value=joined["value"] / joined["value_of"])


def _signal_panels(arms: Arms, rules: Thresholds) -> list[Panel]:
    line = [Reference(rules.goal_share, f"C1: {100 * rules.goal_share:g} %")]
    return [
        _panel(arms, f"signal/{n}.goal.share", n, "goal's share of signal", Scale.LOGIT, line)
        for n in ("critic", "actor")
    ]


def _gradient_panels(arms: Arms, rules: Thresholds) -> list[Panel]:
    line = Reference(rules.goal_share, f"C2: {100 * rules.goal_share:g} %")
    return [
        _panel(
            arms,
            f"gradient/{network}_loss.goal.{name}",
            f"{words}, {network} loss",
            "goal's share",
            Scale.LOGIT,
            [line, *(_dimensions(arms, network) if name.startswith("weight") else [])],
        )
        for name, words in (
            ("signal_gradient_share", "signal gradient"),
            ("weight_gradient_share", "weight gradient"),
        )
        for network in ("critic", "actor")
    ]


def _dimensions(arms: Arms, network: str) -> list[Reference]:
    found: dict[float, str] = {}
    for arm, runs in arms.items():
        table = runs[0].metrics.get(f"features/{network}.goal.dimension_share")
        if table is not None:
            share = float(table["value"].iloc[0])
            found[share] = GREY if share in found else arm_style(arm, list(arms))[0]
    return [Reference(share, "dimensions", colour) for share, colour in found.items()]


def _sensitivity_panels(arms: Arms, rules: Thresholds, family: str | None) -> list[Panel]:
    return [
        _panel(
            arms,
            f"{family}/critic.desired_goal.q_goal_swap",
            "Q, goal exchanged",
            "std of Q",
            Scale.LOG,
            [Reference(rules.q_goal_swap, f"C4: {rules.q_goal_swap:g}")],
        ),
        _panel(
            arms,
            f"{family}/critic.goal.q_goal_distance",
            "does Q follow closeness?",
            "rank correlation",
            Scale.FISHER,
            [Reference(rules.q_goal_distance, f"C4: {rules.q_goal_distance:g}")],
        ),
        _panel(
            arms,
            f"{family}/actor.desired_goal.action_goal_swap",
            "action, goal exchanged",
            "action ranges",
            Scale.LOG,
        ),
        _panel(
            arms,
            f"{family}/critic.goal.q_reach_contrast",
            "Q of a reached goal over a far one",
            "units of return",
            Scale.PLAIN,
        ),
    ]


def _scale_panels(arms: Arms) -> list[Panel]:
    images = {arm: runs[0].image_block() for arm, runs in arms.items()}
    panels = []
    for network in ("critic", "actor"):
        goal = {arm: f"features/{network}.goal.norm" for arm in arms}
        for image in dict.fromkeys(images.values()):
            panels.append(
                _panel(
                    arms,
                    f"features/{network}.{image}.norm",
                    f"norm of {image} over goal, {network}",
                    "ratio",
                    Scale.LOG,
                    [Reference(1.0, "equal")],
                    goal,
                )
            )
    for loss in ("critic", "actor"):
        over = {arm: f"gradient/{loss}_loss.{image}.update_ratio" for arm, image in images.items()}
        panels.append(
            _panel(
                arms,
                f"gradient/{loss}_loss.goal.update_ratio",
                f"step of goal over image, {loss} loss",
                "ratio",
                Scale.LOG,
                [Reference(1.0, "equal")],
                over,
            )
        )
    return panels


def _training_panels(arms: Arms) -> list[Panel]:
    return [
        _panel(arms, f"training/{key}", title, unit, scale, include=include)
        for key, title, unit, scale, include in (
            ("rollout.success_rate", "success", "fraction of episodes", Scale.PLAIN, [0.0]),
            ("critic.loss", "critic loss", "loss", Scale.LOG, []),
            ("critic.q_spread", "spread of Q over a batch", "units of return", Scale.LOG, []),
            ("entropy.coefficient", "entropy coefficient", "reward units", Scale.LOG, []),
        )
    ]
