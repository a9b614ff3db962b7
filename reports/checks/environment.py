"""Checks of what the agent observes: images, goals, and their scales."""

import math

from goalscope.diagnostics.record.metrics import OBSERVATION_SPREAD
from goalscope.diagnostics.record.transition_metrics import (
    INPUT_MAX,
    LATENESS,
    LEVELS_KEPT,
    NORMALISED_OFFSET,
    STILL_FRACTION,
)
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import (
    IMAGE,
    augmentation_shift,
    largest,
    measured,
    of_critic,
)
from goalscope.reports.checks.replay_readings import normalised_spread
from goalscope.reports.statistics.scales import Scale

_BLIND = ("dead_units", "constant_features", "encoder_without_gradient", "encoder_not_moving")
_UNSEEN = ("critic_ignores_pixels", "actor_ignores_pixels", "trained_reads_worse")

ENVIRONMENT_CHECKS: tuple[Check, ...] = (
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
        "how much better {block} shows what moved two to ten steps before than what moves now",
        "correlation",
        Scale.PLAIN,
        measured(LATENESS, IMAGE),
        "above",
        0.4,  # below 0 in time, 0.15 of what has nothing to do with the vectors, above 0.5 late
        "below 0",
        "Images of {block} come late: they show what moved some steps ago.",
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
        "normalisation_stale",
        "observation",
        "how far most normalised inputs lie from 0, or their spread from 1",
        "standard deviations",
        Scale.LOG,
        largest(NORMALISED_OFFSET),
        "above",
        5.0,  # healthy agents that learn to leave their first states were seen at up to 3.3
        "0.8 to 3",
        "The statistics that normalise the inputs do not fit what is in replay.",
        "Inputs arrive shifted or stretched; tanh and ReLU answer with constants.",
        "Take the statistics from what replay holds now, wherever the inputs are normalised.",
        "Compare the mean and spread they are normalised by with those of a replay batch.",
        spares=True,  # an agent that learns can live with what it is given
        explains=("normalised_unlike_replay", "dead_units", "saturated", "image_block_loud"),
    ),
    Check(
        "normalised_unlike_replay",
        "observation",
        "how far the spread of what VecNormalize normalises lies from 1 in replay, up or down",
        "ratio",
        Scale.LOG,
        normalised_spread,
        "above",
        2.5,
        "1 to 1.2",
        "What VecNormalize should bring to a spread of 1 has another in replay's batches.",
        "Inputs are cut off or arrive raw: other ones than the networks were made for.",
        "Clip at 5 to 10, and let the replay buffer normalise with the same VecNormalize.",
        "Print the spread of each vector in a sampled batch: it must be near 1.",
        explains=("goal_inputs_tiny", "image_block_loud", "saturated"),
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
