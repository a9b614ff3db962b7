"""What image features know, over checkpoints: content, augmentation, prediction."""

import pandas as pd

from goalscope.reports.figures.drawing import Curve, Panel, Reference
from goalscope.reports.figures.probes.naming import in_words
from goalscope.reports.figures.probes.panels import NETWORK_COLOURS, NETWORK_DASHES, section_of
from goalscope.reports.figures.probes.record import Probes, Section
from goalscope.reports.figures.run.panels import ONE_SEED
from goalscope.reports.figures.style import DASHES, PALETTE
from goalscope.reports.numbers.tables import parse_key
from goalscope.reports.statistics.intervals import Scale

NO_IMAGE_BLOCK = (
    "no block of this agent's features depends on images alone, so there are no image features to "
    "read"
)
_TARGET_COLOURS = {
    "gripper": PALETTE[0],
    "object": PALETTE[3],
    "object_velocity": PALETTE[2],
    "desired_goal": PALETTE[4],
}
_LOWEST_R2 = -0.5  # far below 0 all are equally useless
_PREDICTION = "prediction/critic.features.next_goal"


def content_section(probes: Probes) -> Section:
    """Return how well the true state is read from the image features."""
    panels = [_error_panel(probes, name) for name in probes.targets if name != "desired_goal"]
    panels.append(_r2_panel(probes))
    tolerance = " and the task's tolerance" if probes.tolerance else ""
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
    own = "the run's own random shift" if is_augmented(probes) else "DrQ's random shift"
    trained = "" if is_augmented(probes) else " (the run trains without it: what it would be)"
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


def is_augmented(probes: Probes) -> bool:
    """Whether the run trains under the augmentation that was probed."""
    return any(k.endswith(".augmentation_over_signal") for k in probes.run.metrics)


def _error_panel(probes: Probes, target: str) -> Panel:
    unit = "cm_per_s" if target.endswith("velocity") else "cm"
    block = probes.image_block
    references = []
    for prefix, label in (("raw_", "raw pixels"), ("fresh_", "fresh encoder")):
        table = probes.run.metrics.get(f"content/critic.{block}.{prefix}{target}_{unit}")
        if table is not None:
            references.append(Reference(float(table["value"].iloc[-1]), label))
    if unit == "cm":
        references += probes.tolerance
    return Panel(
        f"{in_words(target)}: error",
        "RMS error (cm)" if unit == "cm" else "RMS error (cm/s)",
        _network_curves(probes, f"content/{{}}.{block}.{target}_{unit}"),
        references=references,
        include=[0],
    )


def _r2_panel(probes: Probes) -> Panel:
    curves = []
    for target in probes.targets:
        colour = _TARGET_COLOURS.get(target, PALETTE[7])
        for prefix, label, dash in (("", in_words(target), "-"), ("raw_", "", DASHES[2])):
            table = probes.run.metrics.get(
                f"content/critic.{probes.image_block}.{prefix}{target}_r2"
            )
            if table is not None:
                curves.append(Curve(label, [_above(table, _LOWEST_R2)], colour, dash))
    return Panel("R² of each, critic's features", "R² (held out)", curves, include=[0, 1])


def _augmentation_panel(probes: Probes) -> Panel:
    augmented = is_augmented(probes)
    name = "augmentation_over_signal" if augmented else "would_be_augmentation_over_signal"
    block = probes.image_block
    return Panel(
        "augmentation over signal" if augmented else "augmentation over signal, would be",
        "ratio of spreads",
        _network_curves(probes, f"augmentation/{{}}.{block}.{name}"),
        Scale.LOG,
        [Reference(1.0, "as loud as the image")],
    )


def _prediction_panel(probes: Probes) -> Panel:
    found = [key for key in probes.run.metrics if key.startswith(_PREDICTION)]
    colours = [PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[4], PALETTE[7]]
    curves = []
    for index, key in enumerate(found):
        added = parse_key(key).name.removeprefix("next_goal").removesuffix("_r2")
        more = {"": "as observed", "_with_previous": "+ previous frame"}
        label = more.get(added, f"+ {in_words(added.removeprefix('_with_'))}")
        place = index % len(colours)
        table = _above(probes.run.metrics[key], _LOWEST_R2)
        curves.append(Curve(label, [table], colours[place], DASHES[index % len(DASHES)]))
    return Panel("next change of the achieved goal", "R² (held out)", curves)


def _network_curves(probes: Probes, key: str) -> list[Curve]:
    """Return a line for each network that has the metric; `key` has {} for the network."""
    return [
        Curve(network, [table], colour, NETWORK_DASHES[network])
        for network, colour in NETWORK_COLOURS.items()
        if (table := probes.run.metrics.get(key.format(network))) is not None
    ]


def _above(table: pd.DataFrame, lowest: float) -> pd.DataFrame:
    """Return the table with numbers below the lowest raised to it; NaN stays."""
    return table.assign(value=table["value"].clip(lower=lowest))
