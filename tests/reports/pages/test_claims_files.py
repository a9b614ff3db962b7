"""The outcomes as files: verdict.json and claims.csv hold all of them."""

import json

import pytest
from helpers.memory_runs import BASELINE, holding_world

from goalscope.reports.claims.assessment import assess
from goalscope.reports.claims.early_call import early_calls
from goalscope.reports.numbers.windows import TIMES, four_times
from goalscope.reports.pages.claims_files import links_content, write_claims_table
from goalscope.reports.statistics.thresholds import Thresholds

FIX = "fix-c"


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
    assert content["schema"] == 4
    assert content["thresholds"]["success_marks"] == [0.5, 0.7, 0.85]
    links = {
        (c["link"], c["network"], c["half"], c["time"], c["arm"]): c for c in content["claims"]
    }
    for time in TIMES:
        names = {(link, network, half) for link, network, half, when, _ in links if when == time}
        expected = {(f"C{n}", net, None) for n in range(1, 6) for net in ("critic", "actor")}
        expected |= {("C7", None, "sensitivity"), ("C7", None, "success")}
        assert names == expected | ({("C6", None, None)} if time == "late" else set())
    scale = links["C1", "critic", None, "late", BASELINE]
    assert (scale["outcome"], scale["grade"]) == ("supported", "drowned")
    assert scale["p_value"] <= scale["adjusted_p"]
    assert scale["drowned"]["outcome"] == "supported"
    assert scale["parts"][0]["claim"] == "below"
    assert scale["parts"][0]["side"] == "for"
    cause = links["C7", None, "success", "late", BASELINE]
    assert len(cause["parts"][0]["points"]) == 30
    assert set(cause["parts"][0]["points"][0]) == {"arm", "seed", "predictor", "outcome"}
    assert "points" not in cause["beside"][0]
    fix = links["C5", "critic", None, "late", FIX]["parts"][0]
    assert fix["equivalence_equivalent"] is False
    words = "not shown to be no difference (within a factor of 1.25 of the odds, TOST p "
    assert fix["equivalence_in_words"].startswith(words)
    assert len(fix["difference_each"]) == 5
    assert links["C3", "actor", None, "late", BASELINE]["parts"][1]["claim"] == "above"
    calls = {(call["link"], call["network"], call["arm"]): call for call in content["early_calls"]}
    assert calls["C1", "critic", BASELINE]["axis"] == "update"
    last = calls["C1", "critic", BASELINE]["outcomes"][-1]
    assert last == {"until": 10000, "outcome": "supported"}
    write_claims_table(assessment, tmp_path / "claims.csv")
    header = (tmp_path / "claims.csv").read_text().splitlines()[0]
    assert "network" in header.split(",")
    assert "link_adjusted_p" in header
    assert "points" not in header
