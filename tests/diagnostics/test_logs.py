"""Other people's loggers: numbers over updates, figures at evaluations, refusals in one line."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from stable_baselines3.common.logger import configure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.logs.log import LogError, by_update
from goalscope.diagnostics.logs.opening import open_log
from goalscope.diagnostics.record import Line, read_run
from goalscope.diagnostics.record.metrics import SUCCESS_RATE

LINE = Line(400, 40, {"features/critic.pixels.spread": 0.5, "training/critic.loss": 2.0})
IMAGE = {"training": np.zeros((4, 6, 3), np.uint8)}


def test_tags_of_numbers_over_updates_are_groups_of_their_own():
    assert by_update(LINE.values) == {
        "features_by_update/critic.pixels.spread": 0.5,
        "training_by_update/critic.loss": 2.0,
    }


def test_tensorboard_shows_each_measurement_at_its_update_and_figures(make_agent, tmp_path):
    agent = make_agent()
    agent.set_logger(configure(str(tmp_path / "log"), ["tensorboard"]))

    class Evaluates(ModalityDiagnostics):
        def _on_training_end(self):
            self.record("evaluation", lambda _: {SUCCESS_RATE.key(): 0.5})
            super()._on_training_end()

    callback = Evaluates(log_to=["tensorboard"], log_figures=True)
    agent.learn(75, callback=callback)
    assert callback.failures == {}
    events = EventAccumulator(str(tmp_path / "log"), size_guidance={"images": 0})
    events.Reload()
    record = read_run(tmp_path / "log" / "goalscope")
    expected: dict[str, list[tuple[int, float]]] = {}
    for line in record.measurements:
        for tag, value in by_update(line.values).items():
            expected.setdefault(tag, []).append((line.update, value))
    scalars = [tag for tag in events.Tags()["scalars"] if "_by_update/" in tag]
    assert set(scalars) == set(expected)
    tag = "features_by_update/critic.pixels.spread"
    found = [(event.step, event.value) for event in events.Scalars(tag)]
    assert found == [(update, pytest.approx(value)) for update, value in expected[tag]]
    images = events.Tags()["images"]
    assert "figures/training" in images
    assert [event.step for event in events.Images("figures/training")] == [75]


def fake(monkeypatch, name: str, **content: object) -> None:
    module = ModuleType(name)
    module.__dict__.update(content)
    module.__spec__ = SimpleNamespace(name=name)
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, f"goalscope.diagnostics.logs.{name}", raising=False)


def test_wandb_has_an_axis_for_each_group(monkeypatch):
    axes, logged = {}, []
    run = SimpleNamespace(
        define_metric=lambda name, step_metric=None, hidden=False: axes.update({name: step_metric}),
        log=logged.append,
    )
    fake(monkeypatch, "wandb", run=run, Image=lambda image: image.shape)
    log = open_log("wandb", None)
    log.hear(LINE)
    log.hear(Line(410, 41, event="note"))
    log.show(LINE, IMAGE)
    assert axes["features/*"] == "goalscope/step"
    assert axes["features_by_update/*"] == "goalscope/update"
    numbers, figures = logged
    place = {"goalscope/step": 400, "goalscope/update": 40}
    assert numbers == {**LINE.values, **by_update(LINE.values), **place}
    assert figures == {"figures/training": (4, 6, 3), **place}


def test_mlflow_logs_over_steps_and_over_updates(monkeypatch):
    logged, shown = [], []
    fake(
        monkeypatch,
        "mlflow",
        active_run=lambda: SimpleNamespace(info=SimpleNamespace(run_id="r")),
        log_metrics=lambda values, step, run_id: logged.append((values, step, run_id)),
        MlflowClient=lambda: SimpleNamespace(
            log_image=lambda run, image, key, step: shown.append((run, image.shape, key, step))
        ),
    )
    log = open_log("mlflow", None)
    log.hear(Line(400, 40, {"features/critic.image+state.spread": 0.5}))
    log.show(LINE, IMAGE)
    assert logged == [
        ({"features/critic.image_state.spread": 0.5}, 400, "r"),
        ({"features_by_update/critic.image_state.spread": 0.5}, 40, "r"),
    ]
    assert shown == [("r", (4, 6, 3), "figures/training", 400)]


def test_loggers_that_cannot_be_written_to(make_agent, tmp_path, monkeypatch):
    fake(monkeypatch, "wandb", run=None)
    fake(monkeypatch, "mlflow", active_run=lambda: None)
    asked = {"tensorboard": "writes none", "wandb": "wandb.init", "mlflow": "start_run"}
    for name, says in {**asked, "paper": "not known"}.items():
        callback = ModalityDiagnostics(tmp_path / name, log_to=[name])
        with pytest.raises(LogError, match=says) as refused:
            make_agent().learn(10, callback=callback)
        assert "\n" not in str(refused.value)
        assert not (tmp_path / name).exists()
