"""Readings of a run that checks judge: a record key, or a few of them put together."""

import math
from collections.abc import Callable

from goalscope.reports.numbers.tables import Run
from goalscope.reports.numbers.windows import Window, window_number

Reader = Callable[[Run, Window | None], float | None]
# Not shares and correlations: of a gradient of 0 they are 0/0, and nothing broke.
_NEVER_NAN = (".weight_gradient", ".encoder_gradient", ".norm", "_loss", ".loss", ".q_spread")


def recorded(key: str) -> Reader:
    """Return a reader of a record key, in which {image} stands for the run's image block."""

    def read(run: Run, window: Window | None) -> float | None:
        return window_number(run, key.format(image=run.image_block()), window)

    return read


def ratio(over: str, under: str) -> Reader:
    """Return a reader of one record key over another; NaN over 0."""
    first, second = recorded(over), recorded(under)

    def read(run: Run, window: Window | None) -> float | None:
        above, below = first(run, window), second(run, window)
        if above is None or below is None:
            return None
        return above / below if below else math.nan

    return read


def shift_in_the_scene(run: Run, window: Window | None) -> float | None:
    """Return how far the augmentation that a run trains under shifts the scene, in centimetres."""
    noise = recorded("augmentation/critic.{image}.augmentation_over_signal")
    if noise(run, window) is None:  # it trains under none
        return None
    return recorded("augmentation/camera.shift_cm")(run, window)


def before_normalisation(name: str) -> Reader:
    """Return a reader of the image features before the normalisation their encoder ends in.

    What a normalisation puts out hides units that are dead and features that are constant.
    """

    def read(run: Run, window: Window | None) -> float | None:
        block = run.image_block()
        described = {entry["name"]: entry for entry in run.blocks("critic")}.get(block, {})
        shown = f"{block}_raw" if described.get("normalised") else block
        return window_number(run, f"features/critic.{shown}.{name}", window)

    return read


def varying_part(run: Run, window: Window | None) -> float | None:
    """Return which part of the image features' length varies between observations, 0..1.

    RMS deviation from the mean vector over the mean norm, before a normalisation.
    """
    spread, norm = (
        before_normalisation("spread")(run, window),
        before_normalisation("norm")(run, window),
    )
    blocks = {block["name"]: block for block in run.blocks("critic")}
    width = blocks.get(run.image_block(), {}).get("width", 0)
    if spread is None or norm is None or not width or not norm:
        return None
    return spread * math.sqrt(width) / norm


def broken_metrics(run: Run, window: Window | None) -> float | None:
    """Return how many norms of gradients and features, and losses, were NaN or infinite by then."""
    if window is None:
        return None
    last = 1 if window.time == "initialisation" else window.last
    found = [update for key, update in run.record.nonfinite().items() if key.endswith(_NEVER_NAN)]
    return float(sum(update <= last for update in found))


def least_encoder_gradient(run: Run, window: Window | None) -> float | None:
    """Return the least gradient that the encoder of actor or critic gets from its own loss.

    0 for an encoder that is held by an optimiser and that no loss reaches.
    """
    found = []
    for row in _encoder_rows(run):
        loss = f"{row['network']}_loss"
        value = window_number(run, f"gradient/{loss}.{run.image_block()}.encoder_gradient", window)
        if row["optimizer"] and not row["losses"]:
            value = 0.0
        if value is not None:
            found.append(value)
    return min(found, default=None)


def least_encoder_step(run: Run, window: Window | None) -> float | None:
    """Return the least step, over the weights' norm, of the encoders of actor and critic.

    0 for an encoder that no optimiser holds.
    """
    found = []
    for row in _encoder_rows(run):
        loss = f"{row['network']}_loss"
        key = f"gradient/{loss}.{run.image_block()}.encoder_update_ratio"
        value = 0.0 if row["optimizer"] is None else window_number(run, key, window)
        if value is not None:
            found.append(value)
    return min(found, default=None)


def _encoder_rows(run: Run) -> list[dict[str, object]]:
    group = f"encoder of {run.image_block()}"
    return [
        row
        for row in run.record.routing
        if row["group"] == group
        and row["network"] in ("actor", "critic")
        and not row["shared_with"]
    ]


def position(run: Run) -> str:
    """Return what the task is about: the object where there is one, else the gripper."""
    has_object = any(key.startswith("content/") and ".object_" in key for key in run.metrics)
    return "object" if has_object else "gripper"


def position_error(run: Run, window: Window | None) -> float | None:
    """Return the error of the position that the task is about, read from image features, cm."""
    return recorded(f"content/critic.{{image}}.{position(run)}_cm")(run, window)


def prediction_gain(name: str) -> Reader:
    """Return a reader of the gain in R^2 of the next achieved goal by what is named."""
    plain = recorded("prediction/critic.features.next_goal_r2")
    more = recorded(f"prediction/critic.features.next_goal_with_{name}_r2")

    def read(run: Run, window: Window | None) -> float | None:
        without, having = plain(run, window), more(run, window)
        return None if without is None or having is None else having - without

    return read
