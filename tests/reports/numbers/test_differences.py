"""What differs between arms."""

from dataclasses import replace

from helpers.arms import change_info, warnings_of
from helpers.synthetic_info import FLOORS
from helpers.synthetic_runs import BASELINE, FIX, Synthetic, write_arms

from goalscope.reports import Thresholds
from goalscope.reports.claims.assessment import assess
from goalscope.reports.numbers.differences import (
    changes_of_all_others,
    circumstance_differences,
    missing_single_changes,
    setting_differences,
)
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.windows import four_times
from goalscope.reports.text.arm_rows import arm_rows, confounds

EXTRACTOR = "agent.features_extractor"
WIDTH = "agent.features_extractor.cnn_output_dim"
RATE = "agent.learning_rate"


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


def test_what_all_others_share_is_said_once(tmp_path):
    usual, slow = {"agent.gamma": 0.99}, {RATE: 1e-4}
    arms = {
        "pixel-her": Synthetic(settings=usual),
        "a": Synthetic(settings={**usual, **slow, WIDTH: 50}),
        "b": Synthetic(settings={**slow, WIDTH: 51, "agent.gamma": 0.9}),
        "slower": Synthetic(settings={**usual, RATE: 1e-5}),
        "c": Synthetic(settings={RATE: 2e-5, "agent.gamma": 0.8}),
        "d": Synthetic(settings={**usual, **slow, WIDTH: 52}),
    }
    arms = load_arms(write_arms(tmp_path, 1, arms))
    differences = setting_differences(arms)
    assert changes_of_all_others(arms, "pixel-her", differences) == {RATE: "0.0001"}
    said = warnings_of(arms)
    assert (
        f"every other arm differs from pixel-her in {RATE}, beside what it changes by itself; "
        "missing: pixel-her with this alone"
    ) in said
    more = [words for words in said if "cannot tell which" in words]
    assert more[0].startswith("b differs from pixel-her in 2 other settings at once")
    assert more[1].startswith("c differs from pixel-her in 2 other settings at once")
    assert f"pixel-her with only {RATE} = 2e-05" in more[1]
    alone = load_arms(write_arms(tmp_path / "alone", 1, {"pixel-her": Synthetic(), "c": FIX}))
    assert changes_of_all_others(alone, "pixel-her", setting_differences(alone)) == {}


def test_an_arm_is_told_by_what_it_leaves_out_of_the_baseline(tmp_path):
    made = {
        "recipe": ["pixel-her", "explore", "goal-std"],
        "raw": ["pixel-her", "explore"],
        "bare": ["goal-only", "explore", "lr1e3"],
        "same": ["pixel-her", "explore", "goal-std"],
    }
    kinds = {arm: Synthetic(settings={"arm.changes": names}) for arm, names in made.items()}
    arms = load_arms(write_arms(tmp_path, 1, kinds))
    times = four_times([run for runs in arms.values() for run in runs])
    rows = arm_rows(arms, assess(arms, times, Thresholds()))
    assert {row.arm: row.changes for row in rows} == {
        "recipe": "explore, goal-std",
        "raw": "without goal-std",
        "bare": "goal-only; lr1e3; without goal-std",
        "same": "–",
    }


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


LEARNS = replace(BASELINE, updates=60, success=(0.0, 0.5, 1.0), settings=FLOORS)
NO_FLOOR = replace(LEARNS, settings={})


def arms_of(tmp_path, seeds, **kinds):
    return load_arms(write_arms(tmp_path, seeds, kinds))


def test_floors_and_evaluations_are_no_settings_of_an_arm(tmp_path):
    fix = replace(FIX, updates=60, settings={**FIX.settings, **FLOORS, "evaluation.every": 100})
    arms = arms_of(tmp_path, 1, **{"pixel-her": NO_FLOOR, "fix": fix})
    assert not [d for d in setting_differences(arms) if "floor" in d.name or "evalua" in d.name]
    found = {d.name: d.values for d in circumstance_differences(arms)}
    assert found["floor.noop.success_rate"] == {"pixel-her": "not set", "fix": "0.086"}
    assert found["evaluation.every"]["fix"] == "100"


