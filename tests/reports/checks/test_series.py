"""When a number speaks and goes on speaking."""

import math

import numpy as np
import pandas as pd
import pytest
from helpers.planted import table
from helpers.synthetic_runs import write_run

from goalscope.reports.checks.series import Series, Spell, find_spell, series_of, together
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.windows import four_times, window_number


def table_series(rows: pd.DataFrame) -> Series:
    return series_of(rows["update"].to_numpy(), rows["value"].to_numpy(dtype=float))


def spell(values, updates=1_000, **options):
    return find_spell(table_series(table(values)), lambda v: v > 0.5, updates=updates, **options)


def test_it_speaks_from_its_first_update_on():
    found = spell([(0, 0), (100, 0.6), (200, 0.7), (300, 0.9)])
    assert found == Spell(100, None, 0.6, 0.9)


def test_a_spell_in_mid_training_is_found_with_its_end():
    found = spell([(0, 0), (100, 1), (200, 1), (300, 2), (400, 0), (1_000, 0)])
    assert found == Spell(100, 300, 1, 2)


def test_one_that_passes_sooner_than_a_tenth_of_the_run_is_none():
    values = [(0, 0), (100, 1), (200, 1), (300, 1), (400, 0), (5_000, 0)]
    assert spell(values, updates=5_000) is None
    assert spell(values, updates=2_000) is not None


@pytest.mark.parametrize(
    "values",
    [
        [(0, 0), (500, 1), (1_000, 1)],  # two measurements
        [(0, 0), (901, 1), (940, 1), (960, 1), (1_000, 1)],  # within 99 updates
        [(0, 0), (500, 1), (600, 0), (900, 1), (1_000, 1)],  # not in a row
        [(0, 1), (1, 1), (2, 1), (3, 1), (1_000, 0)],  # the first moments
    ],
)
def test_chance_does_not_speak(values):
    assert spell(values) is None


def test_one_measurement_is_enough_where_there_is_only_one():
    assert spell([(0, 1)], patient=False) == Spell(0, None, 1, 1, from_first=True)


def test_of_several_the_one_that_lasts_to_the_end():
    early = [(0, 1), (100, 1), (600, 1), (700, 0)]
    late = [(800, 1), (900, 1), (1_000, 1)]
    assert spell([*early, *late]).since == 800
    assert spell(early).until == 600
    assert spell(early, to_the_end=True) is None


def test_nan_neither_speaks_nor_interrupts():
    found = spell([(0, 0), (100, 1), (200, math.nan), (300, 1), (400, 1)])
    assert found == Spell(100, None, 1, 1)


def test_several_measurements_at_one_update_count_as_their_mean():
    series = table_series(table([(5, 1), (5, 3), (1, 0)]))
    assert series.updates.tolist() == [1, 5]
    assert series.values.tolist() == [0, 2]


def test_numbers_are_put_together_where_all_were_measured():
    first, second = (table_series(table(v)) for v in ([(0, 6), (5, 8)], [(5, 2), (9, 1)]))
    found = together([first, second], lambda values: values[0] / values[1])
    assert (found.updates.tolist(), found.values.tolist()) == ([5], [4])
    assert together([first, None], np.sum) is None
    zero = table_series(table([(5, 0)]))
    assert not len(together([first, zero], lambda values: values[0] / values[1]).finite().updates)


def test_its_mean_in_a_window_is_that_of_the_metric(tmp_path):
    run = load_run(write_run(tmp_path / "a"))
    for key in ("signal/critic.goal.share", "gradient/critic_loss.goal.weight_gradient"):
        reached = [window for window in four_times([run]).windows.values() if window is not None]
        assert len(reached) >= 3
        for window in reached:
            assert table_series(run.metrics[key]).mean(window) == window_number(run, key, window)
