"""Success while training, over the last 100 episodes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers.synthetic_runs import BASELINE, write_run

from goalscope.diagnostics.record.metrics import ROLLOUT_EPISODES, ROLLOUT_SUCCESS_RATE
from goalscope.reports.numbers.rollouts import rollout_success
from goalscope.reports.numbers.runs import load_run


def table(values):
    places = np.arange(len(values))
    return pd.DataFrame({"update": places, "step": places * 3, "value": values})


def test_it_is_the_mean_of_the_last_hundred_episodes(tmp_path):
    run = load_run(write_run(tmp_path / "a"))
    rates, counts = [0.0, 1.0, 0.5, 1.0, 1.0], [60.0, 40.0, 20.0, 90.0, 200.0]
    own = {ROLLOUT_SUCCESS_RATE.key(): table(rates), ROLLOUT_EPISODES.key(): table(counts)}
    found = rollout_success(replace(run, metrics={**run.metrics, **own}))["value"].tolist()
    # All there are, until a hundred; then the fewest lines that hold a hundred.
    assert found == pytest.approx([0, 40 / 100, 50 / 120, 100 / 110, 1])


def test_without_a_record_of_it_there_is_none(tmp_path):
    without = replace(BASELINE, without=(ROLLOUT_SUCCESS_RATE.key(),))
    run = load_run(write_run(tmp_path / "a", kind=without))
    assert rollout_success(run) is None
