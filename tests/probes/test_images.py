"""Images as few numbers: whether pixels beside each other belong together."""

from itertools import pairwise

import pytest
import torch

from goalscope.probes.images import interleaving


def scene(side=24):
    """Return smooth images (4, 3, side, side) whose colours differ, as bytes."""
    across = torch.linspace(0, 3, side)
    phases = [row + phase for row in range(4) for phase in range(3)]
    waves = [(across[:, None] + phase + across).sin() for phase in phases]
    images = torch.stack(waves).reshape(4, 3, side, side)
    return (255 * (images * 0.3 + torch.tensor([0.6, 0.3, 0.5])[:, None, None]).clamp(0, 1)).byte()


def test_it_is_what_a_loop_finds():
    images = scene()
    beside, third = [], []
    for row in images.double().reshape(-1, images.shape[-1]).tolist():
        beside += [(b - a) ** 2 for a, b in pairwise(row)]
        third += [(b - a) ** 2 for a, b in zip(row, row[3:], strict=False)]
    by_hand = (sum(beside) / len(beside)) / (sum(third) / len(third))
    assert float(interleaving(images)) == pytest.approx(by_hand)
    assert by_hand < 0.2


def test_colours_in_turn_are_told():
    images = scene()
    reshaped = images.permute(0, 2, 3, 1).contiguous().reshape(images.shape)
    assert interleaving(reshaped) > 3
    assert interleaving(images.flip(-1)) < 0.2
    assert interleaving(images.transpose(-1, -2)) < 0.2


def test_what_does_not_vary_along_its_rows_tells_nothing():
    assert interleaving(torch.zeros(2, 3, 24, 24)) is None
    assert interleaving(scene(15)) is None
