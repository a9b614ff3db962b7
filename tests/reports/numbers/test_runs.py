"""Runs as they are read."""

from helpers.synthetic_runs import Synthetic, write_run

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
