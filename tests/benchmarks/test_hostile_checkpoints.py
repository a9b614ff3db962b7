"""A few hostile checkpoints: each is taken over or refused in one line."""

import pytest
from hypothesis import HealthCheck, given, settings

from benchmarks.chaos.hostile_checkpoints import Trial, inputs


@pytest.mark.parametrize("fast", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_hostile_checkpoint_is_taken_over_or_refused_in_one_line(fast, tmp_path):
    trial = Trial(tmp_path / "run", fast)

    @settings(
        max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(inputs(trial.folder))
    def each(changed):
        assert trial.ask(*changed) is None

    each()
    assert trial.tally.kinds[trial.what]["refused"] > 5
