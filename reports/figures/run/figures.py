"""All figures of one run, and those of its behaviour: sensitivity, relabelling, training."""

from goalscope.diagnostics.record.keys import ACTOR, CRITIC, GOAL, Family, Metric
from goalscope.diagnostics.record.metrics import (
    ACTION_GOAL_SWAP,
    ACTION_SWAP,
    ENTROPY_COEFFICIENT,
    LOSS,
    Q_GOAL_DISTANCE,
    Q_GOAL_SWAP,
    Q_REACH_CONTRAST,
    Q_SPREAD,
    Q_SWAP,
    REPLAY_Q,
    REPLAY_REWARD,
    REPLAY_TD_ERROR,
    TARGET_SPREAD,
    UNMOVED_FRACTION,
)
from goalscope.reports.figures.ablation import ablation_plot
from goalscope.reports.figures.curves import Curve, Panel, Reference
from goalscope.reports.figures.distance import q_distance_plot
from goalscope.reports.figures.plot import Plot
from goalscope.reports.figures.run.balance import (
    directions_plot,
    features_plot,
    gradient_shares_plot,
    gradient_sizes_plot,
    signal_plot,
)
from goalscope.reports.figures.run.panels import ONE_SEED, figure_of, panel_of, panel_of_keys
from goalscope.reports.figures.style import arm_styles, block_style
from goalscope.reports.figures.success import success_plot
from goalscope.reports.numbers.rollouts import EPISODES, rollout_success
from goalscope.reports.numbers.runs import DESIRED_GOAL, Run
from goalscope.reports.numbers.windows import Times
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.thresholds import Thresholds


def run_plots(run: Run, times: Times, thresholds: Thresholds, family: Family | None) -> list[Plot]:
    """Return the figures for which the run has measurements, in reading order.

    Args:
        run: the run.
        times: its windows.
        thresholds: the thresholds, drawn as dashed lines.
        family: record family of goal sensitivity, None if it was not measured.
    """
    alone = {run.arm: [run]}
    found = [
        success_plot(alone, arm_styles(alone), by_update=False),
        ablation_plot(run),
        signal_plot(run, thresholds),
        gradient_shares_plot(run, thresholds),
        _sensitivity(run, thresholds, family),
        q_distance_plot(alone, arm_styles(alone), times, family),
        gradient_sizes_plot(run),
        features_plot(run),
        directions_plot(run),
        _replay(run),
        _training(run),
    ]
    return [plot for plot in found if plot is not None]


def _inputs(run: Run) -> Plot | None:
    """Return how far each input of an agent without goals moves what its networks answer."""
    return figure_of(
        "input_sensitivity",
        "Sensitivity: which input is used?",
        f"{ONE_SEED}Change of Q, and of the action, when one block is exchanged between fixed "
        "observations: a block near 0 is not listened to.",
        [
            panel_of(run, Q_SWAP, CRITIC, "Q, one block exchanged", "std of Q", Scale.LOG),
            panel_of(
                run, ACTION_SWAP, ACTOR, "action, one block exchanged", "of its range", Scale.LOG
            ),
        ],
    )


def _sensitivity(run: Run, thresholds: Thresholds, family: Family | None) -> Plot | None:
    if run.observes_goal() is False:
        return _inputs(run)
    if family is None:
        return None
    panels = [
        panel_of_keys(
            run,
            {DESIRED_GOAL: Q_GOAL_SWAP.within(family).key()} | _others(run, Q_SWAP, CRITIC, family),
            "Q, one block exchanged",
            "std of Q",
            Scale.LOG,
            [Reference(thresholds.q_goal_swap, f"C4: {thresholds.q_goal_swap:g}")],
        ),
        panel_of_keys(
            run,
            {DESIRED_GOAL: ACTION_GOAL_SWAP.within(family).key()}
            | _others(run, ACTION_SWAP, ACTOR, family),
            "action, one block exchanged",
            "action ranges",
            Scale.LOG,
            [Reference(thresholds.action_goal_swap, f"C4: {thresholds.action_goal_swap:g}")],
        ),
        panel_of_keys(
            run,
            {"goal": Q_GOAL_DISTANCE.within(family).key()},
            "does Q follow closeness?",
            "rank correlation",
            references=[
                Reference(thresholds.q_goal_distance, f"C4: {thresholds.q_goal_distance:g}")
            ],
        ),
        panel_of_keys(
            run,
            {"goal": Q_REACH_CONTRAST.within(family).key()},
            "Q of a reached goal over a far one",
            "units of return",
        ),
    ]
    where = "fixed probe set" if family is Family.SENSITIVITY else "replay batch (no probe set)"
    return figure_of(
        "goal_sensitivity",
        "Goal sensitivity: who reacts to the goal?",
        f"{ONE_SEED}Measured on the {where}. Change of Q, and of the action, when one block is "
        "exchanged between observations: a block near 0 is not listened to. Below the dashed lines "
        "the claim calls a network goal-insensitive.",
        panels,
    )


def _others(run: Run, metric: Metric, owner: str, family: Family) -> dict[str, str]:
    """Return block -> key of those that are exchanged one by one, besides the goal."""
    found = metric.within(family).by_block(run.metrics, owner)
    return {block: key for block, key in found.items() if block not in (DESIRED_GOAL, GOAL)}


def _replay(run: Run) -> Plot | None:
    panels = [
        panel_of_keys(
            run,
            {kind: metric.key(block=kind) for kind in ("real", "relabelled")},
            title,
            unit,
        )
        for metric, title, unit in (
            (REPLAY_Q, "Q", "units of return"),
            (REPLAY_TD_ERROR, "TD error", "RMS, units of return"),
            (REPLAY_REWARD, "mean reward", "reward"),
        )
    ]
    panels.append(
        panel_of_keys(
            run,
            {"never moved": UNMOVED_FRACTION.key()},
            "object never moved",
            "fraction of relabelled",
            rate=True,
        )
    )
    return figure_of(
        "relabelling",
        "Real against relabelled transitions",
        f"{ONE_SEED}On a replay batch. Where relabelled transitions earn no more than real ones, "
        "hindsight teaches nothing; nor where the object never moved in the episode.",
        panels,
    )


def _training(run: Run) -> Plot | None:
    rolled = rollout_success(run)
    return figure_of(
        "training",
        "Training state",
        f"{ONE_SEED}Success of the last {EPISODES} training episodes. A critic whose Q and "
        "targets do not spread has learnt a constant, however low its loss.",
        [
            Panel(
                f"success of {EPISODES} episodes",
                "of episodes",
                [] if rolled is None else [Curve("success", [rolled], *block_style("success", []))],
                rate=True,
            ),
            panel_of_keys(
                run,
                {network: LOSS.key(network) for network in (CRITIC, ACTOR)},
                "losses",
                "loss",
            ),
            panel_of_keys(
                run,
                {"Q": Q_SPREAD.key(), "targets": TARGET_SPREAD.key()},
                "spread over a batch",
                "units of return",
                Scale.LOG,
            ),
            panel_of_keys(
                run,
                {"coefficient": ENTROPY_COEFFICIENT.key()},
                "entropy coefficient",
                "reward units",
                Scale.LOG,
            ),
        ],
    )
