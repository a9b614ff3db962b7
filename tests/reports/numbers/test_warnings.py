"""Which warnings a comparison carries."""

import json
import math
from dataclasses import replace

from helpers.arms import change_info, warnings_of
from helpers.synthetic_runs import BASELINE, write_arms, write_run

from goalscope.diagnostics.record import RecordWriter, read_run
from goalscope.diagnostics.record.keys import Family
from goalscope.diagnostics.record.metrics import SIGNAL_SHARE, UPDATE_RATIO
from goalscope.reports.numbers.differences import mixed_arms
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.warnings import run_warnings, times_warnings
from goalscope.reports.numbers.windows import four_times


def test_an_arm_whose_runs_differ_is_no_arm(tmp_path):
    folders = write_arms(tmp_path, 2)
    change_info(folders[1], lambda info: info["settings"].update({"agent.batch_size": 64}))
    arms = load_arms(folders)
    assert mixed_arms(arms) == {"pixel-her": ["agent.batch_size"]}
    assert any("differ among themselves in agent.batch_size" in w for w in warnings_of(arms))


def test_a_cut_off_run_is_named(tmp_path):
    folder = write_run(tmp_path / "a", kind=replace(BASELINE, ends=False))
    assert any("cut off after update 600" in w for w in run_warnings(load_run(folder)))
    writer = RecordWriter(folder, None)  # which goes on with it
    (said,) = run_warnings(load_run(folder))
    assert "is still going on, at update 600: this page is made from what is there" in said
    assert not read_run(folder).until(300).going  # of which that is the end
    writer.close()
    assert any("cut off after update 600" in w for w in run_warnings(load_run(folder)))
    with open(folder / "measurements.jsonl", "ab") as file:
        file.write(b'{"step": 701, "upda')
    run = load_run(folder)
    assert run.record.torn
    assert any("last line torn" in w for w in run_warnings(run))
    assert run_warnings(load_run(write_run(tmp_path / "b"))) == []


def test_failures_are_counted_with_their_cause(tmp_path):
    folder = write_run(tmp_path / "a")
    line = {"step": 5, "update": 7, "event": "failure", "instrument": "gradient_balance"}
    with open(folder / "measurements.jsonl", "a") as file:
        for count in (1, 2, 3):
            file.write(json.dumps({**line, "cause": "ValueError: no", "count": count}) + "\n")
    (warning,) = run_warnings(load_run(folder))
    assert warning == (
        "gradient_balance failed 3 times in pixel-her seed 0, first at update 7: ValueError: no"
    )


def test_nan_is_named_with_its_first_update_and_diverged_runs_do_not_flood(tmp_path):
    keys = {SIGNAL_SHARE.key("critic", "goal"): 10, UPDATE_RATIO.key("critic_loss", "goal"): 20}
    overrides = {(key, update): math.nan for key, update in keys.items()}
    run = load_run(write_run(tmp_path / "a", kind=replace(BASELINE, overrides=overrides)))
    assert run_warnings(run) == [
        f"NaN or infinity in {SIGNAL_SHARE.key('critic', 'goal')} of pixel-her seed 0 from update "
        "10",
    ]
    after = load_run(
        write_run(
            tmp_path / "b",
            kind=replace(
                BASELINE,
                overrides={(k, u): math.nan for k in run.metrics for u in (50, 100, 150, 200, 250)},
            ),
        )
    )
    first, _ = run_warnings(after)
    assert "from update 50" in first


def test_unpaired_seeds_single_seeds_and_pace_are_named(tmp_path):
    folders = [
        write_run(tmp_path / "a0", "a", 0),
        write_run(tmp_path / "a1", "a", 1),
        write_run(tmp_path / "b", "b", 7, replace(BASELINE, steps_per_update=8)),
    ]
    found = warnings_of(load_arms(folders))
    assert any("b has a single seed" in w for w in found)
    assert any("only one of them has seeds 0, 1, 7" in w for w in found)
    assert any("other numbers of updates per step (a 1, b 0.125)" in w for w in found)


def test_a_late_window_in_which_nothing_was_measured_is_said(tmp_path):
    run = load_run(write_run(tmp_path / "a"))
    times = four_times([run])
    assert not any("late" in w for w in times_warnings(times, [run]) if "measured nothing" in w)
    early = {key: table[table["update"] < 500] for key, table in run.metrics.items()}
    (said,) = (w for w in times_warnings(times, [replace(run, metrics=early)]) if "nothing" in w)
    assert said.startswith("pixel-her seed 0 measured nothing late (updates 540 to 600): give the")


def test_sensitivity_without_a_probe_set_is_said(tmp_path):
    arms = load_arms(write_arms(tmp_path, 2))
    assert any(
        "not every run has a probe set" in w for w in warnings_of(arms, Family.SENSITIVITY_REPLAY)
    )


def test_sensitivity_that_only_some_measured_is_said_with_who_did_not(tmp_path):
    without = replace(BASELINE, sensitivity=())
    folders = write_arms(tmp_path, 1, {"a": BASELINE, "b": without})
    (some,) = (w for w in warnings_of(load_arms(folders), None) if "goal sensitivity was" in w)
    assert some == (
        "goal sensitivity was not measured on a probe set in b seed 0: C4 and C5 are tested "
        "without them"
    )
    (none,) = write_arms(tmp_path / "none", 1, {"c": without})
    found = warnings_of({"c": [load_run(none)]}, None)
    assert "goal sensitivity was not measured: C4 and C5 are not tested" in found
