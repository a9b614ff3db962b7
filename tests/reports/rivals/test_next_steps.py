"""What to try next: what led off the floor in this study first, what did not last."""

import json
from dataclasses import replace

import pytest
from helpers.synthetic_info import FLOORS
from helpers.synthetic_runs import BASELINE, write_arms

from goalscope.reports import write_comparison

FAILS = replace(BASELINE, updates=60, success=(0.0, 0.0, 0.0), settings=FLOORS)
LEARNS = replace(FAILS, success=(0.0, 0.5, 1.0))


@pytest.mark.parametrize(
    ("learns", "fails"),
    [
        ("pixel-her-layernorm", "pixel-her-goal-std"),
        ("pixel-her-goal-std", "pixel-her-layernorm"),
    ],
)
def test_a_change_that_did_not_help_is_advised_last_and_says_so(tmp_path, learns, fails):
    arms = {"pixel-her": FAILS, learns: LEARNS, fails: FAILS}
    write_comparison(write_arms(tmp_path, 2, arms), tmp_path / "page", figures=())
    verdict = json.loads((tmp_path / "page" / "verdict.json").read_text())
    came = [(step["in_this_study"], step["helped"]) for step in verdict["next_steps"]]
    assert came[0] == (learns, True)
    assert came[-1] == (fails, False)
    first, last = verdict["steps"][1], verdict["steps"][-1]
    assert first.endswith(
        f"Tested alone by {learns}, in this study: 100 % success, "
        "leaning above the floor (2 seeds)."
    )
    assert last.endswith(
        f"Tested alone by {fails}, in this study: 0 % success, leaning below the floor (2 seeds)."
    )


def test_without_a_floor_only_the_arm_is_named(tmp_path):
    arms = {name: replace(FAILS, settings={}) for name in ("pixel-her", "pixel-her-layernorm")}
    write_comparison(write_arms(tmp_path, 2, arms), tmp_path / "page", figures=())
    verdict = json.loads((tmp_path / "page" / "verdict.json").read_text())
    assert {step["helped"] for step in verdict["next_steps"]} == {None}
    words = "Tested alone by pixel-her-layernorm, in this study."
    assert any(step.endswith(words) for step in verdict["steps"])
