"""`goalscope compare --arm`: a user's own runs, sorted into arms as they say."""

import json
from dataclasses import replace

import pytest
from helpers.command import goalscope, refused
from helpers.synthetic_runs import BASELINE, FIX, write_run

from goalscope.cli.own_arms import own_arms
from goalscope.errors import UserError

pytestmark = pytest.mark.usefixtures("few_figures")
SHORT, FIXED = replace(BASELINE, updates=60), replace(FIX, updates=60)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two runs of a baseline and two of a fix, whose records name other arms, and a page."""
    for seed in (0, 1):
        write_run(tmp_path / "runs" / f"b-{seed}", "mine", seed, SHORT)
        write_run(tmp_path / "runs" / f"f-{seed}", None, seed, FIXED)
    (tmp_path / "runs" / "b-page").mkdir()
    (tmp_path / "runs" / "b-page" / "comparison.html").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def compared(page):
    return json.loads((page / "verdict.json").read_text())


def test_patterns_name_arms_whatever_the_records_say(runs):
    flags = ["--arm", "fix=runs/f-*", "--arm", "base=runs/b-*", "--baseline", "base"]
    done = goalscope("compare", *flags, "--out", "page")
    assert done.returncode == 0, done.stderr
    said = compared(runs.parent / "page")
    assert said["runs"] == {"base": ["b-0", "b-1"], "fix": ["f-0", "f-1"]}
    page = (runs.parent / "page" / "comparison.html").read_text()
    assert "mine" not in page


def test_a_baseline_is_chosen_among_recorded_arms_too(runs):
    folders = [*runs.glob("b-[01]"), *runs.glob("f-*")]
    assert goalscope("compare", *folders, "--baseline", "f-1", "--out", "page").returncode == 0
    assert next(iter(compared(runs.parent / "page")["runs"])) == "f-1"


@pytest.mark.parametrize(
    "words",
    [
        ["base=runs/b-*"],
        ["base=", "runs/b-0", "runs/b-1"],
        ["base=runs/b-0", "runs/b-1"],
        ["base=runs/b-0", "base=runs/b-1"],
        ["base=runs/b-[01]", "runs/b-1"],
    ],
)
def test_what_a_shell_makes_of_an_arm_is_understood(runs, words):
    (folders,) = own_arms([words]).values()
    assert [folder.name for folder in folders] == ["b-0", "b-1"]


def test_folders_with_an_equals_sign_or_a_bracket_in_their_names(runs):
    write_run(runs / "lr=1" / "x[0]", kind=SHORT)
    assert own_arms([["a=runs/lr=1/x[0]"]]) == {
        "a": [(runs / "lr=1/x[0]").relative_to(runs.parent)]
    }
    named = own_arms([["a=runs/b-0"], ["a=runs/b-1"]])
    assert [folder.name for folder in named["a"]] == ["b-0", "b-1"]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("--arm a=runs/b-0 --arm b=runs/b-*", "in two arms, a and b"),
        ("--arm a=runs/b-* --arm b=runs/x-*", "matches no run"),
        ("--arm a=runs/b-* --arm b=runs/b-page*", "matches no run"),
        ("--arm a=runs/b-* --arm b=runs/x", "does not exist"),
        ("--arm a=runs/b-*", "a alone is compared with nothing"),
        ("--arm a=runs/b-* --arm b=", "has no folder"),
        ("--arm runs/b-0 --arm b=runs/f-*", "names no arm"),
        ("--arm runs/a=b --arm b=runs/f-*", "names no arm"),
        ("--arm", "names no arm"),
        ("--arm a=runs/b-* --arm b=runs/f-* --baseline c", "the arms here are a, b"),
        ("runs --baseline c", "there is no arm c"),
        ("runs/b-0 --arm b=runs/f-*", "and not both"),
        ("", "compare what?"),
    ],
)
def test_arms_that_cannot_be_compared(runs, flags, says):
    refused(goalscope("compare", *flags.split()), says)
    assert not (runs / "comparison").exists()


def test_runs_without_a_seed_are_a_sample_unless_they_measured_the_same(runs):
    for number, arm in enumerate(("one", "two")):
        write_run(runs / f"u-{number}", arm, None, SHORT)
    flags = ["--arm", "unseeded=runs/u-*", "--arm", "fix=runs/f-*", "--out", "page"]
    done = goalscope("compare", *flags)
    assert done.returncode == 0, done.stderr
    assert "u-0, u-1 recorded no seed: each counts as a run of its own" in done.stderr
    write_run(runs / "u-2", "two", None, SHORT)
    refused(goalscope("compare", *flags), "u-1", "u-2", "measured exactly the same")


def test_a_seed_twice_in_an_arm(runs):
    write_run(runs / "b-again", "mine", 1, SHORT)
    refused(goalscope("compare", "--arm", "a=runs/b-*", "--arm", "b=runs/f-*"), "seed 1 twice")


def test_an_arm_without_words():
    with pytest.raises(UserError, match="names no arm"):
        own_arms([[]])


def test_runs_without_a_seed_are_paired_with_none_whatever_their_folders_are_called(tmp_path):
    for arm, kind in (("base", SHORT), ("fix", FIXED)):
        for number in (0, 1):
            own = replace(kind, noise=0.1 + number / 100)
            write_run(tmp_path / arm / f"run{number}", arm, None, own)
            write_run(tmp_path / "nested" / arm / f"of{number}" / "run", arm, None, own)
    for base, fix in (("base/*", "fix/*"), ("nested/base/*/run", "nested/fix/*/run")):
        arms = ["--arm", f"base={tmp_path / base}", "--arm", f"fix={tmp_path / fix}"]
        done = goalscope("compare", *arms, "--out", tmp_path / "page")
        assert done.returncode == 0, done.stderr
        assert "base/run0" in done.stderr or "base/of0/run" in done.stderr
        fixes = [link for link in compared(tmp_path / "page")["claims"] if link["link"] == "C5"]
        assert fixes
        assert {part.get("difference_pairs") for link in fixes for part in link["parts"]} <= {None}
