"""Scores count what was named against what was planted, and the page reports them as measured."""

import pandas as pd

from benchmarks.planted_faults import scoring
from benchmarks.planted_faults.diagnosis import NOTHING, Diagnosis
from benchmarks.planted_faults.faults import planting
from benchmarks.planted_faults.figures import write_confusion, write_learning
from benchmarks.planted_faults.page import results_page


def diagnosis(planted: str, *named: str, seed: int = 0) -> Diagnosis:
    return Diagnosis(planted, planting(planted).checks, seed, named)


MADE_UP = [
    diagnosis("healthy"),
    diagnosis("healthy", "nan", seed=1),
    diagnosis("cnn_x50", "image_block_loud"),
    diagnosis("cnn_x50", "nan", "image_block_loud", seed=1),
    diagnosis("relu_killed", "nan", "saturated", "dead_units"),
    diagnosis("relu_killed", seed=1),
]
SECONDS = {"processor_median": 30.0, "processor_most": 40.0}


def test_scores_count_faults_and_controls_apart():
    found = scoring.scores(MADE_UP, SECONDS)
    assert (found["named_first"]["count"], found["named_first"]["runs"]) == (1, 4)
    assert (found["named_among_two"]["count"], found["named_among_two"]["share"]) == (2, 0.5)
    assert (found["false_alarms"]["count"], found["false_alarms"]["runs"]) == (1, 2)
    assert not any(found[name]["met"] for name in scoring.GOALS)
    assert found["per_fault"]["cnn_x50"] == {"runs": 2, "named_first": 1, "named_among_two": 2}
    assert found["named_first"]["low"] < 0.25 < found["named_first"]["high"]


def test_confusion_counts_what_was_named_first():
    expected = pd.DataFrame(
        {NOTHING: [1, 0, 1], "image_block_loud": [0, 1, 0], "dead_units": 0, "nan": 1},
        index=["healthy", "cnn_x50", "relu_killed"],
    )
    counts = scoring.confusion(MADE_UP)
    pd.testing.assert_frame_equal(counts, expected, check_names=False, check_dtype=False)


def test_combinations_score_one_and_both():
    planted = "cnn_x50+reward_mismatch"
    both = diagnosis(planted, "image_block_loud", "reward_mismatch", "nan")
    late = diagnosis(planted, "reward_mismatch", "nan", "image_block_loud", seed=1)
    neither = diagnosis(planted, "nan", seed=2)
    found = scoring.combination_scores([both, late, neither])
    counts = {name: score["count"] for name, score in found.items()}
    assert counts == {
        "named_first": 2,
        "named_among_two": 2,
        "both_before_all_else": 1,
        "both_named": 2,
    }
    assert scoring.combinations([neither]).to_dict("records")[0]["named"] == "nan"


def test_page_reports_as_measured():
    learning = pd.DataFrame(
        {"control": "healthy", "seed": [0, 0, 1, 1], "step": [0, 9, 0, 9]}
        | {"success_rate": [0.0, 1.0, 0.0, 0.5]}
    )
    page = results_page(scoring.scores(MADE_UP, SECONDS), None, learning, {"scoring": 3})
    assert "| 25 % (1 of 4) | 5 % to 70 % | at least 90 %: NOT met |" in page
    assert "3 runs of the scoring set are missing" in page
    assert "| `healthy` | 2 | 9 | 75 % | 50 % |" in page


def test_figures_are_drawn_for_paper_and_page(tmp_path):
    write_confusion(scoring.confusion(MADE_UP), 2, tmp_path / "confusion")
    table = pd.DataFrame({"update": [0, 9], "step": [0, 9], "value": [0.0, 1.0]})
    write_learning({"healthy": [table, table]}, tmp_path / "learning")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"{n}.{kind}" for n in ("confusion", "learning") for kind in ("png", "svg")}
    assert all(path.stat().st_size > 5_000 for path in tmp_path.iterdir())
