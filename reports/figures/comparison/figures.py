"""The figures of a comparison: a colour for each arm, every seed drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from goalscope.reports.claims.assessment import Assessment
from goalscope.reports.figures.comparison.answer import answer_plot
from goalscope.reports.figures.comparison.arms import arms_plot
from goalscope.reports.figures.comparison.cause import cause_plot
from goalscope.reports.figures.comparison.panels import (
    content_panels,
    gradient_panels,
    input_panels,
    scale_panels,
    sensitivity_panels,
    signal_panels,
    training_panels,
)
from goalscope.reports.figures.comparison.times import times_plot
from goalscope.reports.figures.curves import (
    Panel,
    curve_rows,
    curves_figure,
    seeds_drawn,
    seeds_in_words,
)
from goalscope.reports.figures.distance import q_distance_plot
from goalscope.reports.figures.plot import REST, Plot
from goalscope.reports.figures.style import ArmStyles, arm_styles
from goalscope.reports.figures.success import success_plot
from goalscope.reports.numbers.rollouts import EPISODES
from goalscope.reports.numbers.runs import Arms, observe_goals
from goalscope.reports.numbers.windows import Axis

_MOST_ARMS = 4  # beside the baseline: more lines and labels cannot be told apart


def comparison_plots(arms: Arms, assessment: Assessment, *, by_step: bool) -> list[Plot]:
    """Return the figures for which the arms have measurements, in reading order.

    Of many arms, those that draw lines come once for every four arms, the baseline in each.

    Args:
        arms: arm -> its runs, the baseline first.
        assessment: the claims at the four times.
        by_step: also draw the deciding shares over environment steps.
    """
    goals = observe_goals(arms)
    found = []
    if goals:
        found = [
            answer_plot(arms, assessment.thresholds),
            arms_plot(arms, assessment),
            cause_plot(assessment),
        ]
    groups = _groups(arms)
    for number, group in enumerate(groups, start=1):
        suffix = f"_{number}" if len(groups) > 1 else ""
        which = f" ({number} of {len(groups)})" if len(groups) > 1 else ""
        found += [
            plot and replace(plot, name=plot.name + suffix, title=plot.title + which)
            for plot in (
                _of_group(group, arm_styles(arms), assessment, by_step=by_step)
                if goals
                else _of_inputs(group, arm_styles(arms), by_step=by_step)
            )
        ]
    return [plot for plot in found if plot is not None]


def _groups(arms: Arms) -> list[Arms]:
    """Return the arms in groups that a figure can show, the baseline first in each."""
    baseline, *others = arms
    if len(others) <= _MOST_ARMS:
        return [arms]
    return [
        {arm: arms[arm] for arm in (baseline, *others[start : start + _MOST_ARMS])}
        for start in range(0, len(others), _MOST_ARMS)
    ]


def _of_group(
    arms: Arms, styles: ArmStyles, assessment: Assessment, *, by_step: bool
) -> list[Plot | None]:
    thresholds, family = assessment.thresholds, assessment.study.family
    found = [
        times_plot(replace(assessment, arms=tuple(arms)), styles),
        success_plot(arms, styles, by_update=by_step),
        _over(_SIGNAL, signal_panels(arms, styles, thresholds)),
        _over(_GRADIENTS, gradient_panels(arms, styles, thresholds)),
        _over(_SENSITIVITY, sensitivity_panels(arms, styles, thresholds, family)),
        q_distance_plot(arms, styles, assessment.times, family),
        _over(_SCALES, scale_panels(arms, styles)),
        _over(_CONTENT, content_panels(arms, styles)),
        _over(_TRAINING, training_panels(arms, styles)),
    ]
    if by_step:
        panels = [
            *signal_panels(arms, styles, thresholds),
            *gradient_panels(arms, styles, thresholds)[:2],
        ]
        found.append(_over(_BY_STEP, panels, "step"))
    return found


def _of_inputs(arms: Arms, styles: ArmStyles, *, by_step: bool) -> list[Plot | None]:
    """Return the figures of arms without goals."""
    return [
        success_plot(arms, styles, by_update=by_step),
        _over(_INPUTS, input_panels(arms, styles)),
        _over(_TRAINING, training_panels(arms, styles)),
    ]


@dataclass(frozen=True)
class _Subject:
    """What panels are about: the words of their figure, and where it stands on the page."""

    name: str
    title: str
    caption: str
    section: str = REST
    shows: tuple[str, ...] = ()


_SIGNAL = _Subject(
    "forward_signal",
    "Forward signal: the goal's share of what the first layer hears",
    "Below the upper dashed line the image features outweigh the goal, below the lower one it is "
    "drowned. Percent on a logit axis.",
    "C1",
    ("C1",),
)
_GRADIENTS = _Subject(
    "gradient_shares",
    "Gradients: the goal's share",
    "Below the upper dashed line the image features outweigh the goal, below the lower one it is "
    "drowned. The weight gradient, which decides nothing, is a plain norm: under equal noise it "
    "would show the goal's share of the dimensions. The lines labelled so have their arm's colour, "
    "grey where arms share one.",
    "C2",
    ("C2",),
)
_SENSITIVITY = _Subject(
    "goal_sensitivity",
    "Goal sensitivity",
    "Change of Q, and of the action, when the goal is exchanged; and whether Q follows closeness "
    "to the goal. Below the dashed lines a network is goal-insensitive.",
    "C4",
    ("C4", "R12"),
)
_SCALES = _Subject(
    "scales",
    "Scale of the features and size of the steps",
    "The plan's literal claim is the norm: image over goal, above 1 where the image block is "
    "longer. Beside it the steps the optimiser really took on the goal's weights over those on "
    "the image's: above 1 the goal's weights change faster.",
    "C1",
    ("C1",),
)
_CONTENT = _Subject(
    "content",
    "What the image features know, and what Q and the action owe to them",
    "From the probes of the checkpoints: the position read from the critic's image features, by "
    "ridge regression on held-out episodes, against the task's tolerance; how much better than a "
    "fresh encoder's; the Shapley share of the goal in Q and in the action.",
    "C3",
    ("C3", "R2", "R8"),
)
_INPUTS = _Subject(
    "inputs",
    "Sensitivity: which input is used?",
    "Change of Q, and of the action, when one input is exchanged between observations: an input "
    "near 0 is not listened to.",
    shows=("R8",),
)
_TRAINING = _Subject(
    "training",
    "Training state",
    f"Success of the last {EPISODES} training episodes; a critic whose Q does not spread has "
    "learnt a constant, however low its loss.",
    shows=("R7", "R11"),
)
_BY_STEP = _Subject(
    "by_step",
    "The same by environment steps",
    "The arms make other numbers of updates per step; here they are laid over each other by step, "
    "in the figures above by update.",
)


def _over(subject: _Subject, panels: Sequence[Panel], axis: Axis = "update") -> Plot | None:
    """Return a figure of the panels that have a line, over updates or steps; None without one."""
    plotted = [panel for panel in panels if panel.curves]
    if not plotted:
        return None
    return Plot(
        subject.name,
        subject.title,
        f"{_seeds(plotted)} {subject.caption}",
        lambda: curves_figure(plotted, axis=axis),
        lambda: curve_rows(plotted),
        subject.section,
        subject.shows,
    )


def _seeds(panels: Sequence[Panel]) -> str:
    """Return how many seeds of each arm the panels draw."""
    counts = seeds_drawn(panels)
    fewer = any(len(c.tables) < counts[c.label] for panel in panels for c in panel.curves)
    missing = "; fewer where runs lack the number" if fewer else ""
    return f"{seeds_in_words(counts)}{missing}."
