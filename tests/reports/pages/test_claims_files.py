"""The outcomes as files: verdict.json and claims.csv hold all of them."""

import json

import pytest
from helpers.memory_runs import (
    BASELINE,
    CONTENT,
    holding_world,
)

from goalscope.diagnostics.record.metrics import (
    Q_GOAL_DISTANCE,
    Q_GOAL_SWAP,
    SIGNAL_SHARE,
    SUCCESS_RATE,
    WEIGHT_GRADIENT_SHARE,
)
from goalscope.reports.claims.assessment import assess
from goalscope.reports.claims.early_call import early_calls
from goalscope.reports.numbers.windows import TIMES, four_times
from goalscope.reports.pages.claims_files import links_content, write_claims_table
from goalscope.reports.statistics.thresholds import Thresholds

FIX = "fix-c"
LINK_KEYS = {  # a metric each link cannot be tested without
    "C1": SIGNAL_SHARE.key("critic", "goal"),
    "C2": WEIGHT_GRADIENT_SHARE.key("actor_loss", "goal"),
    "C3": CONTENT,
    "C4": Q_GOAL_DISTANCE.key(),
    "C5": SIGNAL_SHARE.key("actor", "goal"),
    "C6": SUCCESS_RATE.key(),
    "C7": Q_GOAL_SWAP.key(),
}


def evaluation_of(world, thresholds=None):
    runs = [run for group in world.values() for run in group]
    return assess(world, four_times(runs), thresholds or Thresholds())


@pytest.fixture(scope="module")
def holds():
    world = holding_world()
    return world, evaluation_of(world)


def test_everything_goes_into_the_files(holds, tmp_path):
    world, assessment = holds
    content = links_content(assessment, None, {}, early_calls(world, assessment))
    content = json.loads(json.dumps(content, allow_nan=False))
    assert content["schema"] == 2
    assert content["thresholds"]["success_marks"] == [0.5, 0.7, 0.85]
    links = {(c["link"], c["time"], c["arm"]): c for c in content["claims"]}
    for time in TIMES:
        names = {link for link, when, _ in links if when == time}
        assert names == set(LINK_KEYS) - (set() if time == "late" else {"C6"})
    cause = links["C7", "late", BASELINE]
    assert cause["p_value"] <= cause["holm_p"]
    assert len(cause["parts"][0]["points"]) == 30
    assert set(cause["parts"][0]["points"][0]) == {"arm", "seed", "predictor", "outcome"}
    assert "points" not in cause["beside"][0]
    fix = links["C5", "late", FIX]["parts"][0]
    assert fix["equivalence_equivalent"] is False
    words = "not shown to be no difference (within a factor of 1.25 of the odds, TOST p "
    assert fix["equivalence_in_words"].startswith(words)
    assert len(fix["difference_each"]) == 5
    assert links["C3", "late", BASELINE]["parts"][1]["claim"] == "above"
    assert links["C1", "late", BASELINE]["parts"][0]["claim"] == "below"
    calls = {(call["link"], call["arm"]): call for call in content["early_calls"]}
    assert calls["C1", BASELINE]["axis"] == "update"
    assert calls["C1", BASELINE]["outcomes"][-1] == {"until": 10000, "outcome": "supported"}
    write_claims_table(assessment, tmp_path / "claims.csv")
    header = (tmp_path / "claims.csv").read_text().splitlines()[0]
    assert "link_holm_p" in header
    assert "points" not in header
