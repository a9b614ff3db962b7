"""The ladder: what is climbed next, and what its page says of the rungs."""

import re
from dataclasses import replace

import pytest
from helpers.synthetic_info import FLOORS
from helpers.synthetic_runs import BASELINE, write_run

from benchmarks.ladder import Ladder, Rung, climb, ladder_page


def told(says, arm):
    return {"says": says, "arm": arm}


@pytest.mark.parametrize(
    ("arms", "expected"),
    [
        ((None, "pixel-her-explore"), "pixel-her-explore"),
        (("goal-only", "pixel-her+gamma95"), "pixel-her+gamma95"),  # a control mends nothing
        (("goal-only", None), None),
        ((), None),
    ],
)
def test_the_next_rung_is_what_is_advised_first(tmp_path, arms, expected):
    rung = Rung("pixel-her", tmp_path, [told("Something.", arm) for arm in arms])
    assert rung.next_arm == expected


def test_the_page_says_what_each_rung_was_told(tmp_path):
    kind = replace(BASELINE, success=(0.05, 0.1), settings=dict(FLOORS))
    rungs = []
    for number, (arm, findings) in enumerate(
        [
            ("pixel-her", [told("The goal is quiet.", "pixel-her-goal-std"), told("Other.", None)]),
            ("pixel-her-goal-std", [told("Nothing moves.", "pixel-her-goal-std+stack4")]),
        ]
    ):
        folder = write_run(tmp_path / f"rung-{number}", arm, kind=kind)
        rungs.append(Rung(arm, folder, findings))
    page = ladder_page(rungs)
    row = r"\| 0 \| `pixel-her` \| \d+ % \| The goal is quiet \(`pixel-her-goal-std`\); Other \|"
    assert re.search(row, page)
    assert "Changes made on the way: `goal-std`." in page
    assert "1 were advised by some page: `goal-std`" in page
    assert "not in the recipe: `stack4`." in page


@pytest.mark.parametrize("kept", [None, "pixel-her-norm"])
def test_what_was_said_of_another_run_is_no_rung(tmp_path, kept):
    (tmp_path / "rung-0.json").write_text('{"findings": []}')
    if kept:
        write_run(tmp_path / "runs" / "rung-0", kept)
    with pytest.raises(SystemExit, match="tells of another run"):
        next(climb(Ladder(folder=tmp_path / "runs", out=tmp_path)))
