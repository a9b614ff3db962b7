"""What a run is given on its node, and in what portions it sends its files."""

import os

import pytest

from goalscope.training.executors.cluster_worker import BATCH_BYTES, _draw_on, batches
from goalscope.training.executors.mirror import Piece

CARD = "MUJOCO_EGL_DEVICE_ID"


@pytest.mark.parametrize(
    ("gpus", "drawn_on"), [(["2"], "2"), ([3], "3"), ([], None), (["GPU-6b1f-00"], None)]
)
def test_frames_are_drawn_on_the_card_that_the_run_was_given(monkeypatch, gpus, drawn_on):
    monkeypatch.setenv(CARD, "9")
    monkeypatch.delenv(CARD)
    _draw_on(gpus)
    assert os.environ.get(CARD) == drawn_on


def test_files_are_sent_some_megabytes_at_a_time_in_their_order():
    pieces = [Piece(str(n), 0, b"x" * (BATCH_BYTES // 3), last=True) for n in range(7)]
    sent = list(batches(iter(pieces)))
    assert [len(batch) for batch in sent] == [4, 3]
    assert [piece for batch in sent for piece in batch] == pieces
