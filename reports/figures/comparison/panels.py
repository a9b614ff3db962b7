"""The panels of a comparison: a metric each, a line for each arm."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from goalscope.diagnostics.record.keys import ACTOR, CRITIC, GOAL, LOSS_OF, Family
from goalscope.diagnostics.record.metrics import (
    ACTION_GOAL_SWAP,
    ACTION_SWAP,
    CONTENT_ERROR,
    CONTENT_R2,
    DIMENSION_SHARE,
    ENTROPY_COEFFICIENT,
    FEATURE_NORM,
    LOSS,
    Q_GOAL_DISTANCE,
    Q_GOAL_SWAP,
    Q_REACH_CONTRAST,
    Q_SPREAD,
    Q_SWAP,
    SHAPLEY_SHARE,
    SIGNAL_GRADIENT_SHARE,
    SIGNAL_SHARE,
    UPDATE_RATIO,
    WEIGHT_GRADIENT_SHARE,
)
from goalscope.reports.figures.curves import Curve, Panel, Reference
from goalscope.reports.figures.style import GREY, ArmStyles
from goalscope.reports.numbers.rollouts import EPISODES, rollout_success
from goalscope.reports.numbers.runs import Arms, Run, table_of
from goalscope.reports.statistics.formatting import in_words
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds


def _panel(
    arms: Arms,
    styles: ArmStyles,
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
            curves.append(Curve(arm, tables, *styles[arm]))
    return Panel(title, unit, curves, scale, references, include)


def _ratio(run: Run, key: str, over: str) -> pd.DataFrame | None:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = run.combined(key, over, np.divide)
    return None if ratio is None else table_of(ratio)


def signal_panels(arms: Arms, styles: ArmStyles, thresholds: Thresholds) -> list[Panel]:
    """Return the goal's share of what each network hears."""
    lines = _grades(thresholds)
    return [
        _panel(
            arms, styles, SIGNAL_SHARE.key(n, GOAL), n, "goal's share of signal", Scale.LOGIT, lines
        )
        for n in (CRITIC, ACTOR)
    ]


def gradient_panels(arms: Arms, styles: ArmStyles, thresholds: Thresholds) -> list[Panel]:
    """Return the goal's share of each loss's gradients."""
    lines = _grades(thresholds)
    return [
        _panel(
            arms,
            styles,
            metric.key(loss, GOAL),
            f"{words}, {network} loss",
            "goal's share",
            Scale.LOGIT,
            [
                *lines,
                *(_dimensions(arms, styles, network) if metric is WEIGHT_GRADIENT_SHARE else []),
            ],
        )
        for metric, words in (
            (SIGNAL_GRADIENT_SHARE, "signal gradient"),
            (WEIGHT_GRADIENT_SHARE, "weight gradient"),
        )
        for network, loss in LOSS_OF.items()
    ]


def _grades(thresholds: Thresholds) -> list[Reference]:
    shares = (thresholds.goal_share, thresholds.drowned_share)
    return [Reference(share, f"{100 * share:g} %") for share in shares]


def _dimensions(arms: Arms, styles: ArmStyles, network: str) -> list[Reference]:
    found: dict[float, str] = {}
    for arm, runs in arms.items():
        table = runs[0].metrics.get(DIMENSION_SHARE.key(network, GOAL))
        if table is not None:
            share = float(table["value"].iloc[0])
            found[share] = GREY if share in found else styles[arm][0]
    return [Reference(share, "dimensions", colour) for share, colour in found.items()]


def sensitivity_panels(
    arms: Arms, styles: ArmStyles, thresholds: Thresholds, family: Family | None
) -> list[Panel]:
    """Return what Q and the action make of an exchanged goal; none where it was not measured."""
    if family is None:
        return []
    return [
        _panel(
            arms,
            styles,
            metric.within(family).key(),
            title,
            unit,
            scale,
            [] if threshold is None else [Reference(threshold, f"C4: {threshold:g}")],
        )
        for metric, title, unit, scale, threshold in (
            (Q_GOAL_SWAP, "Q, goal exchanged", "std of Q", Scale.LOG, thresholds.q_goal_swap),
            (
                Q_GOAL_DISTANCE,
                "does Q follow closeness?",
                "rank correlation",
                Scale.FISHER,
                thresholds.q_goal_distance,
            ),
            (
                ACTION_GOAL_SWAP,
                "action, goal exchanged",
                "action ranges",
                Scale.LOG,
                thresholds.action_goal_swap,
            ),
            (
                Q_REACH_CONTRAST,
                "Q of a reached goal over a far one",
                "units of return",
                Scale.PLAIN,
                None,
            ),
        )
    ]


