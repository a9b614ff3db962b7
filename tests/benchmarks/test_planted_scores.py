"""Scores count what was named against what was planted, and the page reports them as measured."""

import pandas as pd

from benchmarks.planted_faults import scoring
from benchmarks.planted_faults.diagnosis import NOTHING, Diagnosis
from benchmarks.planted_faults.faults import plantings
from benchmarks.planted_faults.figures import write_confusion
from benchmarks.planted_faults.learning import COLUMNS
from benchmarks.planted_faults.page import Made, results_page
from benchmarks.planted_faults.ranges import CheckRange


def diagnosis(
    planted: str,
    *named: str,
    seed: int = 0,
    since: int | None = None,
    before: tuple[str, ...] = (),
) -> Diagnosis:
    chosen = plantings(planted)[0]
    times = () if since is None else (since,)
    return Diagnosis(planted, chosen.ground_name, chosen.checks, seed, named, times, before)


CONTROLS = [diagnosis("healthy_point"), diagnosis("healthy_point", "nan", seed=1)]
KNOWN = [
    diagnosis("cnn_x50", "image_block_loud", since=50),
    diagnosis("cnn_x50", "nan", "image_block_loud", seed=1, since=150),
    diagnosis("relu_killed", "dead_units", since=200),
    diagnosis("relu_killed", "dead_units", "nan", seed=1, since=300),
    diagnosis("encoder_frozen"),
    diagnosis("blank_images", "constant_images", since=100),
]
BLIND = [diagnosis("target_frozen"), diagnosis("normalisation_stale", "goals_hardly_reached")]
DEVELOPING = [
    diagnosis("actor_encoder_dies", "dead_units", since=100),
    diagnosis("target_stops", "nan", before=("nan",)),
]
RANGES = [
    CheckRange("dead_units", "zeros of {block}", "healthy_point", 0.4, 0.7, 4, 0, "above 0.95"),
    CheckRange("dead_units", "zeros of {block}", "healthy_norm", 0.3, 0.5, 2, 0, "above 0.95"),
    CheckRange("dead_units", "zeros of {block}", "relu_killed", 1.0, 1.0, 2, 2, "above 0.95"),
    CheckRange("dead_units", "zeros of {block}", "cnn_x50", 0.2, 0.2, 2, 0, "above 0.95"),
    CheckRange("nan", "metrics that broke", "healthy_point", 0.0, 0.0, 1, 0, "above 0.5"),
]


def test_a_kind_counts_once_and_a_tautology_not_at_all():
    found = scoring.fault_scores(KNOWN, "known")
    first, at_all = found["named_first"], found["named_at_all"]
    assert (first["count"], first["kinds"]) == (1, 3)  # half of the runs are not most of them
    assert (at_all["count"], at_all["kinds"]) == (2, 3)
    assert not first["met"]
    assert first["low"] < 1 / 3 < first["high"]
    assert (found["with_tautologies"]["count"], found["with_tautologies"]["kinds"]) == (2, 4)
    assert found["median_updates_to_finding"] == 250  # of 100, 250 and never
    assert found["per_fault"]["cnn_x50"] == {
        "runs": 2,
        "named_first": 1,
        "named_at_all": 2,
        "since": 100,
        "instead": ["nan"],
    }


def test_a_fault_that_several_checks_name_as_well_is_named_by_any():
    own, other, wrong = (
        diagnosis("polyak_swapped", name)
        for name in ("target_frozen", "weights_overwritten", "steps_uphill")
    )
    assert [scoring.named_first(d) for d in (own, other, wrong)] == [True, True, False]


def test_nothing_said_of_a_fault_is_a_miss_and_never_a_time():
    found = scoring.fault_scores(BLIND, "blind")
    assert (found["named_first"]["count"], found["named_first"]["kinds"]) == (0, 2)
    assert found["median_updates_to_finding"] is None
    assert found["per_fault"]["target_frozen"]["instead"] == [NOTHING]


def test_whatever_is_named_in_a_control_is_false():
    found = scoring.control_scores(CONTROLS)
    assert (found["count"], found["runs"], found["met"]) == (1, 2, False)
    assert found["per_control"]["healthy_point"]["instead"] == ["nan"]
    assert scoring.control_scores([]) == {"runs": 0}


def test_confusion_counts_what_was_named_first():
    expected = pd.DataFrame(
        {NOTHING: [1, 0, 0], "image_block_loud": [0, 1, 0], "dead_units": [0, 0, 2]}
        | {"nan": [1, 1, 0]},
        index=["healthy_point", "cnn_x50", "relu_killed"],
    )
    counts = scoring.confusion([*CONTROLS, *KNOWN[:4]])
    pd.testing.assert_frame_equal(counts, expected, check_names=False, check_dtype=False)


