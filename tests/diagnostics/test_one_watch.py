"""A callback is one agent's, a training has one of a kind, and a record one process that writes."""

import subprocess
import sys

import pytest

from goalscope.diagnostics import (
    FeatureStatistics,
    GoalSensitivity,
    GradientBalance,
    ModalityDiagnostics,
)
from goalscope.diagnostics.record import (
    MEASUREMENTS_FILE,
    Line,
    RecordError,
    RecordWriter,
    RunInfo,
    read_run,
)

LINE = Line(1, 1, {"signal/critic.goal.share": 0.5})
HOLDS = """
import fcntl, sys
file = open(sys.argv[1])
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_callback_that_watched_another_agent_is_refused(make_agent, tmp_path):
    watch = ModalityDiagnostics(tmp_path / "run", sensitivity_every=None)
    first = make_agent()
    first.learn(65, callback=watch)
    record = (tmp_path / "run" / MEASUREMENTS_FILE).read_bytes()
    with pytest.raises(RecordError, match="has watched another agent"):
        make_agent().learn(65, callback=watch)
    assert (tmp_path / "run" / MEASUREMENTS_FILE).read_bytes() == record
    first.learn(5, callback=watch, reset_num_timesteps=False)  # its own agent goes on
    assert read_run(tmp_path / "run").end.update == 10


def test_two_callbacks_of_one_class_are_refused(make_agent, tmp_path):
    both = [GradientBalance(tmp_path / "a"), GradientBalance(tmp_path / "b")]
    with pytest.raises(RecordError, match="GradientBalance and GradientBalance would watch"):
        make_agent().learn(65, callback=both)
    assert not list(tmp_path.iterdir())


def test_callbacks_side_by_side_read_what_each_reads_alone(make_agent, tmp_path):
    kinds = (FeatureStatistics, GradientBalance, GoalSensitivity)
    for kind in kinds:
        make_agent().learn(70, callback=kind(tmp_path / "alone" / kind.__name__))
    together = [kind(tmp_path / "together" / kind.__name__) for kind in kinds]
    make_agent().learn(70, callback=together)
    for kind in kinds:
        alone, beside = (
            {
                (line.update, key): value
                for line in read_run(tmp_path / where / kind.__name__).measurements
                for key, value in line.values.items()
                if "per_second" not in key
            }
            for where in ("alone", "together")
        )
        assert beside == pytest.approx(alone, nan_ok=True, rel=0, abs=0)


def test_a_record_that_another_process_writes_is_refused_until_it_ends(tmp_path):
    RecordWriter(tmp_path, RunInfo()).write(LINE)
    path = tmp_path / MEASUREMENTS_FILE
    command = [sys.executable, "-c", HOLDS, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RecordError, match="another process writes to"):
            RecordWriter(tmp_path, None)
        other.stdin.close()
    assert RecordWriter(tmp_path, None).lines == 1


def test_in_one_process_the_writer_made_last_writes(tmp_path):
    earlier = RecordWriter(tmp_path, RunInfo())
    earlier.write(LINE)
    later = RecordWriter(tmp_path, None)
    with pytest.raises(OSError, match="another callback"):
        earlier.write(LINE)
    later.write(LINE)
    assert len(read_run(tmp_path).lines) == 2
