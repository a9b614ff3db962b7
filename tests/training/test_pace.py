"""The time left: from the recent speed, warm-up and the dense start left out."""

from types import SimpleNamespace

import pytest

from goalscope.training.runs import progress
from goalscope.training.runs.pace import Pace, duration
from goalscope.training.runs.progress import ProgressCallback


def test_the_speed_is_that_of_the_last_minute():
    pace = Pace(10_000)
    for second in range(100):
        pace.see(second, 10 * second)
    assert pace.speed == pytest.approx(10)
    for second in range(100, 200):
        pace.see(second, 1_000 + 2 * (second - 100))
    assert pace.speed == pytest.approx(2)
    assert pace.left == pytest.approx((10_000 - 1_198) / 2)


def test_counts_that_come_more_rarely_than_a_minute_still_have_a_speed():
    pace = Pace(1_000)
    pace.see(0, 0)
    pace.see(5, 0)  # nothing new
    assert pace.speed is None
    assert pace.left is None
    for number in range(1, 4):
        pace.see(100 * number, 50 * number)
    assert pace.speed == pytest.approx(0.5)


def test_more_than_asked_for_leaves_nothing():
    pace = Pace(10)
    pace.see(0, 9)
    pace.see(2, 12)
    assert pace.left == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59.6, "1 min 00 s"),
        (320, "5 min 20 s"),
        (3_599.7, "1 h 00 min"),
        (7_800, "2 h 10 min"),
        (87 * 3_600, "3 d 15 h"),
    ],
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


def run(monkeypatch, updates_at_start: int = 0, seconds_of=lambda step, updates: 0.5):
    """Return what a run of 1,000 steps shows, a step at a time, under a clock of its own."""
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    shown = ProgressCallback(1_000)
    model = SimpleNamespace(_n_updates=updates_at_start, ep_success_buffer=[])
    shown.model = model
    shown._on_training_start()
    for step in range(1, 1_001):
        clock[0] += seconds_of(step, model._n_updates)
        shown.num_timesteps = step
        shown._on_step()
        yield step, shown._line()
        if step >= 100:
            model._n_updates += 1


def test_fast_steps_before_the_first_update_say_nothing_of_the_rest(monkeypatch):
    def seconds(step: int, updates: int) -> float:
        return 0.01 if step <= 100 else 5.0 if updates <= 10 else 0.5

    for step, line in run(monkeypatch, seconds_of=seconds):
        if step <= 111:
            assert "left" not in line
        elif step > 115:
            assert "2.0 steps/s" in line
    assert "0 s left" in line


def test_a_run_that_goes_on_and_gathers_anew_is_warming_up_again(monkeypatch):
    said = [line for _, line in run(monkeypatch, updates_at_start=500)]
    assert not any("left" in line for line in said[:100])
    assert "left" in said[120]
