"""Labels beside their lines: apart, and broken where they are long."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goalscope.reports.figures.labels import spread, wrap


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_labels_move_apart(heights):
    moved = spread(sorted(heights), [0.075] * len(heights))
    gaps = np.diff(moved)
    assert (gaps > 0.07).all()
    assert len(moved) == len(heights)


def test_a_label_moved_off_the_edge_moves_its_neighbour():
    assert spread([0.0, 0.09375], [0.075] * 2) == pytest.approx([0.0375, 0.1125], abs=1e-3)


def test_long_labels_are_broken():
    assert wrap("pixel-her-drq-norm-lr3e4") == "pixel-her-drq-\nnorm-lr3e4"
    assert wrap("goal") == "goal"
    assert wrap("") == ""
    composed = "pixel-her+lr1e3+gamma95+tau05+explore+fixed-entropy+goal-std+scale3"
    assert wrap(composed) == "pixel-her+lr1e3\n(and 5 more)\n+scale3"
    assert wrap("goal-only+recipe~explore") == "goal-only+recipe\n~explore"
    assert wrap("sac.fetchpush.goal.2026") == "sac.fetchpush.\ngoal.2026"
    assert wrap("pixel-her-scale0.1") == "pixel-her-\nscale0.1"
    assert wrap("x" * 40) == "\n".join(["x" * 17, "x" * 17, "x" * 6])
