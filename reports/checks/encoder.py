"""Checks of what the encoders show, critic's and actor's apart."""

from goalscope.diagnostics.record.metrics import SATURATED_FRACTION, ZERO_FRACTION
from goalscope.diagnostics.record.transition_metrics import ALONE_DIFFERENCE, MODE_DIFFERENCE
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.needs import Need
from goalscope.reports.checks.readings import (
    IMAGE,
    largest,
    measured,
    of_vectors,
    under_normalisation,
    varying_part,
)
from goalscope.reports.checks.replay_readings import place_shown
from goalscope.reports.statistics.scales import Scale

_BOTH = ("critic", "actor")
_STILL = ("encoder_without_gradient", "encoder_not_moving")
_UNREAD = (
    "critic_ignores_pixels",
    "actor_ignores_pixels",
    "trained_reads_worse",
    "content_missing",
)
_UNHEARD = ("place_not_in_images", *_UNREAD, "rank_collapsed")

ENCODER_CHECKS: tuple[Check, ...] = (
    Check(
        "features_differ_by_mode",
        "encoder",
        "how far features in training mode lie from those of the same inputs in evaluation mode",
        "spreads in training mode",
        Scale.LOG,
        largest(MODE_DIFFERENCE),
        "above",
        0.5,  # a quarter of the variance; statistics of a batch of 64 are off by an eighth
        "0; 0.1 to 0.3 with a BatchNorm",
        "Features in training mode are others than in evaluation mode, where the agent acts.",
        "Heads learn on features that acting and targets never show them, or on mostly noise.",
        "Take dropout out of the features extractor, and LayerNorm in the place of BatchNorm.",
        "Encode one batch after .train() and after .eval(), and compare.",
        needs=(Need.ENCODER,),
        explains=("image_block_loud", *_STILL, *_UNHEARD),
    ),
    Check(
        "features_depend_on_batch",
        "encoder",
        "how far features of an observation alone lie from those of the same in a batch",
        "spreads in the batch",
        Scale.LOG,
        largest(ALONE_DIFFERENCE),
        "above",
        0.5,
        "0",
        "Features of an observation depend on what else is in its batch.",
        "The agent acts on one observation at a time, and gets other features than it learnt from.",
        "Normalise each observation by itself: LayerNorm in the place of statistics of a batch.",
        "Encode one observation alone and within a batch, and compare.",
        needs=(Need.ENCODER,),
        explains=("image_block_loud", *_STILL, *_UNHEARD),
    ),
    Check(
        "dead_units",
        "encoder",
        "exact zeros among its features of {block}",
        "share",
        Scale.LOGIT,
        under_normalisation(ZERO_FRACTION),
        "above",
        0.95,  # healthy encoders were seen at up to 0.70, failing ones that still see at 0.94
        "40 to 70 %",
        "The {network}'s encoder is dead: all of its features are zero, or nearly all.",
        "The {network} no longer sees {block}, and hardly a gradient can bring its encoder back.",
        "Lower the learning rate, normalise the features, or let the critic train one encoder.",
        "Train the same with a tenth of the learning rate, or with one encoder for both networks.",
        arms=("critic-encoder",),
        networks=_BOTH,
        needs=(Need.ENCODER,),
        explains=("constant_features", *_STILL, *_UNHEARD),
    ),
    Check(
        "constant_features",
        "encoder",
        "part of the length of its {block} features that varies between observations",
        "share",
        Scale.LOGIT,
        varying_part,
        "below",
        3e-4,
        "1 to 50 %",
        "The {network}'s features of {block} are a constant, whatever their size.",
        "The {network} sees the same in every observation; a LayerNorm behind it hides that.",
        "See that images reach the encoder at their full range.",
        "Compare the features of two observations before any normalisation.",
        arms=("gain",),
        networks=_BOTH,
        spares=True,  # an actor that needs no image loses its features and still succeeds
        needs=(Need.ENCODER,),
        explains=(*_STILL, *_UNHEARD),
    ),
    Check(
        "saturated",
        "encoder",
        "features of {block} at the ends of Tanh",
        "share",
        Scale.LOGIT,
        measured(SATURATED_FRACTION, IMAGE),
        "above",
        0.5,
        "0 to 5 %",
        "The {network}'s image features are saturated: Tanh holds them at -1 or 1.",
        "Hardly any gradient passes, so the encoder stops learning.",
        "Put a LayerNorm before the Tanh, or scale what goes into it down.",
        "Print what goes into the Tanh: it should be about 1 in size.",
        networks=_BOTH,
        needs=(Need.ENCODER, Need.TANH),
        explains=(*_STILL, *_UNHEARD),
    ),
    Check(
        "vectors_saturated",
        "observation",
        "numbers of a vector at the ends of their Tanh",
        "share",
        Scale.LOGIT,
        of_vectors(SATURATED_FRACTION),
        "above",
        0.8,  # of what has a spread of 1 before its Tanh a hundredth
        "0 to 5 %",
        "A Tanh holds goals or other vectors at -1 or 1: hardly more than their signs is left.",
        "Two goals on one side of the middle are one goal to the networks.",
        "Standardise a vector before its Tanh, or leave the Tanh out.",
        "Print what goes into the Tanh: it should be about 1 in size.",
        needs=(Need.VECTOR_TANH,),
        spares=True,
        explains=("goal_path_quiet", "critic_ignores_goal", "actor_ignores_goal"),
    ),
    # Read from encoders, too: what is wrong with these is named before it.
    Check(
        "place_not_in_images",
        "observation",
        "R^2 of what is achieved, read from {block} or its features, where actions move it",
        "R^2",
        Scale.PLAIN,
        place_shown,
        "below",
        0.15,  # 0.22 is the least that a healthy run showed, for a moment; 0 to 0.2 of a corner
        "0.4 to 0.9",
        "Images of {block} do not show where what the actions move is.",
        "The encoder cannot learn what the images do not show.",
        "Point the camera at the scene, from near enough; see that nothing is cut off or covered.",
        "Save ten observations of one episode as pictures: can you tell them apart by the place?",
        needs=(Need.GOALS, Need.ENCODER),
        spares=True,  # where vectors tell the place no image has to
        explains=(
            "critic_ignores_pixels",
            "actor_ignores_pixels",
            "trained_reads_worse",
            "content_missing",
            "camera_too_coarse",
        ),
    ),
)