def test_combinations_score_one_and_all():
    planted = "cnn_x50+reward_mismatch"
    both = diagnosis(planted, "image_block_loud", "reward_mismatch", "nan")
    one = diagnosis(planted, "reward_mismatch", "nan", seed=1)
    neither = diagnosis(planted, "nan", seed=2)
    found = scoring.combination_scores([both, one, neither])
    assert found == {"runs": 3, "named_first": 2, "all_named": 1}
    rows = scoring.table([both, neither]).to_dict("records")
    assert [row["named"] for row in rows] == ["image_block_loud reward_mismatch nan", "nan"]
    assert [row["all_named"] for row in rows] == [True, False]


MADE = {"blind": Made(2, 46), "known": Made(6, 6, 4), "controls": Made(2, 70)}
NONE_BLIND = MADE | {"blind": Made(0, 0)}
ROUND = pd.DataFrame(
    [
        ("a", True, True, False),
        ("a", False, True, False),
        ("b", True, True, False),
        ("c", False, True, False),
        ("d", True, True, True),
    ],
    columns=["planted", "named_first", "named_at_all", "tautology"],
)
WHOLE = {"blind": Made(2, 2), "known": Made(6, 6), "controls": Made(2, 2)}


def page(learning: pd.DataFrame, blind: list[Diagnosis], made: dict = MADE) -> str:
    scores = {
        "blind": scoring.fault_scores(blind, "blind"),
        "known": scoring.fault_scores(KNOWN, "known"),
        "developing": scoring.fault_scores(DEVELOPING, "developing"),
        "controls": scoring.control_scores(CONTROLS),
        "combinations": scoring.combination_scores([]),
        "rounds": {"ninth": scoring.round_scores(ROUND)},
        "seconds": {"median": 9.0, "most": 12.0},
    }
    return results_page(scores, learning, RANGES, made)


def test_page_reports_as_measured():
    learning = pd.DataFrame([("healthy_point", 0, 1_900, 0.1, 0.8, NOTHING)], columns=list(COLUMNS))
    text = page(learning, BLIND)
    assert "scored here: 2 of the set blind, 6 of the set known, 2 of the set controls." in text
    assert "Of these, 4 of the set known were made before the newest checks' numbers" in text
    assert "not made yet: 44 of 46 of the set blind, 68 of 70 of the set controls.**" in text
    assert "| 33 % (1 of 3 kinds) | 6 % to 79 % | at least 90 %: NOT met |" in text
    assert "median of 3 kinds, the 1 that never were last | 250 | | below 1,000: met |" in text
    assert "| more than half were never named | | below 1,000: not measured yet (2 of 46) |" in text
    assert "| 50 % (1 of 2 runs) | 9 % to 91 % | at most 5 %: not measured yet (2 of 70) |" in text
    assert "`constant_images` (tautology) | 1 of 1 | 1 of 1 | 100 |" in text
    assert "| `target_frozen` | 0 of 1 | 0 of 1 |  | nothing |" in text
    assert "| `actor_encoder_dies` | the units of the actor's encoder alone die" in text
    assert "| developing faults with something named before they begin | 1 of 2 runs |" in text
    assert "| `dead_units` | zeros of image | above 0.95 | 0.3 to 0.7 (6) | 1 (2) |" in text
    assert "| `nan` | metrics that broke | above 0.5 | 0 (1) | not measured |" in text
    assert "| `healthy_point` | 0 | 1,900 | 10 % | 80 % | nothing |" in text


def test_a_goal_is_met_or_missed_only_where_all_planned_runs_are_made():
    learning = pd.DataFrame(columns=list(COLUMNS))
    part, whole = page(learning, BLIND), page(learning, BLIND, WHOLE)
    assert "at least 80 %: not measured yet (2 of 46)" in part
    assert "at least 80 %: NOT met" in whole
    assert "more than half were never named | | below 1,000: NOT met |" in whole
    assert "at most 5 %: NOT met" in whole
    healthy = scoring.control_scores([diagnosis("healthy_point")])
    assert healthy["met"]
    assert "not measured yet" not in whole.partition("## ")[0]


def test_a_round_that_was_blind_keeps_what_it_was_then():
    found = scoring.round_scores(ROUND)
    counted = {name: (one["count"], one["kinds"]) for name, one in found.items()}
    assert counted == {"named_first": (1, 3), "named_at_all": (3, 3), "with_tautologies": (2, 4)}
    text = page(pd.DataFrame(columns=list(COLUMNS)), [], NONE_BLIND)
    row = (
        "| blind faults of the ninth round, while blind, that are named first | 33 % (1 of 3 kinds)"
    )
    assert row in text
    assert "at least 80 %: NOT met" in text
    assert "blind faults that are" not in text


def test_page_without_runs_says_so():
    text = page(pd.DataFrame(columns=list(COLUMNS)), [])
    assert "| blind faults that are named first | not measured | | |" in text
    assert "## Blind faults" not in text
    assert "Not measured yet: the long runs" in text


def test_confusion_is_drawn_in_one_picture(tmp_path):
    write_confusion({"blind": BLIND, "known": KNOWN}, tmp_path / "confusion")
    assert [path.name for path in tmp_path.iterdir()] == ["confusion.png"]
    assert (tmp_path / "confusion.png").stat().st_size > 5_000
