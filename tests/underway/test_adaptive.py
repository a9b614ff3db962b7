"""A study leaves out the seeds of arms that are settled, and decides the same when gone on with."""

import json
from dataclasses import replace

import pytest

from goalscope.diagnostics.record import Line, RecordWriter, RunInfo, is_run
from goalscope.diagnostics.record.metrics import SUCCESS_RATE
from goalscope.training.runs import study
from goalscope.training.runs.executor import Change
from goalscope.training.runs.settings import RunSettings
from goalscope.training.runs.study import run_study
from goalscope.training.runs.study_folder import StudyError, read_study
from goalscope.underway import adaptive as underway
from goalscope.underway.adaptive import AdaptiveError, AdaptiveSeeds, adaptive_notes

ARMS = ("pixel-her", "pixel-her-norm", "pixel-her-drq")
SEEDS = range(10)
FAR = {"pixel-her": 0.1, "pixel-her-norm": 0.8, "pixel-her-drq": 0.1}  # success; a seed adds to it


class Recording:
    """Has trained each run as soon as it is asked: what it records is its final success.

    Args:
        success: arm -> of its first seed; every other seed comes to a little more.
        failing: runs that fail.
    """

    threads = 1

    def __init__(self, success, failing=()):
        self.success, self.failing = success, failing
        self.trained, self.changes = [], []

    def submit(self, run):
        name = run.out.name
        if name in self.failing:
            self.changes.append(Change(name, "failed", "no luck"))
            return
        self.trained.append((run.arm, run.seed))
        rate = self.success[run.arm] + 0.01 * run.seed
        with_success(run.out, run.arm, run.seed, 0.0, rate)
        self.changes.append(Change(name, "finished"))

    def poll(self):
        return [self.changes.pop()]

    def stop(self):
        return []


def with_success(folder, arm, seed, *rates):
    writer = RecordWriter(folder, RunInfo(arm=arm, seed=seed))
    writer.write(Line(0, 0, {"features/critic.pixels.spread": 1.0}))
    for step, rate in enumerate(rates):
        writer.write(Line(step, step, {SUCCESS_RATE.key(): rate}))
    writer.close()


@pytest.fixture(autouse=True)
def runs_are_finished_where_they_are_recorded(monkeypatch):
    monkeypatch.setattr(study, "is_finished", lambda run: is_run(run.out))


def runs(folder, arms=ARMS, seeds=SEEDS):
    (folder / "probe_set.safetensors").touch()  # not gathered, for nobody asks
    kind = RunSettings(arm=ARMS[0], out=folder, env="PixelPoint-v0", total_steps=200)
    return [
        replace(kind, arm=arm, seed=seed, out=folder / f"{arm}-seed{seed}")
        for seed in seeds
        for arm in arms
    ]


def adaptive(folder, arms=ARMS, seeds=SEEDS, size=5):
    return AdaptiveSeeds(arms, seeds, size, folder / "study.json")


def decided(folder):
    return json.loads((folder / "study.json").read_text())["adaptive"]


def test_an_arm_that_is_settled_gets_no_more_seeds(tmp_path, capsys):
    executor = Recording(FAR)
    whole = run_study(runs(tmp_path), tmp_path, executor, adaptive=adaptive(tmp_path))
    of = {arm: [seed for name, seed in executor.trained if name == arm] for arm in ARMS}
    assert of == {ARMS[0]: [*SEEDS], ARMS[1]: [0, 1, 2, 3, 4], ARMS[2]: [*SEEDS]}
    assert len(whole) == 25
    settled = {(row.arm, row.seed) for row in read_study(tmp_path) if row.state == "settled"}
    assert settled == {(ARMS[1], seed) for seed in range(5, 10)}
    first, *others = decided(tmp_path)["looks"]
    assert first == {
        "seeds": 5,
        "difference": pytest.approx(0.7),
        "p_value": pytest.approx(2 / 252),
        "level": 0.0125,
        "settled": True,
        "arm": ARMS[1],
    }
    assert [(look["arm"], look["seeds"], look["settled"]) for look in others] == [
        (ARMS[2], 5, False),
        (ARMS[2], 10, False),
    ]
    said = capsys.readouterr().out
    assert (
        "pixel-her-norm after 5 seeds: final success +70.0 points from the baseline's, p = 0.0079 "
        "where at most 0.0125 settles it: settled, no more seeds"
    ) in said
    (note,) = adaptive_notes(tmp_path / "study.json")
    assert "pixel-her-norm (5 seeds)" in note


