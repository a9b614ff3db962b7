"""The page of a run's probes: with and without pixels, NaN, one checkpoint, or none."""

import csv
import math

import numpy as np
import pytest
from synthetic_runs import BASELINE, write_run
from test_reports_pages import check_self_contained

from goalscope.diagnostics.record import Line, write_probes
from goalscope.reports import ReportError, write_probe_page
from goalscope.reports.pages.probe_page import probe_sentences
from goalscope.reports.records.tables import load_run

VALUES = {
    "attribution/critic.goal.shapley_share": 0.3,
    "attribution/critic.pixels.shapley_share": 0.6,
    "attribution/critic.action.shapley_share": 0.1,
    "attribution/actor.goal.shapley_share": 0.9,
    "attribution/actor.pixels.shapley_share": 0.1,
    "content/critic.pixels.object_cm": 4.0,
    "content/critic.pixels.fresh_object_cm": 9.0,
    "content/critic.pixels.raw_object_cm": 3.0,
    "content/critic.pixels.raw_desired_goal_r2": 0.7,
    "goal_map/actor.goal.action_alignment": 0.5,
    "augmentation/critic.pixels.would_be_augmentation_over_signal": 2.0,
    "prediction/critic.features.next_goal_r2": 0.9,
}


def arrays(pixels: bool) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    grid = np.stack(np.meshgrid([1.2, 1.3, 1.4], [0.6, 0.7, 0.8], [0.42]), axis=-1).reshape(-1, 3)
    achieved = generator.uniform(1.2, 1.4, (8, 3))
    found = {
        "map.goals": grid,
        "map.q": generator.normal(size=(8, 9)),
        "map.actions": generator.uniform(-1, 1, (8, 9, 4)),
        "map.achieved": achieved,
        "map.distance": np.linalg.norm(achieved[:, None] - grid, axis=2),
        "drawn": np.array([0, 3, 7]),
        "truth.gripper": generator.uniform(1.2, 1.4, (3, 3)),
        "truth.object": generator.uniform(1.2, 1.4, (3, 3)),
    }
    if pixels:
        found["shown.pixels"] = generator.integers(0, 256, (3, 3, 8, 8)).astype(np.uint8)
        found["saliency.critic.pixels"] = generator.random((3, 8, 8))
        found["saliency.actor.pixels"] = generator.random((3, 8, 8))
    return found


def probed(folder, steps=(0, 500), *, pixels=True, **changed):
    run = write_run(folder, kind=BASELINE)
    values = {k: v for k, v in VALUES.items() if pixels or ".pixels." not in k} | changed
    write_probes(
        run,
        [Line(step, step // 2, values) for step in steps],
        {step: arrays(pixels) for step in steps},
    )
    return run


def test_a_page_with_every_figure_and_number(tmp_path):
    run = probed(tmp_path / "run")
    text = check_self_contained(write_probe_page(run))
    for name in ("goal_map", "front", "saliency", "attribution", "content", "rest"):
        assert f'id="probe_{name}"' in text
        assert (run / "figures" / f"probe_{name}.png").exists()
    with open(run / "tables" / "probes.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * len(VALUES)
    assert {row["metric"] for row in rows} == set(VALUES)


def test_what_it_says_comes_from_the_numbers(tmp_path):
    said = " ".join(probe_sentences(load_run(probed(tmp_path / "run"))))
    assert "Q owes 30 % of what moves it to the goal and 60 % to pixels" in said
    assert "to 4.0 cm, from raw pixels to 3.0 cm, from a fresh encoder to 9.0 cm" in said
    assert "would be 2.0 times as loud" in said


def test_without_pixels_it_draws_what_there_is(tmp_path):
    run = probed(tmp_path / "run", pixels=False)
    text = check_self_contained(write_probe_page(run))
    assert 'id="probe_goal_map"' in text
    assert 'id="probe_saliency"' not in text


def test_nan_and_a_single_checkpoint(tmp_path):
    broken = {"attribution/critic.goal.shapley_share": math.nan}
    run = probed(tmp_path / "run", (0,), **broken)
    text = check_self_contained(write_probe_page(run))
    assert "an amount that could not be measured" in text


def test_a_run_that_was_not_probed(tmp_path):
    with pytest.raises(ReportError, match="has not been probed; probe it first: goalscope probe"):
        write_probe_page(write_run(tmp_path / "run"))
