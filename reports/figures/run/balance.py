"""The figures of one run's balance: forward signal, gradients, features, directions."""

from goalscope.diagnostics.record.keys import ACTOR, CRITIC, GOAL, LOSS_OF
from goalscope.diagnostics.record.metrics import (
    DEAD_UNITS,
    DIRECTION_CONSISTENCY,
    DIRECTION_WINDOW,
    EFFECTIVE_RANK,
    ENCODER_COSINE,
    ENCODER_DIRECTION_CONSISTENCY,
    ENCODER_UPDATE_RATIO,
    FEATURE_NORM,
    FEATURE_SPREAD,
    FUSION_GRADIENT_PER_UNIT,
    SATURATED_FRACTION,
    SIGNAL_GRADIENT_SHARE,
    SIGNAL_SHARE,
    UPDATE_EFFECT,
    UPDATE_RATIO,
    WEIGHT_GRADIENT_SHARE,
    ZERO_FRACTION,
)
from goalscope.reports.figures.curves import Reference
from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.run.panels import (
    ONE_SEED,
    dimension_share,
    figure_of,
    panel_of,
    panel_of_keys,
)
from goalscope.reports.numbers.runs import Run
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds


def _grades(run: Run, thresholds: Thresholds) -> list[Reference]:
    if run.observes_goal() is False:
        return []
    return [
        Reference(thresholds.goal_share, "outweighed"),
        Reference(thresholds.drowned_share, "drowned"),
    ]


def _one_block(run: Run) -> bool:
    """Whether all that the networks observe is one block: its share is always all."""
    return len(run.blocks(CRITIC)) == 1


def signal_plot(run: Run, thresholds: Thresholds) -> Plot | None:
    """Return how much of what each first layer hears is whose; None if not measured, or one's."""
    if _one_block(run):
        return None
    grades = _grades(run, thresholds)
    meaning = (
        "Goal is achieved and desired goal together: below the upper dashed line it is outweighed, "
        "below the lower one drowned. "
    )
    return figure_of(
        "forward_signal",
        "Forward signal: who is heard?",
        f"{ONE_SEED}Each block's share of the signal. "
        f"{meaning if grades else ''}Percent on a logit axis.",
        [
            panel_of(run, SIGNAL_SHARE, n, n, "share of signal", Scale.LOGIT, grades)
            for n in (CRITIC, ACTOR)
        ],
    )


def gradient_shares_plot(run: Run, thresholds: Thresholds) -> Plot | None:
    """Return each block's share of each loss's gradient; None if not measured, or one's."""
    if _one_block(run):
        return None
    grades = _grades(run, thresholds)
    panels = []
    for metric, words, plain_norm in (
        (SIGNAL_GRADIENT_SHARE, "signal gradient", False),
        (WEIGHT_GRADIENT_SHARE, "weight gradient", True),
    ):
        for network, loss in LOSS_OF.items():
            lines = [*grades, *(_dimension_line(run, network) if plain_norm else [])]
            panels.append(
                panel_of(
                    run,
                    metric,
                    loss,
                    f"{words}, {network} loss",
                    "share of gradient",
                    Scale.LOGIT,
                    lines,
                )
            )
    return figure_of(
        "gradient_shares",
        "Gradients: who is learnt from?",
        f"{ONE_SEED}Each block's share of the real gradient of each loss. Signal gradient: "
        "gradient times what varies between observations. Weight gradient: a plain norm, in which "
        "a block of equal noise gets its share of the dimensions (its own dashed line).",
        panels,
    )


def gradient_sizes_plot(run: Run) -> Plot | None:
    """Return the sizes of gradients and steps; None if not measured."""
    panels = []
    for metric, words, unit in (
        (FUSION_GRADIENT_PER_UNIT, "gradient per feature", "loss per feature unit"),
        (UPDATE_RATIO, "step over weights", "ratio per update"),
        (UPDATE_EFFECT, "change of voice", "pre-activation units"),
    ):
        for network, loss in LOSS_OF.items():
            panels.append(
                panel_of(
                    run,
                    metric,
                    loss,
                    f"{words}, {network} loss",
                    unit,
                    Scale.LOG,
                )
            )
    return figure_of(
        "gradient_sizes",
        "Sizes of gradients and of the steps taken",
        f"{ONE_SEED}Gradient per feature: RMS over the batch, per unit of the block, so that wide "
        "and narrow blocks can be compared. Step over weights: what the optimiser really applied. "
        "Change of voice: how far that step moved what the first layer hears of the block.",
        panels,
    )


def features_plot(run: Run) -> Plot | None:
    """Return the statistics of the fused features; None if not measured."""
    image = run.image_block()
    share = dimension_share(run, CRITIC, image)
    beside = "" if share is None else f" {image} has {100 * share:.1f} % of the dimensions."
    panels = [
        panel_of(run, FEATURE_NORM, CRITIC, "norm", "mean L2 norm", Scale.LOG),
        panel_of(run, FEATURE_SPREAD, CRITIC, "spread per unit", "standard deviation", Scale.LOG),
        panel_of(run, EFFECTIVE_RANK, CRITIC, "effective rank", "rank", Scale.LOG),
        panel_of_keys(
            run,
            {
                "zeros": ZERO_FRACTION.key(CRITIC, image),
                "dead units": DEAD_UNITS.key(CRITIC, image),
                "saturated": SATURATED_FRACTION.key(CRITIC, image),
            },
            f"health of {image}",
            "fraction",
        ),
    ]
    return figure_of(
        "features",
        "Fused features of the critic",
        f"{ONE_SEED}The norm is the plan's literal claim and grows with the number of features."
        f"{beside} Spread is what varies between observations, per unit. The actor's numbers are "
        "in tables/features.csv.",
        panels,
    )


def directions_plot(run: Run) -> Plot | None:
    """Return how steadily each gradient points one way; None if not measured."""
    panels = []
    for network, loss in LOSS_OF.items():
        window = run.metrics.get(DIRECTION_WINDOW.key(loss))
        chance = [] if window is None else [Reference(1 / window["value"].max(), "noise: 1/n")]
        panels.append(
            panel_of(
                run,
                DIRECTION_CONSISTENCY,
                loss,
                f"direction, {network} loss",
                "consistency",
                Scale.PLAIN,
                chance,
            )
        )
    image = run.image_block()
    panels.append(
        panel_of_keys(
            run,
            {n: ENCODER_UPDATE_RATIO.key(loss, image) for n, loss in LOSS_OF.items()},
            f"encoder of {image}: step over weights",
            "ratio per update",
            Scale.LOG,
        )
    )
    panels.append(
        panel_of_keys(
            run,
            {n: ENCODER_DIRECTION_CONSISTENCY.key(loss, image) for n, loss in LOSS_OF.items()},
            f"encoder of {image}: direction",
            "consistency",
        )
    )
    panels.append(
        panel_of_keys(
            run,
            {"critic and actor": ENCODER_COSINE.key()},
            "shared encoder: do the gradients agree?",
            "cosine",
        )
    )
    return figure_of(
        "directions",
        "Direction of the gradients, and the encoder's steps",
        f"{ONE_SEED}Consistency over the last tracked updates (n of them, at most): 1 is always "
        "the same direction, 1/n is pure noise.",
        panels,
    )


def _dimension_line(run: Run, network: str) -> list[Reference]:
    share = dimension_share(run, network, GOAL)
    return [] if share is None else [Reference(share, "goal's dimensions", "#56789a")]