def test_a_record_is_read_once_for_all_looks_and_arms(tmp_path, monkeypatch):
    read = []
    once = underway._final_success
    monkeypatch.setattr(underway, "_final_success", lambda run: read.append(run) or once(run))
    alike = Recording(dict.fromkeys(ARMS, 0.1))
    whole = run_study(runs(tmp_path), tmp_path, alike, adaptive=adaptive(tmp_path))
    assert sorted(read) == sorted(whole)


def test_a_study_ends_once_every_arm_is_settled(tmp_path):
    executor = Recording({**FAR, ARMS[2]: 0.5})
    run_study(runs(tmp_path), tmp_path, executor, adaptive=adaptive(tmp_path))
    assert {seed for _, seed in executor.trained} == {0, 1, 2, 3, 4}
    states = {row.seed: row.state for row in read_study(tmp_path)}
    assert [states[seed] for seed in (4, 5, 9)] == ["finished", "settled", "settled"]


def test_a_study_that_is_gone_on_with_decides_the_same(tmp_path):
    failing = Recording(FAR, failing=["pixel-her-norm-seed2"])
    with pytest.raises(StudyError, match="no luck"):
        run_study(runs(tmp_path), tmp_path, failing, adaptive=adaptive(tmp_path))
    assert (ARMS[1], 9) in failing.trained  # not looked at without its third seed
    assert {look["arm"] for look in decided(tmp_path)["looks"]} == {ARMS[2]}
    before = decided(tmp_path)
    again = Recording(FAR)
    gone_on_with = adaptive(tmp_path)
    assert gone_on_with.content == before
    run_study(runs(tmp_path), tmp_path, again, adaptive=gone_on_with)
    assert again.trained == [(ARMS[1], 2)]
    gone_on = decided(tmp_path)
    once = tmp_path / "once"
    once.mkdir()
    run_study(runs(once), once, Recording(FAR), adaptive=adaptive(once))
    assert decided(once) == gone_on


def test_what_was_looked_at_is_not_changed_afterwards(tmp_path):
    run_study(runs(tmp_path), tmp_path, Recording(FAR), adaptive=adaptive(tmp_path))
    with pytest.raises(AdaptiveError, match="looked at with --adaptive 5 over 10 seeds of pixel"):
        adaptive(tmp_path, seeds=range(15))
    every = Recording(FAR)
    run_study(runs(tmp_path), tmp_path, every)
    assert every.trained == [(ARMS[1], seed) for seed in range(5, 10)]
    content = json.loads((tmp_path / "study.json").read_text())
    assert set(content) == {"schema", "runs"}  # as without --adaptive
    assert adaptive_notes(tmp_path / "study.json") == []


@pytest.mark.parametrize(
    ("arms", "seeds", "size", "says"),
    [
        (ARMS[:2], 3, 2, r"3 seeds in groups of 2, with 1 arm .* 5.0 % .*; add seeds"),
        (ARMS[:2], 5, 2, "use --adaptive 4"),
        (ARMS, 5, 4, "add seeds"),
        (ARMS[:1], 5, 4, "two arms or more"),
        (ARMS[:2], 5, 0, "at least 1"),
    ],
)
def test_what_can_settle_nothing_is_refused(tmp_path, arms, seeds, size, says):
    with pytest.raises(AdaptiveError, match=says):
        adaptive(tmp_path, arms, range(seeds), size)


@pytest.mark.parametrize("rates", [[], [0.5, float("nan")]])
def test_runs_without_a_final_success(tmp_path, rates):
    finished = {(arm, seed): tmp_path / f"{arm}-{seed}" for arm in ARMS[:2] for seed in range(5)}
    for (arm, seed), folder in finished.items():
        with_success(folder, arm, seed, *rates)
    with pytest.raises(AdaptiveError, match="pixel-her-0 has no final success"):
        adaptive(tmp_path, ARMS[:2]).look(finished)


def test_a_damaged_study(tmp_path):
    (tmp_path / "study.json").write_text('{"runs": [], "adaptive": {"rule": 3, "looks": []}}')
    with pytest.raises(AdaptiveError, match=r"adaptive.rule: expected .*start the study again"):
        adaptive(tmp_path)
