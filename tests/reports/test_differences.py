"""What differs between arms, and which warnings a comparison carries."""

import json
import math
from dataclasses import replace

from helpers.synthetic_runs import BASELINE, FIX, Synthetic, write_arms, write_run

from goalscope.reports.numbers.differences import (
    circumstance_differences,
    missing_single_changes,
    mixed_arms,
    setting_differences,
)
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.warnings import comparison_warnings, run_warnings
from goalscope.reports.numbers.windows import three_times

EXTRACTOR = "agent.features_extractor"
WIDTH = "agent.features_extractor.cnn_output_dim"
RATE = "agent.learning_rate"


def change_info(folder, change):
    path = folder / "run.json"
    info = json.loads(path.read_text())
    change(info)
    path.write_text(json.dumps(info))


def warnings_of(arms, family="sensitivity"):
    runs = [run for group in arms.values() for run in group]
    return comparison_warnings(arms, three_times(runs), family, setting_differences(arms))


def test_the_plans_fix_changes_three_settings_at_once(tmp_path):
    arms = load_arms(write_arms(tmp_path, 2))
    differences = setting_differences(arms)
    assert {d.name for d in differences} == {EXTRACTOR, WIDTH, RATE}
    values = {d.name: d.values for d in differences}
    assert values[RATE] == {"pixel-her": "0.0003", "pixel-her-norm": "0.0001"}
    missing = missing_single_changes(arms, "pixel-her", differences)["pixel-her-norm"]
    assert missing == [
        f"pixel-her with only {EXTRACTOR} = NormalizedCombinedExtractor",
        f"pixel-her with only {WIDTH} = 50",
        f"pixel-her with only {RATE} = 0.0001",
    ]
    warning = next(w for w in warnings_of(arms) if "cannot tell which" in w)
    assert "3 settings at once" in warning
    assert missing[0] in warning


def test_a_single_change_that_is_there_is_not_missing(tmp_path):
    slow = Synthetic(settings={RATE: 1e-4})
    arms = load_arms(write_arms(tmp_path, 1, {"pixel-her": BASELINE, "norm": FIX, "lr": slow}))
    missing = missing_single_changes(arms, "pixel-her", setting_differences(arms))
    assert list(missing) == ["norm"]
    assert len(missing["norm"]) == 2
    assert not any(RATE in words for words in missing["norm"])


def test_seeds_paths_and_lengths_are_no_settings(tmp_path):
    one = Synthetic(settings={"run.out": "runs/a", "agent.seed": 1, "run.total_steps": 5})
    two = Synthetic(settings={"run.out": "runs/b", "agent.seed": 2, "agent.dropout": 0.1})
    arms = load_arms(write_arms(tmp_path, 1, {"one": one, "two": two}))
    assert [d.name for d in setting_differences(arms)] == ["agent.dropout"]
    assert setting_differences(arms)[0].values == {"one": "not set", "two": "0.1"}
    assert "run.total_steps" in {d.name for d in circumstance_differences(arms)}


def test_versions_renderer_probe_set_and_length_are_circumstances(tmp_path):
    folders = write_arms(tmp_path, 1, {"a": BASELINE, "b": replace(BASELINE, updates=700)})
    assert warnings_of(load_arms(folders)) != []

    def other(info):
        info["versions"]["torch"] = "9.9"
        info["settings"]["env.renderer"] = "osmesa"
        info["probe_set"]["sha256"] = "0" * 64

    change_info(folders[1], other)
    arms = load_arms(folders)
    found = {d.name: d.values for d in circumstance_differences(arms)}
    assert found["versions: torch"] == {"a": "2.13.0", "b": "9.9"}
    assert set(found) >= {"env.renderer", "probe set (sha256)", "updates", "steps"}
    assert setting_differences(arms) == []
    assert any("do not share one probe set" in w for w in warnings_of(arms))


def test_an_arm_whose_runs_differ_is_no_arm(tmp_path):
    folders = write_arms(tmp_path, 2)
    change_info(folders[1], lambda info: info["settings"].update({"agent.batch_size": 64}))
    arms = load_arms(folders)
    assert mixed_arms(arms) == {"pixel-her": ["agent.batch_size"]}
    assert any("differ among themselves in agent.batch_size" in w for w in warnings_of(arms))


def test_a_cut_off_run_is_named(tmp_path):
    folder = write_run(tmp_path / "a", kind=replace(BASELINE, ends=False))
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
    keys = {"signal/critic.goal.share": 10, "gradient/critic_loss.goal.update_ratio": 20}
    overrides = {(key, update): math.nan for key, update in keys.items()}
    run = load_run(write_run(tmp_path / "a", kind=replace(BASELINE, overrides=overrides)))
    assert run_warnings(run) == [
        "NaN or infinity in signal/critic.goal.share of pixel-her seed 0 from update 10",
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
    assert len(run_warnings(after)) <= 4


def test_unpaired_seeds_single_seeds_and_pace_are_named(tmp_path):
    folders = [
        write_run(tmp_path / "a0", "a", 0),
        write_run(tmp_path / "a1", "a", 1),
        write_run(tmp_path / "b", "b", 7, replace(BASELINE, steps_per_update=8)),
    ]
    found = warnings_of(load_arms(folders))
    assert any("b has a single seed" in w for w in found)
    assert any("only one of them has seed 0, seed 1, seed 7" in w for w in found)
    assert any("other numbers of updates per step (a 1, b 0.125)" in w for w in found)


def test_sensitivity_without_a_probe_set_is_said(tmp_path):
    arms = load_arms(write_arms(tmp_path, 2))
    assert any(
        "not every run has a probe set" in w for w in warnings_of(arms, "sensitivity_replay")
    )
    assert any("C4 is not tested" in w for w in warnings_of(arms, None))
