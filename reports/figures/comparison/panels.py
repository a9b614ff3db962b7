"""The panels of a comparison: a metric each, a line for each arm."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from goalscope.reports.figures.drawing import Curve, Panel, Reference
from goalscope.reports.figures.probes.record import TOLERANCE_CM
from goalscope.reports.figures.style import GREY, arm_style
from goalscope.reports.numbers.tables import Run
from goalscope.reports.rivals.readings import position
from goalscope.reports.statistics.intervals import Scale
from goalscope.reports.statistics.thresholds import Thresholds

Arms = Mapping[str, Sequence[Run]]


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


def signal_panels(arms: Arms, thresholds: Thresholds) -> list[Panel]:
    """Return the goal's share of what each network hears."""
    line = [Reference(thresholds.goal_share, f"C1: {100 * thresholds.goal_share:g} %")]
    return [
        _panel(arms, f"signal/{n}.goal.share", n, "goal's share of signal", Scale.LOGIT, line)
        for n in ("critic", "actor")
    ]


def gradient_panels(arms: Arms, thresholds: Thresholds) -> list[Panel]:
    """Return the goal's share of each loss's gradients."""
    line = Reference(thresholds.goal_share, f"C2: {100 * thresholds.goal_share:g} %")
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


def sensitivity_panels(arms: Arms, thresholds: Thresholds, family: str | None) -> list[Panel]:
    """Return what Q and the action make of an exchanged goal."""
    return [
        _panel(
            arms,
            f"{family}/critic.desired_goal.q_goal_swap",
            "Q, goal exchanged",
            "std of Q",
            Scale.LOG,
            [Reference(thresholds.q_goal_swap, f"C4: {thresholds.q_goal_swap:g}")],
        ),
        _panel(
            arms,
            f"{family}/critic.goal.q_goal_distance",
            "does Q follow closeness?",
            "rank correlation",
            Scale.FISHER,
            [Reference(thresholds.q_goal_distance, f"C4: {thresholds.q_goal_distance:g}")],
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


def scale_panels(arms: Arms) -> list[Panel]:
    """Return norms and steps, image over goal."""
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


def content_panels(arms: Arms) -> list[Panel]:
    """Return what probes found of the image features, and what is owed to the goal."""
    images = {runs[0].image_block() for runs in arms.values()}
    image = "pixels" if "pixels" in images else images.pop()
    what = position(next(iter(arms.values()))[0])
    return [
        _panel(
            arms,
            f"content/critic.{image}.{what}_cm",
            f"{what} read from image features",
            "error (cm)",
            Scale.LOG,
            [Reference(TOLERANCE_CM, f"{TOLERANCE_CM:g} cm")],
        ),
        _panel(
            arms,
            f"content/critic.{image}.{what}_r2",
            f"{what} read from image features",
            "R² on held-out episodes",
            Scale.PLAIN,
            include=[0.0],
        ),
        *(
            _panel(
                arms,
                f"attribution/{network}.goal.shapley_share",
                f"what {output} owes to the goal",
                "Shapley share",
                Scale.LOGIT,
            )
            for network, output in (("critic", "Q"), ("actor", "the action"))
        ),
    ]


def training_panels(arms: Arms) -> list[Panel]:
    """Return success, loss, spread of Q and entropy coefficient."""
    return [
        _panel(arms, f"training/{key}", title, unit, scale, include=include)
        for key, title, unit, scale, include in (
            ("rollout.success_rate", "success", "fraction of episodes", Scale.PLAIN, [0.0]),
            ("critic.loss", "critic loss", "loss", Scale.LOG, []),
            ("critic.q_spread", "spread of Q over a batch", "units of return", Scale.LOG, []),
            ("entropy.coefficient", "entropy coefficient", "reward units", Scale.LOG, []),
        )
    ]
