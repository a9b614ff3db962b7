"""Part of the matrix: every two of its factors' values meet in an agent that is really trained."""

import pytest

from benchmarks.matrix.__main__ import refusal
from benchmarks.matrix.agents import Cell, every_cell, pairwise
from benchmarks.matrix.checking import outcome_of

# Half of the pairs of algorithm and wrapper are left to the script: they would take minutes.
FEW = [cell for number, cell in enumerate(pairwise()) if number % 2 == 0]


@pytest.mark.parametrize("cell", FEW, ids=str)
def test_gradients_are_autograds_and_watching_changes_nothing(cell):
    outcome = outcome_of(cell)
    assert outcome.wrong == []
    assert "sensitivity" in outcome.families


def test_the_script_tries_every_combination():
    cells = every_cell()
    assert len(cells) == len(set(cells)) == 180
    assert Cell("DQN", shared=True, goal=True, wrapper="plain") not in cells


@pytest.mark.parametrize(
    ("name", "words"), [("TRPO", "conjugate gradients"), ("CrossQ", "needs a Dict observation")]
)
def test_what_cannot_be_watched_is_refused_with_the_reason(name, words):
    said = refusal(name)
    assert words in said
    assert "\n" not in said
