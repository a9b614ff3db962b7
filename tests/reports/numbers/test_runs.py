"""Runs as they are read."""

from helpers.synthetic_runs import Synthetic, write_run

from goalscope.reports.numbers.runs import load_run


def test_the_image_block_is_pixels_or_the_widest_other(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=Synthetic(updates=5)))
    assert run.image_block() == "pixels"
    blocks = run.record.info.networks["critic"]["blocks"]
    blocks[0]["name"] = "camera"
    assert run.image_block() == "camera"
