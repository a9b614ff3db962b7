"""Checks of the images that the agent observes."""

import math

from goalscope.diagnostics.record.metrics import OBSERVATION_SPREAD
from goalscope.diagnostics.record.transition_metrics import (
    INPUT_MAX,
    INTERLEAVING,
    LATENESS,
    LEVELS_KEPT,
    ROUGHNESS_GAINED,
    STILL_FRACTION,
)
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import (
    IMAGE,
    augmentation_shift,
    measured,
    of_critic,
    raw_image_columns,
)
from goalscope.reports.statistics.scales import Scale

_BLIND = ("dead_units", "constant_features", "encoder_without_gradient", "encoder_not_moving")
_UNSEEN = (
    "place_not_in_images",
    "critic_ignores_pixels",
    "actor_ignores_pixels",
    "trained_reads_worse",
)

IMAGE_CHECKS: tuple[Check, ...] = (
    Check(
        "images_flattened",
        "observation",
        "values of {block} that the first layers read one by one, without an encoder",
        "columns",
        Scale.PLAIN,
        raw_image_columns,
        "above",
        0.0,
        "0",
        "Images of {block} reach the first layers flattened: no encoder reads them.",
        "A thousand pixels are a thousand unrelated numbers; where something is cannot be learnt.",
        "Observe uint8 images of 0..255, channels first or last, and use MultiInputPolicy.",
        "Print model.policy: each image must have a CNN among the extractors.",
        spares=True,
        explains=(
            "image_block_loud",
            "images_not_scaled",
            "images_scaled_twice",
            "constant_images",
            *_UNSEEN,
        ),
    ),
    Check(
        "constant_images",
        "observation",
        "spread of {block} between observations",
        "of 0..1",
        Scale.LOG,
        measured(OBSERVATION_SPREAD, IMAGE),
        "below",
        1e-3,  # a quarter of one grey level of 255
        "0.04 to 0.11",
        "Every observation of {block} is the same.",
        "Nothing can be learnt from it: the encoder sees one picture.",
        "Mend the renderer or the wrapper that makes it.",
        "Save ten observations of one episode as pictures and look at them.",
        explains=(
            "images_stand_still",
            "images_scaled_twice",
            *_BLIND,
            *_UNSEEN,
            "content_missing",
            "rank_collapsed",
        ),
    ),
    Check(
        "images_stand_still",
        "observation",
        "steps that move a vector by a tenth of its spread, and leave {block} as it was",
        "share",
        Scale.LOGIT,
        measured(STILL_FRACTION, IMAGE),
        "above",
        0.95,  # a camera that is slower than the steps leaves every other image, or three of four
        "0 %",
        "Images of {block} stand still to the last bit while other observations move.",
        "What the encoder sees is a scene that has passed; it learns nothing of what happens.",
        "See that the camera or the renderer gives a new image at each step.",
        "Save the images of ten steps in a row, and print what moved beside them.",
        explains=(*_BLIND, *_UNSEEN, "content_missing", "rank_collapsed"),
    ),
    Check(
        "images_late",
        "observation",
        "how much better {block} shows what moved one to ten steps before than what moves now",
        "correlation",
        Scale.PLAIN,
        measured(LATENESS, IMAGE),
        "above",
        0.4,  # about 0 in time, 0.15 of what has nothing to do with the vectors, above 0.5 late
        "at most 0",
        "Images of {block} come late: they show what moved a step ago, or some.",
        "Image and vectors tell of two moments, and an action shows after the next one is taken.",
        "Take the newest frame: empty the camera's queue at each step.",
        "Save the images of ten steps in a row, and print what moved beside them.",
        explains=_UNSEEN,
    ),
    # Held against the images as they are stored, for some have few colours; and against eight
    # levels, for images of five bits, on which some agents are trained, keep enough.
    Check(
        "images_lose_levels",
        "observation",
        "grey levels of {block} that reach the encoder, over those that are stored, up to eight",
        "share",
        Scale.LOGIT,
        of_critic(measured(LEVELS_KEPT, IMAGE)),
        "below",
        0.5,  # between 1 of healthy runs, and two levels of three to eight
        "100 %",
        "Images of {block} reach the encoder with few of their grey levels: they are rounded away.",
        "What differs by shades is one to the encoder; it sees next to nothing.",
        "Divide images as floats: 255 // 255 is 1, and all that is darker becomes 0.",
        "Print the different values of an image in replay, and as the encoder receives it.",
        spares=True,  # a mask that is made of them on purpose
        explains=(
            "images_scaled_twice",
            "features_depend_on_batch",
            *_BLIND,
            *_UNSEEN,
            "content_missing",
            "rank_collapsed",
        ),
    ),
    Check(
        "images_interleaved",
        "observation",
        "difference of pixels of {block} beside each other, over that of pixels three apart",
        "ratio",
        Scale.LOG,
        measured(INTERLEAVING, IMAGE),
        "above",
        1.05,  # 0.7 is the most of a scene that was seen, 1.2 the least of one that is mixed up
        "0.2 to 0.9",
        "Images of {block} have their colours in turn along each row: rows and channels are mixed.",
        "A convolution finds strangers beside each other; where something is can hardly be learnt.",
        "Transpose images from (H, W, C) to (C, H, W), or leave that to SB3; do not reshape them.",
        "Save an observation as a picture, each channel by itself, and look at it.",
        spares=True,
        explains=(*_UNSEEN, "content_missing"),
    ),
    Check(
        "images_rearranged",
        "observation",
        "how much less smooth {block} reaches the encoder than it is stored",
        "ratio",
        Scale.LOG,
        of_critic(measured(ROUGHNESS_GAINED, IMAGE)),
        "above",
        1.3,  # 1 of healthy runs, whatever their scale
        "1",
        "The pixels of {block} reach the encoder in another order: neighbours are strangers there.",
        "A convolution finds no shapes, and what moves jumps through the image.",
        "Transpose images, (H, W, C) to (C, H, W); reshape and view only rename the axes.",
        "Save an image as replay returns it and as the encoder receives it, and compare.",
        spares=True,  # a filter that sharpens, on purpose
        explains=(*_UNSEEN, "content_missing", "rank_collapsed"),
    ),
    Check(
        "images_scaled_twice",
        "observation",
        "largest value of {block} that reaches the encoder",
        "of 0..1",
        Scale.LOG,
        of_critic(measured(INPUT_MAX, IMAGE)),
        "below",
        0.1,  # a picture of anything lit has a pixel above a tenth; 1/255 is one division too many
        "0.3 to 1",
        "Images reach the encoder far too dark: they are scaled twice.",
        "The encoder answers with its biases; what differs between images hardly moves it.",
        "Divide by 255 once: leave it to Stable-Baselines3, or set normalize_images=False.",
        "Look for a division by 255 in a wrapper or in the features extractor.",
        explains=(*_BLIND, *_UNSEEN, "content_missing", "augmentation_above_signal"),
    ),
    Check(
        "images_not_scaled",
        "observation",
        "largest value of {block} that reaches the encoder",
        "of 0..1",
        Scale.LOG,
        of_critic(measured(INPUT_MAX, IMAGE)),
        "above",
        10.0,  # 255 where nobody divides; standardised images stay below 10
        "0.3 to 1",
        "Images reach the encoder unscaled.",
        "Its features are hundreds of times too large and drown every other input.",
        "Divide by 255 once: observe uint8 images and leave it to Stable-Baselines3.",
        "Look for normalize_images=False, or images stored as floats.",
        explains=("image_block_loud", "dead_units", "saturated"),
    ),
    Check(
        "augmentation_far",
        "observation",
        "how far augmentation shifts the scene",
        "",
        Scale.LOG,
        augmentation_shift,
        "above",
        math.nan,
        "at most as far as the goals lie apart",
        "Augmentation shifts the scene further than the goals lie apart.",
        "Where something is in the image says nothing any more about where it is.",
        "Shift by 4 pixels at 84, or in proportion.",
        "Draw one image with ten shifts beside each other.",
        needs=(Need.GOAL_RANGE,),
        distance="goal_range",
        patient=False,
        explains=("augmentation_above_signal", "content_missing"),
    ),
)
