"""The four times, and one number per run and window."""

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers.synthetic_runs import BASELINE, write_run

from goalscope.diagnostics.record import Line, RecordWriter, RunInfo
from goalscope.diagnostics.record.metrics import SIGNAL_GRADIENT_SHARE, SIGNAL_SHARE
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.windows import (
    Window,
    four_times,
    four_times_by_step,
    steps_of,
    updates_per_step,
    window_number,
    window_numbers,
)

EARLY = Window("early", 1, 1000)
ENDED = (1000, 0.25)  # a run that did not reach a window's end is left out of it
STATE, GRADIENT = (
    SIGNAL_SHARE.key("critic", "goal"),
    SIGNAL_GRADIENT_SHARE.key("critic_loss", "goal"),
)


def run_of(folder, points, key=STATE):
    """A run with one metric; points: (update, value)."""
    writer = RecordWriter(folder, RunInfo(name=folder.name, arm="a", seed=0))
    for update, value in points:
        writer.write(Line(10 + 2 * update, update, {key: value}))
    writer.close()
    return load_run(folder)


def windows_of(tmp_path, *lengths):
    return four_times(
        [run_of(tmp_path / str(n), [(0, 0.1), (n, 0.1)]) for n in lengths],
    )


def test_a_long_run_has_all_four_times(tmp_path):
    times = windows_of(tmp_path, 40_000, 50_000)
    assert times.windows["early"] == EARLY
    assert times.windows["middle"] == Window("middle", 1001, 35_999)
    assert times.windows["late"] == Window("late", 36_000, 40_000)
    assert not times.late_is_early
    assert times.shortest == "a seed 0"


def test_a_short_run_has_early_end_where_late_begins(tmp_path):
    times = windows_of(tmp_path, 600)
    assert times.windows["early"] == Window("early", 1, 539)
    assert times.windows["middle"] is None
    assert times.windows["late"] == Window("late", 540, 600)
    assert times.late_is_early


@pytest.mark.parametrize("length", [1000, 1050, 1112])
def test_early_and_late_never_overlap(tmp_path, length):
    windows = windows_of(tmp_path, length).windows
    assert windows["early"].last < windows["late"].first
    assert windows["late"].last == length


def test_a_run_of_one_update_has_no_early_and_one_of_none_has_no_late(tmp_path):
    windows = windows_of(tmp_path, 1).windows
    assert windows["early"] is None
    assert windows["late"] == Window("late", 1, 1)
    windows = four_times([run_of(tmp_path / "none", [(0, 0.1)])]).windows
    assert windows["early"] is None
    assert windows["late"] is None


def test_a_run_cut_short_is_left_out_and_blanks_nothing(tmp_path):
    whole = [run_of(tmp_path / str(n), [(0, 0.1), (500, 0.1), (n, 0.1)]) for n in (9_000, 10_000)]
    short = run_of(tmp_path / "short", [(0, 0.3), (500, 0.3)])
    times = four_times([*whole, short])
    assert times.windows["late"] == Window("late", 8_100, 9_000)
    assert times.left_out == {short.title: "early"}
    assert window_number(short, STATE, times.windows["initialisation"]) == 0.3
    assert window_number(short, STATE, times.windows["early"]) is None
    assert four_times([short]).left_out == {}


def test_the_mean_is_weighted_by_updates(tmp_path):
    # dense at the start: a plain mean would say 0.75
    points = [(2000, 1.0), (2001, 1.0), (2002, 1.0), (3000, 0.0)]
    run = run_of(tmp_path / "r", points)
    trapezoid = (1 + 1 + 0.5 * 998) / 1000
    assert window_number(run, STATE, Window("middle", 1001, 3000)) == pytest.approx(trapezoid)


def test_the_early_mean_is_over_the_logarithm_of_updates(tmp_path):
    # 1 up to update 10, then 0: half of the way from 1 to 100
    run = run_of(tmp_path / "r", [(1, 1.0), (10, 1.0), (10, 0.0), (100, 0.0), (1000, 0.0)])
    half = 0.75 * math.log(10) + 0.25 * math.log(10)
    found = window_number(run, STATE, Window("early", 1, 100))
    assert found == pytest.approx(half / math.log(100))


