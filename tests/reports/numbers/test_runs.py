"""Runs as they are read."""

from dataclasses import replace

import pytest
from helpers.synthetic_runs import Synthetic, write_run

from goalscope.diagnostics.record import named_task
from goalscope.reports.numbers.runs import load_run


def test_the_image_block_is_pixels_or_that_of_an_encoder_or_the_widest_other(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=Synthetic(updates=5)))
    assert run.image_block() == "pixels"
    critic, actor = (run.record.info.networks[name]["blocks"] for name in ("critic", "actor"))
    critic[0]["name"] = "state"
    assert run.image_block() == "pixels"  # which the actor alone reads
    actor[0]["name"] = critic[0]["name"] = "camera"
    critic.append({"name": "lidar", "width": 10_000})
    assert run.image_block() == "camera"
    for block in (critic[0], actor[0]):
        block.pop("encoder_parameters", None)
    assert run.image_block() == "lidar"


@pytest.mark.parametrize(
    ("task", "blocks", "told"),
    [
        ("FetchPush-v4", ["pixels", "achieved_goal", "desired_goal", "action"], "gripper"),
        ("FetchPush-v4", ["pixels", "achieved_goal+desired_goal"], "gripper"),
        ("FetchPush-v4", ["pixels", "desired_goal"], "object"),
        ("FetchPush-v4", ["pixels", "achieved_goal", "proprioception"], None),
        ("FetchReach-v4", ["pixels", "achieved_goal", "desired_goal"], None),
        ("FetchReach-v4", ["pixels"], "gripper"),
        ("unknown", ["pixels"], "achieved_goal"),
        ("FetchPush-v4", [], "object"),
    ],
)
def test_images_have_to_tell_the_position_that_no_vector_tells(tmp_path, task, blocks, told):
    run = load_run(write_run(tmp_path / "a"))
    networks = {"critic": {"blocks": [{"name": name, "width": 3} for name in blocks]}}
    info = replace(run.record.info, task=named_task(task), networks=networks)
    run = replace(run, record=replace(run.record, info=info))
    assert run.untold_position("critic") == told
