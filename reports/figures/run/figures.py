"""All figures of one run, and those of its behaviour: sensitivity, relabelling, training."""

from goalscope.reports.figures.distance import q_distance_drawing
from goalscope.reports.figures.drawing import Drawing, Reference
from goalscope.reports.figures.run.balance import (
    directions_drawing,
    features_drawing,
    gradient_shares_drawing,
    gradient_sizes_drawing,
    signal_drawing,
)
from goalscope.reports.figures.run.panels import ONE_SEED, figure_of, panel_of_keys
from goalscope.reports.figures.success import success_drawing
from goalscope.reports.numbers.tables import Run
from goalscope.reports.numbers.windows import Times
from goalscope.reports.statistics.intervals import Scale
from goalscope.reports.statistics.thresholds import Thresholds


def run_drawings(
    run: Run, times: Times, thresholds: Thresholds, family: str | None
) -> list[Drawing]:
    """Return the figures for which the run has measurements, in reading order.

    Args:
        run: the run.
        times: its windows.
        thresholds: the thresholds, drawn as dashed lines.
        family: record family of goal sensitivity, None if it was not measured.
    """
    found = [
        success_drawing({run.arm: [run]}, by_update=False),
        signal_drawing(run, thresholds),
        gradient_shares_drawing(run, thresholds),
        _sensitivity(run, thresholds, family),
        q_distance_drawing({run.arm: [run]}, times, family),
        gradient_sizes_drawing(run),
        features_drawing(run),
        directions_drawing(run),
        _replay(run),
        _training(run),
    ]
    return [drawing for drawing in found if drawing is not None]


def _sensitivity(run: Run, thresholds: Thresholds, family: str | None) -> Drawing | None:
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
            [Reference(thresholds.q_goal_swap, f"C4: {thresholds.q_goal_swap:g}")],
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
            references=[
                Reference(thresholds.q_goal_distance, f"C4: {thresholds.q_goal_distance:g}")
            ],
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
        f"{ONE_SEED}Measured on the {where}. Change of Q, and of the action, when one block is "
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
        f"{ONE_SEED}On a replay batch. Where relabelled transitions earn no more than real ones, "
        "hindsight teaches nothing; nor where the object never moved in the episode.",
        panels,
    )


def _training(run: Run) -> Drawing | None:
    return figure_of(
        "training",
        "Training state",
        f"{ONE_SEED}Success of the episodes since the last measurement. A critic whose Q and "
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