def test_a_constant_is_itself_whatever_the_spacing(tmp_path):
    run = run_of(tmp_path / "r", [(u, 0.25) for u in (1, 2, 7, 50, 51, 1000)])
    assert window_number(run, STATE, EARLY) == pytest.approx(0.25)


def test_a_single_measurement_is_itself_and_repeats_are_averaged(tmp_path):
    start = Window("early", 1, 5)
    assert window_number(run_of(tmp_path / "r", [(5, 0.3)]), STATE, start) == 0.3
    repeated = run_of(tmp_path / "s", [(5, 0.2), (5, 0.4)])
    assert window_number(repeated, STATE, start) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("last", "late"), [(199, None), (200, 0.7), (350, 0.7), (359, 0.7), (360, 0.7)]
)
def test_what_the_last_tenth_did_not_measure_is_its_last_measurement_before(tmp_path, last, late):
    writer = RecordWriter(tmp_path / "r", RunInfo(name="r", arm="a", seed=0))
    for update, values in ((last - 10, {STATE: 0.2}), (last, {STATE: 0.7}), (400, {GRADIENT: 0.5})):
        writer.write(Line(10 + 2 * update, update, values))
    writer.close()
    run = load_run(tmp_path / "r")
    assert window_number(run, STATE, Window("late", 360, 400)) == late
    assert window_number(run, STATE, Window("middle", 360, 400)) == (0.7 if last == 360 else None)
    assert window_number(run, GRADIENT, Window("late", 360, 400)) == 0.5


def test_nothing_measured_is_none_and_nan_is_nan(tmp_path):
    run = run_of(tmp_path / "r", [(0, 0.1), (5, math.nan), (6, 0.2), (2000, 0.5)])
    assert window_number(run, "no/such.key", EARLY) is None
    assert window_number(run, STATE, None) is None
    assert window_number(run, STATE, Window("late", 3000, 4000)) is None
    assert math.isnan(window_number(run, STATE, EARLY))
    infinite = run_of(tmp_path / "s", [(5, math.inf), ENDED])
    assert math.isnan(window_number(infinite, STATE, EARLY))


def test_initialisation_is_update_0_and_for_gradients_update_1(tmp_path):
    start = Window("initialisation", 0, 0)
    points = [(0, 0.7), (1, 0.1), (2, 0.9)]
    assert window_number(run_of(tmp_path / "r", points), STATE, start) == 0.7
    gradients = run_of(tmp_path / "s", points[1:], GRADIENT)
    assert window_number(gradients, GRADIENT, start) == 0.1
    resumed = run_of(tmp_path / "t", [(500, 0.7)])
    assert window_number(resumed, STATE, start) is None


def test_windows_by_step(tmp_path):
    slow = replace(BASELINE, updates=2000, steps_per_update=8)
    runs = [
        load_run(write_run(tmp_path / "a", "a", 0, replace(BASELINE, updates=2000))),
        load_run(write_run(tmp_path / "b", "b", 0, slow)),
    ]
    times = four_times_by_step(runs)
    # the first run makes its 1,000th update at step 1,100, and its last at step 2,100
    assert times.windows["early"] == Window("early", 1, 1100, "step")
    assert times.windows["late"] == Window("late", 1890, 2100, "step")
    by_step = window_number(runs[1], STATE, times.windows["early"])
    table = runs[1].metrics[STATE]
    inside = table[(table["update"] > 0) & (table["step"] <= 1100)]
    steps = np.log(inside["step"].to_numpy())
    spans = np.trapezoid(inside["value"], steps)
    assert by_step == pytest.approx(spans / (steps[-1] - steps[0]))
    assert updates_per_step(runs[0]) == pytest.approx(1)
    assert updates_per_step(runs[1]) == pytest.approx(1 / 8)
    assert steps_of([runs[1]], Window("early", 1, 10)) == "108 to 180"
    assert steps_of([runs[1]], None) == "not reached"


def test_metrics_taken_together_have_the_numbers_they_have_alone(tmp_path):
    diverged = replace(BASELINE, overrides={(STATE, 100): math.nan})
    run = load_run(write_run(tmp_path / "r", kind=diverged))
    keys = [*run.metrics, "no/such.key"]
    for time, window in four_times([run]).windows.items():
        found = window_numbers(run, keys, window)
        alone = [window_number(run, key, window) for key in keys]
        assert list(map(repr, found)) == list(map(repr, alone)), time
