"""What image features know, over checkpoints: content, augmentation, prediction."""

import pandas as pd

from goalscope.diagnostics.record.keys import CRITIC, Metric
from goalscope.diagnostics.record.metrics import (
    AUGMENTATION_NOISE,
    CONTENT_ERROR,
    CONTENT_R2,
    CONTENT_SPEED_ERROR,
    FRESH_CONTENT_ERROR,
    FRESH_CONTENT_SPEED_ERROR,
    NEXT_GOAL_R2,
    NEXT_GOAL_WITH_R2,
    RAW_CONTENT_ERROR,
    RAW_CONTENT_R2,
    RAW_CONTENT_SPEED_ERROR,
    WOULD_BE_AUGMENTATION_NOISE,
)
from goalscope.reports.figures.curves import Curve, Panel, Reference
from goalscope.reports.figures.probes.panels import NETWORK_COLOURS, NETWORK_DASHES, section_of
from goalscope.reports.figures.probes.sections import Section, tolerance_lines
from goalscope.reports.figures.run.panels import ONE_SEED
from goalscope.reports.figures.style import DASHES, PALETTE
from goalscope.reports.numbers.probes import Probes
from goalscope.reports.numbers.runs import DESIRED_GOAL
from goalscope.reports.statistics.formatting import in_words
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.text.probe_sentences import NO_IMAGE_BLOCK

_TARGET_COLOURS = {
    "gripper": PALETTE[0],
    "point": PALETTE[0],
    "object": PALETTE[3],
    "object_velocity": PALETTE[2],
    DESIRED_GOAL: PALETTE[4],
}
_ERRORS = (CONTENT_ERROR, RAW_CONTENT_ERROR, FRESH_CONTENT_ERROR)
_SPEED_ERRORS = (CONTENT_SPEED_ERROR, RAW_CONTENT_SPEED_ERROR, FRESH_CONTENT_SPEED_ERROR)
_LOWEST_R2 = -0.5  # far below 0 all are equally useless


def content_section(probes: Probes) -> Section:
    """Return how well the true state is read from the image features."""
    panels = [_error_panel(probes, name) for name in probes.targets if name != DESIRED_GOAL]
    panels.append(_r2_panel(probes))
    tolerance = " and the task's tolerance" if tolerance_lines(probes) else ""
    return section_of(
        "probe_content",
        "Content: what do the image features know?",
        f"{ONE_SEED}Read by ridge regression from the columns of the block {probes.image_block} "
        "alone; episodes held out. Errors are root mean square, over all directions, so lower is "
        "better. Dashed across: what the raw pixels (averaged down to 12 x 12) allow, what a "
        f"freshly initialised encoder allows{tolerance}. R²: 1 is exact, 0 is knowing no more than "
        "the mean, "
        f"and what lies below {_LOWEST_R2:g} is drawn there; dotted: from raw pixels. An "
        "R² of the desired goal above 0 is the goal's marker, seen in the image: a leak that "
        "relabelling does not follow.",
        panels,
        NO_IMAGE_BLOCK,
    )


def augmentation_section(probes: Probes) -> Section:
    """Return how loud the augmentation is, and what is missing to predict the next goal."""
    panels = [_augmentation_panel(probes), _prediction_panel(probes)]
    own = "the run's own random shift" if probes.augmented else "DrQ's random shift"
    trained = "" if probes.augmented else " (the run trains without it: what it would be)"
    loud = (
        f"Left: how far {own}{trained} moves the image features, over how far observations lie "
        "apart; above the line the augmentation drowns the image. "
    )
    return section_of(
        "probe_augmentation",
        "Augmentation and prediction",
        f"{ONE_SEED}{loud if panels[0].curves else ''}Prediction: R² of the next change of the "
        "achieved goal, read by ridge regression from the critic's features and the action, and "
        "with something more beside them. What is gained by it is missing from the observation.",
        panels,
        "neither was measured of this agent",
    )


def _error_panel(probes: Probes, target: str) -> Panel:
    speed = target.endswith("velocity")
    block, task = probes.image_block, probes.run.task
    own, raw, fresh = _SPEED_ERRORS if speed else _ERRORS
    references = []
    for metric, label in ((raw, "raw pixels"), (fresh, "fresh encoder")):
        table = probes.run.metrics.get(metric.key(CRITIC, block, target=target, unit=task.key_unit))
        if table is not None:
            references.append(Reference(float(table["value"].iloc[-1]), label))
    if not speed:
        references += tolerance_lines(probes)
    return Panel(
        f"{in_words(target)}: error",
        f"RMS error ({task.shown_in}{'/s' if speed else ''})",
        _network_curves(probes, own, target=target, unit=task.key_unit),
        references=references,
        include=[0],
    )


def _r2_panel(probes: Probes) -> Panel:
    curves = []
    for target in probes.targets:
        colour = _TARGET_COLOURS.get(target, PALETTE[7])
        for metric, label, dash in (
            (CONTENT_R2, in_words(target), "-"),
            (RAW_CONTENT_R2, "", DASHES[2]),
        ):
            table = probes.run.metrics.get(metric.key(CRITIC, probes.image_block, target=target))
            if table is not None:
                curves.append(Curve(label, [_above(table, _LOWEST_R2)], colour, dash))
    return Panel("R² of each, critic's features", "R² (held out)", curves, include=[0, 1])


def _augmentation_panel(probes: Probes) -> Panel:
    augmented = probes.augmented
    return Panel(
        "augmentation over signal" if augmented else "augmentation over signal, would be",
        "ratio of spreads",
        _network_curves(probes, AUGMENTATION_NOISE if augmented else WOULD_BE_AUGMENTATION_NOISE),
        Scale.LOG,
        [Reference(1.0, "as loud as the image")],
    )


def _prediction_panel(probes: Probes) -> Panel:
    labels = {
        key: label for key in probes.run.metrics if (label := _prediction_label(key)) is not None
    }
    colours = [PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[4], PALETTE[7]]
    curves = []
    for index, (key, label) in enumerate(labels.items()):
        place = index % len(colours)
        table = _above(probes.run.metrics[key], _LOWEST_R2)
        curves.append(Curve(label, [table], colours[place], DASHES[index % len(DASHES)]))
    return Panel("next change of the achieved goal", "R² (held out)", curves)


def _prediction_label(key: str) -> str | None:
    """Return what a prediction is made from, in words; None for another metric's key."""
    if NEXT_GOAL_R2.match(key) is not None:
        return "as observed"
    found = NEXT_GOAL_WITH_R2.match(key)
    if found is None:
        return None
    extra = found["extra"]
    return "+ previous frame" if extra == "previous" else f"+ {in_words(extra)}"


def _network_curves(probes: Probes, metric: Metric, **parts: str) -> list[Curve]:
    """Return a line for each network of whose image features the record has the metric."""
    keys = {n: metric.key(n, probes.image_block, **parts) for n in NETWORK_COLOURS}
    return [
        Curve(network, [probes.run.metrics[key]], NETWORK_COLOURS[network], NETWORK_DASHES[network])
        for network, key in keys.items()
        if key in probes.run.metrics
    ]


def _above(table: pd.DataFrame, lowest: float) -> pd.DataFrame:
    """Return the table with numbers below the lowest raised to it; NaN stays."""
    return table.assign(value=table["value"].clip(lower=lowest))
