"""Record keys: each is made, parsed and known by its owner."""

import subprocess
import sys
from collections import Counter

import pytest

from goalscope.diagnostics.record.keys import Family, before_normalisation, parse, prefixed
from goalscope.diagnostics.record.metrics import (
    CONTENT_R2,
    DIRECTION_WINDOW,
    ENCODER_COSINE,
    FEATURE_NORM,
    FRESH_CONTENT_R2,
    METRICS,
    Q_GOAL_SWAP,
    SIGNAL_RESIDUAL,
    SIGNAL_SHARE,
    UPDATES_PER_STEP,
    metric_of,
)

PARTS = {
    "target": "object_velocity",
    "extra": "previous",
    "bin": 3,
    "unit": "goal_units",
    "end": "low",
    "way": "blanked",
}
KEYS = {
    metric.key(owner, block, **PARTS): metric
    for metric in METRICS
    for owner in metric.owners
    for block in (("pixels+extra",) if metric.blocks is None else metric.blocks or (None,))
}


def test_keys_are_what_records_hold():
    assert SIGNAL_SHARE.key("critic", "goal") == "signal/critic.goal.share"
    assert SIGNAL_RESIDUAL.key("actor") == "signal/actor.residual"
    assert Q_GOAL_SWAP.key() == "sensitivity/critic.desired_goal.q_goal_swap"
    assert (
        Q_GOAL_SWAP.within(Family.SENSITIVITY_REPLAY).key()
        == "sensitivity_replay/critic.desired_goal.q_goal_swap"
    )
    assert UPDATES_PER_STEP.key() == "training/updates_per_step"
    assert ENCODER_COSINE.key() == "gradient/encoder.cosine"
    raw = before_normalisation("pixels")
    assert FEATURE_NORM.key("critic", raw) == "features/critic.pixels_raw.norm"
    assert CONTENT_R2.key("critic", "pixels", target="object") == "content/critic.pixels.object_r2"


@pytest.mark.parametrize("key", KEYS)
def test_every_key_comes_apart_and_fits_one_metric(key):
    assert str(parse(key)) == key
    assert key.count("/") == 1
    assert [metric for metric in METRICS if metric.match(key) is not None] == [KEYS[key]]
    assert metric_of(key) == KEYS[key]


def test_no_two_metrics_share_a_key():
    assert (
        Counter((m.family, m.name, m.owners, m.blocks) for m in METRICS).most_common(1)[0][1] == 1
    )
    assert len(KEYS) == sum(len(m.owners) * len(m.blocks or (None,)) for m in METRICS)


def test_parts():
    found = parse("features/critic.front.camera.norm")
    assert (found.owner, found.block, found.name) == ("critic", "front.camera", "norm")
    assert parse("training/rollout.success_rate").block == ""
    assert parse("training/updates_per_step").owner == ""
    assert CONTENT_R2.match("content/critic.pixels.gripper_r2") == {"target": "gripper"}
    assert CONTENT_R2.match("content/critic.pixels.fresh_object_r2") is None
    assert FRESH_CONTENT_R2.match("content/critic.pixels.fresh_object_r2") == {"target": "object"}


@pytest.mark.parametrize(
    "key",
    [
        "signal/critic.share",  # of no block
        "signal/encoder.goal.share",
        "signal/critic.goal.residual",
        "content/critic.pixels.object",
        "mine/critic.goal.share",
        "share",
    ],
)
def test_what_goalscope_does_not_write_is_no_metric(key):
    assert metric_of(key) is None


def test_a_wrong_owner_or_block_is_no_key():
    with pytest.raises(ValueError, match="'encoder' is none of"):
        SIGNAL_SHARE.key("encoder", "goal")
    with pytest.raises(ValueError, match="belongs to a block"):
        SIGNAL_SHARE.key("critic")
    with pytest.raises(ValueError, match="'goal' is none of"):
        DIRECTION_WINDOW.key("critic_loss", "goal")


def test_keys_by_block():
    keys = [SIGNAL_SHARE.key(n, b) for n in ("critic", "actor") for b in ("pixels", "goal")]
    found = SIGNAL_SHARE.by_block([*keys, "signal/critic.goal.signal"], "critic")
    assert found == {"pixels": keys[0], "goal": keys[1]}


def test_ends_of_keys_are_prefixed():
    assert prefixed(Family.SIGNAL, {"goal.share": 1.0}, "critic") == {
        "signal/critic.goal.share": 1.0
    }
    assert prefixed(Family.GOAL_MAP, {"critic.goal.front": 1.0}) == {
        "goal_map/critic.goal.front": 1.0
    }


def test_reading_records_imports_no_torch():
    loads = (
        "import sys, goalscope.diagnostics.record, goalscope.diagnostics.record.metrics;"
        "print([m for m in ('torch', 'stable_baselines3', 'mujoco') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_callbacks_are_still_where_they_were():
    import goalscope.diagnostics as diagnostics

    assert diagnostics.ModalityDiagnostics.__name__ == "ModalityDiagnostics"
    assert set(diagnostics.__all__) <= set(dir(diagnostics))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        diagnostics.Nothing  # noqa: B018
