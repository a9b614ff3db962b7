"""The figures of one run's balance: forward signal, gradients, features, directions."""

from goalscope.reports.figures.drawing import Drawing, Reference
from goalscope.reports.figures.run.panels import (
    ONE_SEED,
    dimension_share,
    figure_of,
    panel_of,
    panel_of_keys,
)
from goalscope.reports.numbers.tables import Run
from goalscope.reports.statistics.intervals import Scale
from goalscope.reports.statistics.thresholds import Thresholds


def signal_drawing(run: Run, thresholds: Thresholds) -> Drawing | None:
    """Return how much of what each first layer hears is whose; None if not measured."""
    threshold = [Reference(thresholds.goal_share, f"C1: {100 * thresholds.goal_share:g} %")]
    return figure_of(
        "forward_signal",
        "Forward signal: who is heard?",
        f"{ONE_SEED}Each block's share of the variance that reaches the first layer. Goal is "
        "achieved and desired goal together; the claim says it lies below the dashed line. Percent "
        "on a logit axis.",
        [
            panel_of(run, f"signal/{n}", "share", f"{n}", "share of signal", Scale.LOGIT, threshold)
            for n in ("critic", "actor")
        ],
    )


def gradient_shares_drawing(run: Run, thresholds: Thresholds) -> Drawing | None:
    """Return each block's share of each loss's gradient; None if not measured."""
    threshold = Reference(thresholds.goal_share, f"C2: {100 * thresholds.goal_share:g} %")
    panels = []
    for name, words, plain_norm in (
        ("signal_gradient_share", "signal gradient", False),
        ("weight_gradient_share", "weight gradient", True),
    ):
        for network in ("critic", "actor"):
            lines = [threshold, *(_dimension_line(run, network) if plain_norm else [])]
            panels.append(
                panel_of(
                    run,
                    f"gradient/{network}_loss",
                    name,
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
        "a block of equal noise gets its share of the dimensions (second dashed line).",
        panels,
    )


def gradient_sizes_drawing(run: Run) -> Drawing | None:
    """Return the sizes of gradients and steps; None if not measured."""
    panels = []
    for name, words, unit in (
        ("fusion_gradient_per_unit", "gradient per feature", "loss per feature unit"),
        ("update_ratio", "step over weights", "ratio per update"),
        ("update_effect", "change of voice", "pre-activation units"),
    ):
        for network in ("critic", "actor"):
            panels.append(
                panel_of(
                    run,
                    f"gradient/{network}_loss",
                    name,
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


def features_drawing(run: Run) -> Drawing | None:
    """Return the statistics of the fused features; None if not measured."""
    image = run.image_block()
    share = dimension_share(run, "critic", image)
    beside = "" if share is None else f" {image} has {100 * share:.1f} % of the dimensions."
    panels = [
        panel_of(run, "features/critic", "norm", "norm", "mean L2 norm", Scale.LOG),
        panel_of(
            run, "features/critic", "spread", "spread per unit", "standard deviation", Scale.LOG
        ),
        panel_of(run, "features/critic", "effective_rank", "effective rank", "rank", Scale.LOG),
        panel_of_keys(
            run,
            {
                "zeros": f"features/critic.{image}.zero_fraction",
                "dead units": f"features/critic.{image}.dead_units",
                "saturated": f"features/critic.{image}.saturated_fraction",
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


def directions_drawing(run: Run) -> Drawing | None:
    """Return how steadily each gradient points one way; None if not measured."""
    panels = []
    for network in ("critic", "actor"):
        window = run.metrics.get(f"gradient/{network}_loss.direction_window")
        chance = [] if window is None else [Reference(1 / window["value"].max(), "noise: 1/n")]
        panels.append(
            panel_of(
                run,
                f"gradient/{network}_loss",
                "direction_consistency",
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
            {n: f"gradient/{n}_loss.{image}.encoder_update_ratio" for n in ("critic", "actor")},
            f"encoder of {image}: step over weights",
            "ratio per update",
            Scale.LOG,
        )
    )
    panels.append(
        panel_of_keys(
            run,
            {
                n: f"gradient/{n}_loss.{image}.encoder_direction_consistency"
                for n in ("critic", "actor")
            },
            f"encoder of {image}: direction",
            "consistency",
        )
    )
    panels.append(
        panel_of_keys(
            run,
            {"critic and actor": "gradient/encoder.cosine"},
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
    share = dimension_share(run, network, "goal")
    return [] if share is None else [Reference(share, "goal's dimensions", "#56789a")]
