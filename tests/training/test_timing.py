"""How long a run will take: its parts, times how many of each it makes."""

import tempfile
from pathlib import Path

import pytest

from goalscope.training.runs import timing
from goalscope.training.runs.settings import Cadence, EvaluationSettings, RunSettings
from goalscope.training.runs.timing import run_time


def settings(arm: str = "pixel-her", **changes) -> RunSettings:
    tiny = {"env": "PixelPoint-v0", "image_size": 36, "batch_size": 16, "net_arch": (16,)}
    return RunSettings(arm, Path("runs/planned"), **(tiny | {"total_steps": 1_100} | changes))


def test_each_part_counts_as_often_as_the_run_makes_it(monkeypatch):
    def seconds(model, trial, count, *watch):
        if not watch:
            return 0.01, 0.1
        return 0.01, 0.2 if len(watch[0]._chosen) == 2 else 0.5

    monkeypatch.setattr(timing, "_round", seconds)
    monkeypatch.setattr(timing, "_episode", lambda model, settings: 2.0)
    plan = settings(
        every=Cadence(100, 50, 250), evaluation=EvaluationSettings(every=500, episodes=3)
    )
    found = run_time(plan)
    assert found.gathering == pytest.approx(1_100 * 0.01)
    assert found.learning == pytest.approx(1_000 * 0.1)
    # 0 to 10, 15, 22, 34, 51, 76, 114, and every 50th; 0 to 10, 20, 40, 80, 160, 320, every 250th
    cheap, dear = 11 + 6 + 20, 11 + 5 + 4
    assert found.watching == pytest.approx(cheap * 0.1 + dear * 0.3)
    assert found.evaluating == pytest.approx(4 * 3 * 2.0)  # at 0, 500, 1,000 and 1,100
    assert found.total == pytest.approx(sum(part for part in vars(found).values()) - found.tried)


def test_an_encoders_warm_up_counts_among_the_updates(monkeypatch):
    monkeypatch.setattr(timing, "_round", lambda model, trial, count, *watch: (0.0, 0.0))
    monkeypatch.setattr(timing, "_WARMING", 2)
    plan = settings("pixel-her-recipe~close-camera", evaluation=EvaluationSettings(every=0))
    assert run_time(plan).learning == 0
    warmed = settings(
        "pixel-her-recipe~close-camera+frozen-encoder", evaluation=EvaluationSettings(every=0)
    )
    assert run_time(warmed).learning > 5  # 5,000 steps of more than a millisecond


@pytest.mark.parametrize(
    ("arm", "changes"),
    [
        ("pixel-her-drq+goal-std", {"fast": True}),
        ("reach-pixel", {"env": "FetchReach-v4", "evaluation": EvaluationSettings(every=0)}),
        ("pixel-her-recipe~close-camera+frozen-encoder", {"fast": True}),
        ("state-her", {"n_envs": 2, "gradient_steps": 2, "total_steps": 2_000}),
        ("plain", {"algorithm": "ppo", "n_envs": 2, "learning_starts": 500}),
    ],
)
def test_real_steps_and_updates_of_every_kind_of_run(arm, changes, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    plan = settings(arm, **changes)
    found = run_time(plan)
    assert found.learning > 0
    assert (found.evaluating > 0) == (plan.evaluation_steps > 0)
    assert found.tried == (30 if plan.on_policy else 16 * plan.gradient_steps)
    assert not any(tmp_path.iterdir())  # nothing is left behind
    assert not plan.out.exists()
