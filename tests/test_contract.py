"""Reports ask for the keys that are written: no check, quantity or figure waits for another."""

import numpy as np
import pytest
from helpers.keys_asked import keys_asked
from helpers.synthetic_info import ROUTING
from stable_baselines3.common.logger import CSVOutputFormat, configure

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.material.probe_set import ProbeSet
from goalscope.diagnostics.offline_probes import ProbeMaterial, probe_agent
from goalscope.diagnostics.record import Line, RecordWriter, write_probes
from goalscope.diagnostics.record.keys import OFFLINE_FAMILIES, parse
from goalscope.diagnostics.record.metrics import METRICS, SHAPLEY_SHARE, SIGNAL_SHARE, metric_of
from goalscope.probes import LabelledSet
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.reports import write_comparison, write_probe_page, write_report
from goalscope.reports.checks import readings
from goalscope.reports.checks.table import CHECKS
from goalscope.reports.numbers.runs import load_run
from goalscope.training.envs.tasks import task_of
from goalscope.training.evaluation.ablation import SHUFFLED, ablated_values, untouched_values
from goalscope.training.evaluation.episodes import Episode, Evaluation
from goalscope.training.evaluation.value_bias import bias_values
from goalscope.training.probing.checkpoints import shift_values, shifted
from goalscope.training.runs.agent import build_agent
from goalscope.training.runs.settings import RunSettings

ENV = "FetchPush-v4"
TASK = task_of(ENV)
# Together they have all that makes a key exist: encoders that end in a normalisation and in Tanh, a
# shared one, an augmentation trained under and one that is not, vectors beside images and goals, a
# layer that standardises what it is given.
FIX = "pixel-her-drq-norm"
ARMS = ("pixel-her", FIX, "pixel-her+share+proprio+goal-std")
GOALS = np.random.default_rng(1).normal(size=(9, 3)).astype(np.float32)
CONSTANTS = ProbeSet(dict.fromkeys(GOAL_KEYS, GOALS), GOALS, GOALS, "made up")  # goal-std's
PLAYED = [Episode(True, 0.01, -9.0), Episode(False, 0.1, -50.0)]
UPDATES = (0, 1, 2, 10, 300, 1_000, 1_500, 1_900, 2_000)


def probed(model, augmented: bool):
    """Return what the offline probes find of an agent, asked about made-up states."""
    rows, generator = 60, np.random.default_rng(0)
    states = [model.observation_space.sample() for _ in range(rows)]
    observations = {key: np.stack([state[key] for state in states]) for key in states[0]}
    actions = generator.uniform(-1, 1, (rows, 4)).astype(np.float32)
    targets = {name: generator.normal(size=(rows, 3)) for name in TASK.probe_targets}
    labelled = LabelledSet(
        observations,
        actions,
        np.arange(rows) // 10,
        targets | {"desired_goal": observations["desired_goal"].astype(np.float64)},
        observations["achieved_goal"],
        np.maximum(np.arange(rows) - 1, 0),
    )
    extra = {"proprioception": generator.normal(size=(rows, 6))}
    return probe_agent(
        model.policy,
        ProbeMaterial(
            ProbeSet(observations, actions, GOALS, "made up"),
            labelled,
            extra,
            TASK,
            shifted(4),
            augmented,
        ),
    )


def write(arm: str, folder) -> set[str]:
    """Write a run of made-up numbers under the keys that a real one has, and return those keys."""
    settings = RunSettings(arm, folder, env=ENV, image_size=36, total_steps=100)
    model = build_agent(settings, CONSTANTS)
    model.set_logger(configure(str(folder.parent / "log"), ["csv"]))
    callback = ModalityDiagnostics(folder, arm=arm, settings={"env.id": ENV})
    callback.init_callback(model)
    callback.on_training_start({}, {})
    (output,) = (o for o in model.logger.output_formats if isinstance(o, CSVOutputFormat))
    announced = list(output.keys)
    found = probed(model, augmented=settings.agent.random_shift is not None)
    callback.on_training_end()
    model.get_env().close()
    assert callback.failures == {}
    evaluated = Evaluation(1, 4, (1.0,), -3.0, TASK).metrics()
    generator = np.random.default_rng(0)
    writer = RecordWriter(folder, None)
    for update in UPDATES:
        keys = [*announced, *evaluated]
        writer.write(
            Line(
                update, update, dict(zip(keys, generator.uniform(0.1, 0.9, len(keys)), strict=True))
            )
        )
    writer.write_routing(ROUTING)
    writer.close()
    offline = {key: v for key, v in found.values.items() if parse(key).family in OFFLINE_FAMILIES}
    offline |= shift_values(TASK, 0.02, 4)
    offline |= untouched_values(PLAYED) | ablated_values(PLAYED, PLAYED, "pixels", SHUFFLED)
    offline |= bias_values([-3.0, -2.0], [-4.0, -1.0])
    steps = (0, 1_000, 2_000)
    write_probes(
        folder,
        [Line(step, step, offline) for step in steps],
        {step: found.arrays for step in steps},
    )
    return {*announced, *evaluated, *offline}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Folder of a run of each arm, and every key that one of them has."""
    root = tmp_path_factory.mktemp("runs")
    keys = {arm: write(arm, root / arm) for arm in ARMS}
    return {arm: root / arm for arm in ARMS}, set().union(*keys.values())


def unwritten(asked: set[str], written: set[str]) -> set[str]:
    """Return the keys that nothing writes.

    A conditional metric may be asked for, of blocks and under names that there are, where this run
    does not have it.
    """
    blocks, names = {parse(key).block for key in written}, {parse(key).name for key in written}

    def may_be(key: str) -> bool:
        metric, parts = metric_of(key), parse(key)
        conditional = metric is not None and metric.condition
        return bool(conditional and parts.block in blocks and parts.name in names)

    return {key for key in asked - written if not may_be(key)}


def test_the_table_holds_exactly_what_is_written(written):
    _, keys = written
    assert {key for key in keys if metric_of(key) is None} == set()
    assert set(METRICS) - {metric_of(key) for key in keys} == set()


def test_pages_ask_for_what_is_written(written, tmp_path):
    folders, keys = written
    with keys_asked() as asked:
        write_report(folders[FIX])
        write_probe_page(folders[FIX])
        write_comparison(list(folders.values()), tmp_path / "page")
    assert {SIGNAL_SHARE.key("actor", "goal"), SHAPLEY_SHARE.key("critic", "goal")} <= asked
    assert unwritten(asked, keys) == set()


def check_keys(folder) -> set[str]:
    """Return every key that the checks ask of a run."""
    with keys_asked() as asked:
        run = load_run(folder)
        for check in CHECKS:
            for network in check.networks:
                check.read(run, network)
    return asked


def test_a_key_that_nothing_writes_is_found(written, monkeypatch):
    folders, keys = written
    assert unwritten(check_keys(folders[FIX]), keys) == set()
    monkeypatch.setattr(readings, "before_normalisation", "{}before_normalisation".format)
    assert "features/critic.pixelsbefore_normalisation.zero_fraction" in unwritten(
        check_keys(folders[FIX]), keys
    )
