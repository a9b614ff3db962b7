"""Colours, dashes, fonts and width that all figures share.

The palette is the one that seaborn calls "colorblind"; every line also has dashes of its own, so
that a page printed in grey stays readable. Nothing here touches matplotlib's global state.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

Dash = Any  # matplotlib's own type of line styles: a name or (offset, lengths)
ArmStyles = Mapping[str, tuple[str, Dash]]  # arm -> its colour and dashes, all over a page
PALETTE = (
    *("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc"),
    *("#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9"),
)
DASHES: tuple[Dash, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1.5, 1.5)))
GREY = "#5f6368"
# Of arms but the baseline, whose blue none of them has: the palette's, then darker ones. Grey
# is for what is no arm, yellow too pale for a label, red says on a page what does harm.
_ARMS = (
    *(PALETTE[place] for place in (1, 2, 4, 3, 5, 9, 6)),
    *("#1b3a57", "#6f7d1c", "#6a3d9a", "#4d2c00", "#00665e"),
)
PAGE_WIDTH = 7.2  # inches, a page's column
_NARROW = 5.0  # inches; a narrower figure has its panels one below the other
SEED: dict[str, Any] = {"ls": "", "marker": "o", "ms": 3.4, "mec": "white", "mew": 0.4}  # a dot
_BLOCKS = {
    "pixels": (PALETTE[1], DASHES[0]),
    "goal": (PALETTE[0], DASHES[0]),
    "desired_goal": (PALETTE[9], DASHES[1]),
    "achieved_goal": (PALETTE[2], DASHES[2]),
    "action": (PALETTE[7], DASHES[3]),
    "proprioception": (PALETTE[4], DASHES[1]),
    "pixels_raw": (PALETTE[5], DASHES[2]),
}


@contextmanager
def house_style(width: float = PAGE_WIDTH) -> Iterator[None]:
    """Apply the style of all figures, and take it back.

    Args:
        width: of the figures made inside, in inches: text keeps its size, panels give way.
    """
    settings: Any = {
        "figure.figsize": (width, width),
        "font.family": ["DejaVu Sans"],
        "font.size": 8,
        "axes.titlesize": 8.5,
        "axes.labelsize": 8,
        "xtick.labelsize": 7.5,
        "ytick.labelsize": 7.5,
        "axes.titlelocation": "left",
        "axes.titley": 1.0,  # to find out whether something is in the way takes a third of a page
        "legend.fontsize": 8.8,
        "axes.edgecolor": "#9aa0a6",
        "axes.linewidth": 0.8,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#e3e5e8",
        "grid.linewidth": 0.7,
        "lines.linewidth": 1.6,
        "lines.markersize": 4.8,
        "lines.solid_capstyle": "round",
        "patch.edgecolor": "w",
        "patch.force_edgecolor": True,
        "patch.linewidth": 0.8,
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), ".15"),
        # Ticks are not drawn, the grid says where they are; their length keeps labels off the axis.
        **{"xtick.bottom": False, "ytick.left": False},
        **dict.fromkeys(("xtick.major.size", "ytick.major.size"), 4.8),
        **dict.fromkeys(("xtick.minor.size", "ytick.minor.size"), 3.2),
        # Text stays text: a page is smaller, can be searched and read aloud.
        "svg.fonttype": "none",
        "svg.hashsalt": "goalscope",
        "pdf.fonttype": 42,  # publishers refuse matplotlib's own, Type 3
        "path.simplify_threshold": 0.4,  # points; a line's width hides more
        "text.parse_math": False,  # an arm may be called anything
    }
    with matplotlib.rc_context(settings):
        yield


def figure_width() -> float:
    """Return the width of a figure in inches, as the style in force has it."""
    return float(matplotlib.rcParams["figure.figsize"][0])


def panels_abreast(wanted: int) -> int:
    """Return how many panels stand side by side: those wanted, or one where there is no room."""
    return wanted if figure_width() >= _NARROW else 1


def new_figure(height: float, **options: Any) -> Figure:
    """Return an empty figure of the style's width.

    Args:
        height: in inches.
        options: of matplotlib's `Figure`.
    """
    layout = ConstrainedLayoutEngine(h_pad=0.09, w_pad=0.08)  # inches between panels
    return Figure(figsize=(figure_width(), height), **{"layout": layout, **options})


def block_style(block: str, blocks: Sequence[str]) -> tuple[str, Dash]:
    """Return colour and dashes of a block; unknown names take what is left, in their order."""
    if block in _BLOCKS:
        return _BLOCKS[block]
    unknown = [name for name in blocks if name not in _BLOCKS]
    left = [PALETTE[3], "#1b3a57", PALETTE[5], PALETTE[6]]  # yellow is too pale for a label
    index = unknown.index(block) if block in unknown else 0
    return left[index % len(left)], DASHES[index % len(DASHES)]


def arm_styles(arms: Iterable[str]) -> ArmStyles:
    """Return colour and dashes of each arm of a page, by its place among them.

    Args:
        arms: all of the page's, the baseline first: it is always blue and solid.
    """
    baseline, *others = arms
    styles: dict[str, tuple[str, Dash]] = {baseline: (PALETTE[0], DASHES[0])}
    for number, arm in enumerate(others):
        round_, place = divmod(number, len(_ARMS))
        styles[arm] = (_ARMS[place], DASHES[(number + 1 + round_) % len(DASHES)])
    return styles