def scale_panels(arms: Arms, styles: ArmStyles) -> list[Panel]:
    """Return norms and steps, image over goal."""
    images = {arm: runs[0].image_block() for arm, runs in arms.items()}
    panels = []
    for network in (CRITIC, ACTOR):
        goal = {arm: FEATURE_NORM.key(network, GOAL) for arm in arms}
        for image in dict.fromkeys(images.values()):
            panels.append(
                _panel(
                    arms,
                    styles,
                    FEATURE_NORM.key(network, image),
                    f"norm of {image} over goal, {network}",
                    "ratio of norms",
                    Scale.LOG,
                    [Reference(1.0, "equal")],
                    goal,
                )
            )
    for network, loss in LOSS_OF.items():
        over = {arm: UPDATE_RATIO.key(loss, image) for arm, image in images.items()}
        panels.append(
            _panel(
                arms,
                styles,
                UPDATE_RATIO.key(loss, GOAL),
                f"step of goal over image, {network} loss",
                "ratio of steps",
                Scale.LOG,
                [Reference(1.0, "equal")],
                over,
            )
        )
    return panels


def content_panels(arms: Arms, styles: ArmStyles) -> list[Panel]:
    """Return what probes found of the image features, and what is owed to the goal."""
    images = {runs[0].image_block() for runs in arms.values()}
    image = "pixels" if "pixels" in images else images.pop()
    task = next(iter(arms.values()))[0].task
    what, tolerance = task.target, task.tolerance
    return [
        _panel(
            arms,
            styles,
            CONTENT_ERROR.key(CRITIC, image, target=what, unit=task.key_unit),
            f"{what} read from image features",
            f"error ({task.shown_in})",
            Scale.LOG,
            []
            if tolerance is None
            else [Reference(task.shown(tolerance), task.in_words(tolerance))],
        ),
        _panel(
            arms,
            styles,
            CONTENT_R2.key(CRITIC, image, target=what),
            f"{what} read from image features",
            "R² on held-out episodes",
            Scale.PLAIN,
            include=[0.0],
        ),
        *(
            _panel(
                arms,
                styles,
                SHAPLEY_SHARE.key(network, GOAL),
                f"what {output} owes to the goal",
                "Shapley share",
                Scale.LOGIT,
            )
            for network, output in ((CRITIC, "Q"), (ACTOR, "the action"))
        ),
    ]


def input_panels(arms: Arms, styles: ArmStyles) -> list[Panel]:
    """Return how far each input moves Q, and the action, where no goals are observed."""
    keys = dict.fromkeys(key for runs in arms.values() for run in runs for key in run.metrics)
    return [
        _panel(arms, styles, key, f"{what}, {in_words(block)} exchanged", unit, Scale.LOG)
        for metric, network, what, unit in (
            (Q_SWAP, CRITIC, "Q", "std of Q"),
            (ACTION_SWAP, ACTOR, "action", "of its range"),
        )
        for block, key in metric.by_block(keys, network).items()
    ]


def training_panels(arms: Arms, styles: ArmStyles) -> list[Panel]:
    """Return success, loss, spread of Q and entropy coefficient."""
    return [
        _rollout_panel(arms, styles),
        *(
            _panel(arms, styles, key, title, unit, scale)
            for key, title, unit, scale in (
                (LOSS.key(CRITIC), "critic loss", "loss", Scale.LOG),
                (Q_SPREAD.key(), "spread of Q over a batch", "units of return", Scale.LOG),
                (ENTROPY_COEFFICIENT.key(), "entropy coefficient", "reward units", Scale.LOG),
            )
        ),
    ]


def _rollout_panel(arms: Arms, styles: ArmStyles) -> Panel:
    curves = []
    for arm, runs in arms.items():
        tables = [table for run in runs if (table := rollout_success(run)) is not None]
        if tables:
            curves.append(Curve(arm, tables, *styles[arm]))
    return Panel(f"success of {EPISODES} episodes", "of episodes", curves, rate=True)