def in_environment(**entries):
    def change(info):
        info["environment"] = {name.replace("_", " "): value for name, value in entries.items()}

    return change


def test_environments_and_what_is_seen_of_them_are_named(tmp_path):
    folders = write_arms(tmp_path, 2, {"a": BASELINE, "b": BASELINE})
    pixels = "uint8 (3, 36, 36), 0 to 255"
    for folder in folders[:2]:
        change_info(folder, in_environment(id="Mine-v0", observation_of_pixels=pixels))
    change_info(folders[2], in_environment(id="Mine-v1", observation_of_pixels=pixels))
    arms = load_arms(folders)
    found = {d.name: d.values for d in circumstance_differences(arms)}
    assert found["environment: id"] == {"a": "Mine-v0", "b": "Mine-v1, not set"}
    assert "environment: observation of pixels" not in found
    warned = [line for line in warnings_of(arms) if "not of one environment" in line]
    assert "a in Mine-v0; b in Mine-v1" in warned[0]


def test_a_record_that_tells_nothing_of_its_environment_differs_from_none(tmp_path):
    folders = write_arms(tmp_path, 1, {"a": BASELINE, "b": BASELINE})
    change_info(folders[0], in_environment(id="Mine-v0"))
    change_info(folders[1], lambda info: info.pop("environment", None))
    arms = load_arms(folders)
    assert not [d for d in circumstance_differences(arms) if "environment" in d.name]
    assert not [line for line in warnings_of(arms) if "one environment" in line]


def test_what_is_seen_confounds_only_where_no_setting_says_so(tmp_path):
    one, four = (replace(BASELINE, settings={"env.frame_stack": number}) for number in (1, 4))
    for name, kind, said in (("own", one, 1), ("unknown", BASELINE, 1), ("ours", four, 0)):
        folders = write_arms(tmp_path / name, 1, {"a": one, "b": kind})
        change_info(folders[0], in_environment(observation_of_pixels="(3, 36, 36)"))
        change_info(folders[1], in_environment(observation_of_pixels="(12, 36, 36)"))
        arms = load_arms(folders)
        found = confounds(
            "b", arms["b"], "a", setting_differences(arms), circumstance_differences(arms)
        )
        assert len([words for words in found if "observation of pixels" in words]) == said
        warned = [words for words in warnings_of(arms) if "other spaces" in words]
        assert warned == said * [
            "the arms observe or act in other spaces: observation of pixels ((3, 36, 36) in a; "
            "(12, 36, 36) in b)"
        ]


def test_what_only_one_arm_recorded_is_counted_and_never_said_to_be_missing(tmp_path):
    names = [f"agent.setting_{letter}" for letter in "abcdefgh"]
    trained = Synthetic(settings={"run.algorithm": "sac", **dict.fromkeys(names, 1), RATE: 1e-3})
    kinds = {"own": Synthetic(), "trained": trained, "also": trained}
    arms = load_arms(write_arms(tmp_path, 2, kinds))
    said = warnings_of(arms)
    assert (
        "9 settings are recorded of one arm alone, own or trained or also: whether they differ in "
        "them is not known"
    ) in said
    assert not any("not set" in words or "cannot tell which" in words for words in said)


def test_of_many_missing_comparisons_five_are_named(tmp_path):
    names = [f"agent.setting_{letter}" for letter in "abcdefgh"]
    kinds = {arm: Synthetic(settings=dict.fromkeys(names, arm)) for arm in ("one", "two")}
    arms = load_arms(write_arms(tmp_path, 1, kinds))
    (said,) = [words for words in warnings_of(arms) if "cannot tell which" in words]
    assert "two differs from one in 8 settings at once" in said
    assert said.count("one with only") == 5
    assert said.endswith("; and 3 more")
