"""The figures of a run's probes, drawn from its record: goal maps, front, saliency, and curves."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goalscope.reports.figures.drawing import (
    LAYOUT,
    WIDTH,
    Curve,
    Drawing,
    Panel,
    Reference,
    curve_rows,
    curves_figure,
)
from goalscope.reports.figures.run_panels import BLOCK_ORDER, ONE_SEED
from goalscope.reports.figures.style import GREY, PALETTE, block_style
from goalscope.reports.records.tables import Run, parse_key
from goalscope.reports.verdict.statistics import Array, Scale

Arrays = Mapping[int, Mapping[str, Array]]  # step of a checkpoint -> name -> array
_STATES, _CHECKPOINTS = 2, 3
_TOLERANCE = 5.0  # cm, of the Fetch tasks
_SOURCES = {"": "trained", "fresh_": "fresh encoder", "raw_": "raw pixels"}


def probe_drawings(run: Run, arrays: Arrays) -> list[Drawing]:
    """Return the figures for which the probes left something, in reading order."""
    updates = {line.step: line.update for line in run.record.probes}
    shown = _shown([step for step in sorted(arrays) if step in updates])
    found = [
        _map_drawing(arrays, shown, updates),
        _front_drawing(arrays, shown, updates),
        _saliency_drawing(arrays, shown, updates),
        *(_curves(name, words, panels(run)) for name, words, panels in _CURVES),
    ]
    return [drawing for drawing in found if drawing is not None]


def _shown(steps: Sequence[int]) -> list[int]:
    """Return the first checkpoint, the next, and the last."""
    chosen = [*steps[: _CHECKPOINTS - 1], *steps[-1:]]
    return list(dict.fromkeys(chosen))


def _map_drawing(
    arrays: Arrays, steps: Sequence[int], updates: Mapping[int, int]
) -> Drawing | None:
    steps = [step for step in steps if "map.q" in arrays[step]]
    if not steps:
        return None
    return Drawing(
        "probe_goal_map",
        "What Q and the policy make of every goal",
        f"{ONE_SEED}Rows: two states; columns: checkpoints. Colour: Q of the state with each goal "
        "of the grid in place of its own, seen from above (goals at several heights: their mean); "
        "arrows: the action's x and y. Square: gripper; diamond: object; cross: what is achieved. "
        "A critic that knows the goal is brightest at the cross, and a policy that reaches points "
        "from there to the goal.",
        lambda: _draw_maps(arrays, steps, updates),
        lambda: [
            {
                "step": step,
                "update": updates[step],
                "state": int(state),
                "x": float(goal[0]),
                "y": float(goal[1]),
                "z": float(goal[2]),
                "q": float(q),
            }
            for step in steps
            for state in arrays[step]["drawn"][:_STATES]
            for goal, q in zip(
                arrays[step]["map.goals"], arrays[step]["map.q"][int(state)], strict=True
            )
        ],
    )


def _draw_maps(arrays: Arrays, steps: Sequence[int], updates: Mapping[int, int]) -> Figure:
    rows = min(_STATES, len(arrays[steps[0]]["drawn"]))
    figure = Figure(figsize=(WIDTH, 2.35 * rows), layout=LAYOUT)
    grid = figure.subplots(rows, len(steps), squeeze=False, sharex=True, sharey=True)
    for row in range(rows):
        for column, step in enumerate(steps):
            axes = grid[row, column]
            _draw_map(figure, axes, arrays[step], row)
            if row == 0:
                axes.set_title(f"Update {updates[step]:,}")
            if row == rows - 1:
                axes.set_xlabel("x (m)")
        grid[row, 0].set_ylabel("y (m)")
    return figure


def _draw_map(figure: Figure, axes: Axes, found: Mapping[str, Array], row: int) -> None:
    state = int(found["drawn"][row])
    goals, q, actions = found["map.goals"], found["map.q"][state], found["map.actions"][state]
    places, inverse = np.unique(goals[:, :2].round(4), axis=0, return_inverse=True)
    count = np.bincount(inverse)

    def mean(values: Array) -> Array:
        return np.asarray(np.bincount(inverse, weights=values) / count)

    x, y = places.T
    dots = axes.scatter(x, y, c=mean(q), cmap="cividis", s=70, marker="s", linewidths=0)
    bar = figure.colorbar(dots, ax=axes, pad=0.02, aspect=18)
    bar.set_label("Q (return)", fontsize=7)
    bar.ax.tick_params(labelsize=6.5)
    arrows = np.stack([mean(actions[:, i]) for i in range(2)])
    axes.quiver(x, y, *arrows, color="white", scale=14, width=0.009)
    for name, mark in (("gripper", "s"), ("object", "D")):
        if f"truth.{name}" in found:
            axes.plot(
                *found[f"truth.{name}"][row][:2], mark, color=PALETTE[3], ms=6, mfc="none", mew=1.4
            )
    axes.plot(*found["map.achieved"][state][:2], "x", color=PALETTE[3], ms=6, mew=1.6)
    axes.set_aspect("equal", adjustable="box")
    axes.grid(visible=False)


def _front_drawing(
    arrays: Arrays, steps: Sequence[int], updates: Mapping[int, int]
) -> Drawing | None:
    steps = [step for step in steps if "map.q" in arrays[step]]
    if not steps:
        return None
    return Drawing(
        "probe_front",
        "Q over the distance to the goal: the value wavefront",
        f"{ONE_SEED}Each line: Q averaged over states and goals in twelve bins of distance, minus "
        "its mean, at one checkpoint. As values propagate, the fall moves away from the goal; a "
        "flat line is a critic that does not know how far the goal is.",
        lambda: _draw_front(arrays, steps, updates),
        lambda: [
            {"step": step, "update": updates[step], "distance_cm": x, "q": y}
            for step in steps
            for x, y in zip(*_binned(arrays[step]), strict=True)
        ],
    )


def _binned(found: Mapping[str, Array]) -> tuple[list[float], list[float]]:
    distance, q = found["map.distance"].ravel() * 100, found["map.q"].ravel()
    edges = np.linspace(0, distance.max() + 1e-9, 13)
    index = np.digitize(distance, edges) - 1
    filled = [i for i in range(12) if (index == i).any()]
    return (
        [float(distance[index == i].mean()) for i in filled],
        [float(q[index == i].mean()) for i in filled],
    )


def _draw_front(arrays: Arrays, steps: Sequence[int], updates: Mapping[int, int]) -> Figure:
    figure = Figure(figsize=(WIDTH * 0.62, 2.6), layout=LAYOUT)
    axes = figure.subplots()
    for number, step in enumerate(steps):
        x, y = _binned(arrays[step])
        colour = PALETTE[(0, 1, 2)[number % 3]]
        label = f"update {updates[step]:,}"
        axes.plot(x, np.array(y) - np.mean(y), color=colour, marker="o", ms=3, label=label)
    axes.axvline(_TOLERANCE, color=GREY, lw=1, ls=(0, (2, 2)))
    axes.set_xlabel("distance from achieved to goal (cm); dashed: the tolerance")
    axes.set_ylabel("Q minus its mean (return)")
    axes.legend(fontsize=7.5, frameon=False)
    return figure


def _saliency_drawing(
    arrays: Arrays, steps: Sequence[int], updates: Mapping[int, int]
) -> Drawing | None:
    steps = [s for s in (*steps[:1], *steps[-1:]) if "saliency.critic.pixels" in arrays[s]]
    if not steps:
        return None
    return Drawing(
        "probe_saliency",
        "Where Q and the action look",
        f"{ONE_SEED}Real frames (left), and over them how much Q and the action react to each "
        "pixel (absolute gradient, each picture on its own scale, bright is much), at the first "
        "and the last checkpoint. Light on the robot or the object is a reason; a haze is none.",
        lambda: _draw_saliency(arrays, list(dict.fromkeys(steps)), updates),
    )


def _draw_saliency(arrays: Arrays, steps: Sequence[int], updates: Mapping[int, int]) -> Figure:
    rows = min(3, len(arrays[steps[0]]["shown.pixels"]))
    columns = [(step, network) for step in steps for network in ("critic", "actor")]
    figure = Figure(figsize=(WIDTH, 1.5 * rows + 0.4), layout=LAYOUT)
    grid = figure.subplots(rows, 1 + len(columns), squeeze=False)
    for row in range(rows):
        frame = arrays[steps[0]]["shown.pixels"][row][-3:].transpose(1, 2, 0)
        grid[row, 0].imshow(frame, interpolation="nearest")
        for column, (step, network) in enumerate(columns, start=1):
            saliency = arrays[step][f"saliency.{network}.pixels"][row]
            grid[row, column].imshow(frame.mean(axis=2), cmap="gray", interpolation="nearest")
            grid[row, column].imshow(saliency, cmap="inferno", alpha=0.65, interpolation="nearest")
            if row == 0:
                what = "Q" if network == "critic" else "action"
                grid[row, column].set_title(f"{what}, update {updates[step]:,}", fontsize=8)
    grid[0, 0].set_title("frame", fontsize=8)
    for axes in grid.flat:
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def _curves(name: str, words: tuple[str, str], panels: Sequence[Panel]) -> Drawing | None:
    drawn = [panel for panel in panels if panel.curves]
    if not drawn:
        return None
    title, caption = words
    return Drawing(
        name, title, ONE_SEED + caption, lambda: curves_figure(drawn), lambda: curve_rows(drawn)
    )


def _attribution(run: Run) -> list[Panel]:
    panels = []
    for network, name, title in (
        ("critic", "shapley_share", "Q: Shapley share"),
        ("actor", "shapley_share", "action: Shapley share"),
        ("critic", "integrated_gradient_share", "Q: integrated gradients"),
    ):
        keys = {
            part.block: key
            for key in run.metrics
            if (part := parse_key(key)).family == "attribution"
            and (part.network, part.name) == (network, name)
        }
        order = {block: place for place, block in enumerate(BLOCK_ORDER)}
        blocks = sorted(keys, key=lambda block: order.get(block, len(order)))
        curves = [
            Curve(block, [run.metrics[keys[block]]], *block_style(block, blocks))
            for block in blocks
        ]
        panels.append(Panel(title, "share", curves, Scale.PLAIN, include=[0.0, 1.0]))
    return panels


def _content(run: Run) -> list[Panel]:
    image = run.image_block()
    panels = []
    for target in ("gripper", "object", "desired_goal"):
        keys = {
            label: f"content/critic.{image}.{prefix}{target}_cm"
            for prefix, label in _SOURCES.items()
        }
        curves = [
            Curve(label, [run.metrics[key]], PALETTE[(0, 1, 2)[number]])
            for number, (label, key) in enumerate(keys.items())
            if key in run.metrics
        ]
        line = [Reference(_TOLERANCE, f"{_TOLERANCE:g} cm")]
        panels.append(
            Panel(
                f"{target.replace('_', ' ')} read from the image",
                "error (cm)",
                curves,
                Scale.LOG,
                line,
            )
        )
    return panels


def _rest(run: Run) -> list[Panel]:
    groups = (
        (
            "next achieved goal, predicted",
            "R²",
            Scale.PLAIN,
            "prediction/critic.features.next_goal",
            {
                "_r2": "features",
                "_with_previous_r2": "+ previous",
                "_with_proprioception_r2": "+ gripper",
            },
        ),
        (
            "augmentation over signal",
            "ratio",
            Scale.LOG,
            f"augmentation/critic.{run.image_block()}.",
            {
                "augmentation_over_signal": "trained with",
                "would_be_augmentation_over_signal": "would be",
            },
        ),
        (
            "does the action point to the goal?",
            "cosine",
            Scale.PLAIN,
            "goal_map/actor.goal.",
            {"action_alignment": "alignment"},
        ),
        (
            "how far the value has spread",
            "front (m)",
            Scale.PLAIN,
            "goal_map/critic.goal.",
            {"front": "front"},
        ),
    )
    panels = []
    for title, unit, scale, start, names in groups:
        curves = [
            Curve(label, [run.metrics[start + name]], PALETTE[(0, 1, 2)[number]])
            for number, (name, label) in enumerate(names.items())
            if start + name in run.metrics
        ]
        references = [Reference(1.0, "as loud")] if scale is Scale.LOG else []
        panels.append(Panel(title, unit, curves, scale, references))
    return panels


_CURVES = (
    (
        "probe_attribution",
        (
            "What Q and the action owe to each block",
            "Exact Shapley values over blocks, and integrated gradients from the fused features; "
            "shares of their mean magnitudes over the probe set.",
        ),
        _attribution,
    ),
    (
        "probe_content",
        (
            "What the critic's image features know",
            "Error of a ridge read-out on held-out episodes, beside a fresh encoder's and raw "
            "pixels' averaged to 12 x 12. Dashed: the task's tolerance. A desired goal that can "
            "be read is the marker in the image, which relabelling does not move.",
        ),
        _content,
    ),
    (
        "probe_rest",
        (
            "Prediction, augmentation, direction and front",
            "How well features and action tell the next achieved goal, and what more would add; "
            "how loud the random shift is in the features; whether actions point from the "
            "achieved to the desired goal; the distance at which Q has fallen half-way.",
        ),
        _rest,
    ),
)
