"""What the record of one watched run holds, and SB3's logger beside it."""

import csv

import pytest
from conftest import POINT
from stable_baselines3 import SAC, HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import configure

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.diagnostics.record import PROBE_SET_FILE, read_run
from goalscope.training import NormalizedCombinedExtractor
from goalscope.training.envs.making import make_environment


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """One real run with everything on: its record, and what SB3 logged."""
    folder = tmp_path_factory.mktemp("watched") / "run"
    agent = SAC(
        "MultiInputPolicy",
        make_vec_env(lambda: make_environment(POINT), seed=0),
        replay_buffer_class=HerReplayBuffer,
        policy_kwargs={"features_extractor_class": NormalizedCombinedExtractor, "net_arch": [16]},
        learning_starts=60,
        batch_size=32,
        buffer_size=300,
        seed=0,
    )
    log = folder.parent / "sb3"
    agent.set_logger(configure(str(log), ["csv"]))
    agent.learn(180, log_interval=1, callback=ModalityDiagnostics(folder, sensitivity_every=40))
    agent.get_env().close()
    return read_run(folder), log / "progress.csv"


def test_measured_from_initialisation_on(watched):
    run, _ = watched
    updates = {
        family: [u.update for u in run.measurements if any(k.startswith(family) for k in u.values)]
        for family in ("features/", "signal/", "gradient/", "sensitivity/")
    }
    assert updates["features/"][:11] == list(range(11))
    assert updates["signal/"] == updates["features/"]
    assert updates["gradient/"][:10] == list(range(1, 11))
    assert updates["sensitivity/"] == [*range(11), 20, 40, 80, 120]
    assert run.end is not None
    assert run.failures == []
    assert run.nonfinite() == {}


def test_the_record_says_what_was_found(watched):
    run, _ = watched
    blocks = {b["name"]: b for b in run.info.networks["critic"]["blocks"]}
    assert blocks["pixels"]["width"] == 50
    assert blocks["pixels"]["ends_in"] == "Tanh"
    assert blocks["pixels"]["normalised"]
    assert run.info.networks["critic"]["consumers"] == ["qf0.0", "qf1.0"]
    assert run.info.settings["agent.features_extractor"] == "NormalizedCombinedExtractor"
    assert run.info.seed == 0
    assert (run.folder / PROBE_SET_FILE).exists()
    state = {k for line in run.measurements for k in line.values if k.startswith("training/")}
    assert {
        "training/critic.loss",
        "training/entropy.coefficient",
        "training/updates_per_step",
        "training/rollout.success_rate",
        "training/critic.target_spread",
        "training/relabelled.unmoved_fraction",
    } <= state
    last = [line for line in run.measurements if "features/critic.pixels_raw.norm" in line.values]
    assert "features/critic.pixels.saturated_fraction" in last[-1].values
    assert last[-1].step == last[-1].update + 61  # one step per update after learning_starts


def test_shares_sum_to_one_in_every_line(watched):
    run, _ = watched
    keys = ("pixels", "achieved_goal", "desired_goal")
    checked = 0
    for line in run.measurements:
        for stem, name in (
            ("signal/critic", "share"),
            ("signal/actor", "share"),
            ("gradient/critic_loss", "signal_gradient_share"),
            ("gradient/actor_loss", "weight_gradient_share"),
            ("gradient/actor_loss", "fusion_gradient_share"),
            ("features/critic", "spread_share"),
            ("features/critic", "dimension_share"),
        ):
            if f"{stem}.pixels.{name}" in line.values:
                total = sum(line.values[f"{stem}.{key}.{name}"] for key in keys)
                assert total == pytest.approx(1, abs=1e-4)
                goal = line.values[f"{stem}.goal.{name}"]
                assert 0 <= goal <= 1
                checked += 1
    assert checked > 100


def test_the_routing_table_is_what_sb3_does(watched):
    run, _ = watched
    rows = {(row["network"], row["group"]): row for row in run.routing}
    encoder = rows["critic", "encoder of pixels"]
    assert encoder["optimizer"] == "critic"
    assert encoder["losses"] == ["critic_loss", "actor_loss"]  # the backward pass nothing uses
    assert rows["actor", "encoder of pixels"]["losses"] == ["actor_loss"]
    assert rows["critic_target", "qf0"]["optimizer"] is None
    assert rows["critic_target", "qf0"]["target"] == "follows the critic's qf0, tau 0.005"
    assert rows["entropy", "log_ent_coef"]["losses"] == ["entropy_loss"]


def test_sb3s_logger_has_every_key_from_the_first_dump_on(watched):
    run, log = watched
    with open(log, newline="") as file:
        rows = list(csv.reader(file))
    keys = {key for line in run.measurements for key in line.values}
    assert keys <= set(rows[0])
    # The writer appends columns it meets later at the end: ours all came with the first dump.
    first_dump = rows[1]
    last_of_ours = max(rows[0].index(key) for key in keys)
    assert len(first_dump) > last_of_ours
    assert all(key.count("/") == 1 for key in keys)
