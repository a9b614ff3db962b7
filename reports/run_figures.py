"""The figures of one run: a line for each block."""

from goalscope.reports.distance_figures import q_distance_drawing
from goalscope.reports.drawing import Drawing, Reference
from goalscope.reports.outcomes import Thresholds
from goalscope.reports.run_panels import dimension_share, figure_of, panel_of, panel_of_keys
from goalscope.reports.statistics import Scale
from goalscope.reports.tables import Run
from goalscope.reports.windows import Times

_ONE_SEED = "One run, so one seed. "


def run_drawings(run: Run, times: Times, rules: Thresholds, family: str | None) -> list[Drawing]:
    """Return the figures for which the run has measurements, in reading order.

    Args:
        run: the run.
        times: its windows.
        rules: the thresholds, drawn as dashed lines.
        family: record family of goal sensitivity, None if it was not measured.
    """
    found = [
        _signal(run, rules),
        _gradient_shares(run, rules),
        _sensitivity(run, rules, family),
        q_distance_drawing({run.arm: [run]}, times, family),
        _gradient_sizes(run),
        _features(run),
        _directions(run),
        _replay(run),
        _training(run),
    ]
    return [drawing for drawing in found if drawing is not None]


def _dimension_line(run: Run, network: str) -> list[Reference]:
    share = dimension_share(run, network, "goal")
    return [] if share is None else [Reference(share, "goal's dimensions", "#56789a")]


def _signal(run: Run, rules: Thresholds) -> Drawing | None:
    threshold = [Reference(rules.goal_share, f"C1: {100 * rules.goal_share:g} %")]
    return figure_of(
        "forward_signal",
        "Forward signal: who is heard?",
        f"{_ONE_SEED}Each block's share of the variance that reaches the first layer. Goal is "
        "achieved and desired goal together; the claim says it lies below the dashed line. Percent "
        "on a logit axis.",
        [
            panel_of(run, f"signal/{n}", "share", f"{n}", "share of signal", Scale.LOGIT, threshold)
            for n in ("critic", "actor")
        ],
    )


def _gradient_shares(run: Run, rules: Thresholds) -> Drawing | None:
    threshold = Reference(rules.goal_share, f"C2: {100 * rules.goal_share:g} %")
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
        f"{_ONE_SEED}Each block's share of the real gradient of each loss. Signal gradient: "
        "gradient times what varies between observations. Weight gradient: a plain norm, in which "
        "a block of equal noise gets its share of the dimensions (second dashed line).",
        panels,
    )


def _gradient_sizes(run: Run) -> Drawing | None:
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
        f"{_ONE_SEED}Gradient per feature: RMS over the batch, per unit of the block, so that wide "
        "and narrow blocks can be compared. Step over weights: what the optimiser really applied. "
        "Change of voice: how far that step moved what the first layer hears of the block.",
        panels,
    )


def _features(run: Run) -> Drawing | None:
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
        f"{_ONE_SEED}The norm is the plan's literal claim and grows with the number of features."
        f"{beside} Spread is what varies between observations, per unit. The actor's numbers are "
        "in tables/features.csv.",
        panels,
    )


def _directions(run: Run) -> Drawing | None:
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
        f"{_ONE_SEED}Consistency over the last tracked updates (n of them, at most): 1 is always "
        "the same direction, 1/n is pure noise.",
        panels,
    )


def _sensitivity(run: Run, rules: Thresholds, family: str | None) -> Drawing | None:
    if family is None:
        return None
    panels = [
        panel_of_keys(
            run,
            {
                "desired_goal": f"{family}/critic.desired_goal.q_goal_swap",
                **{b: f"{family}/critic.{b}.q_swap" for b in ("pixels", "achieved_goal", "action")},
            },
            "Q, one block exchanged",
            "std of Q",
            Scale.LOG,
            [Reference(rules.q_goal_swap, f"C4: {rules.q_goal_swap:g}")],
        ),
        panel_of_keys(
            run,
            {
                "desired_goal": f"{family}/actor.desired_goal.action_goal_swap",
                **{b: f"{family}/actor.{b}.action_swap" for b in ("pixels", "achieved_goal")},
            },
            "action, one block exchanged",
            "action ranges",
            Scale.LOG,
        ),
        panel_of_keys(
            run,
            {"goal": f"{family}/critic.goal.q_goal_distance"},
            "does Q follow closeness?",
            "rank correlation",
            references=[Reference(rules.q_goal_distance, f"C4: {rules.q_goal_distance:g}")],
        ),
        panel_of_keys(
            run,
            {"goal": f"{family}/critic.goal.q_reach_contrast"},
            "Q of a reached goal over a far one",
            "units of return",
        ),
    ]
    where = "fixed probe set" if family == "sensitivity" else "replay batch (no probe set)"
    return figure_of(
        "goal_sensitivity",
        "Goal sensitivity: who reacts to the goal?",
        f"{_ONE_SEED}Measured on the {where}. Change of Q, and of the action, when one block is "
        "exchanged between observations: a block near 0 is not listened to. Below the dashed lines "
        "the claim calls the critic deaf.",
        panels,
    )


def _replay(run: Run) -> Drawing | None:
    panels = [
        panel_of_keys(
            run,
            {k: f"sensitivity_replay/critic.{k}.{name}" for k in ("real", "relabelled")},
            title,
            unit,
        )
        for name, title, unit in (
            ("q", "Q", "units of return"),
            ("td_error", "TD error", "RMS, units of return"),
            ("reward", "mean reward", "reward"),
        )
    ]
    panels.append(
        panel_of_keys(
            run,
            {"never moved": "training/relabelled.unmoved_fraction"},
            "object never moved",
            "fraction of relabelled",
            include=[0],
        )
    )
    return figure_of(
        "relabelling",
        "Real against relabelled transitions",
        f"{_ONE_SEED}On a replay batch. Where relabelled transitions earn no more than real ones, "
        "hindsight teaches nothing; nor where the object never moved in the episode.",
        panels,
    )


def _training(run: Run) -> Drawing | None:
    return figure_of(
        "training",
        "Training state",
        f"{_ONE_SEED}Success of the episodes since the last measurement. A critic whose Q and "
        "targets do not spread has learnt a constant, however low its loss.",
        [
            panel_of_keys(
                run,
                {"success": "training/rollout.success_rate"},
                "success",
                "fraction of episodes",
                include=[0],
            ),
            panel_of_keys(
                run,
                {"critic": "training/critic.loss", "actor": "training/actor.loss"},
                "losses",
                "loss",
            ),
            panel_of_keys(
                run,
                {"Q": "training/critic.q_spread", "targets": "training/critic.target_spread"},
                "spread over a batch",
                "units of return",
                Scale.LOG,
            ),
            panel_of_keys(
                run,
                {"coefficient": "training/entropy.coefficient"},
                "entropy coefficient",
                "reward units",
                Scale.LOG,
            ),
        ],
    )
