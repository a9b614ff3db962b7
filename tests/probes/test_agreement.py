"""Two accounts of the same steps: what differs is counted, rounding is not."""

import numpy as np
import pytest
import torch

from goalscope.probes import differing_share, input_offset, same_share


def test_rows_that_differ_are_counted_as_a_loop_counts_them():
    draw = torch.Generator().manual_seed(0)
    given = torch.randn(40, 2, 3, generator=draw)
    back = given * (1 + 1e-6)  # rounding
    back[::4, 1, 2] += 0.01
    naive = [not np.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in zip(given, back, strict=True)]
    assert differing_share(given, back) == np.mean(naive) == 0.25
    assert differing_share(given, back[..., :2]) == 1
    assert differing_share(torch.arange(3), torch.arange(3)[:, None]) == 0
    assert differing_share(torch.full((3, 1), torch.nan), torch.full((3, 1), torch.nan)) == 0
    numbers = torch.tensor([0, 3, 1])  # of a discrete space
    assert differing_share(numbers, numbers[:, None]) == 0
    assert differing_share(numbers, numbers.flip(0)[:, None]) == pytest.approx(2 / 3)


def test_the_offset_of_inputs_is_that_of_the_middle_row():
    learnt = torch.zeros(5, 2)
    acted = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0], [3.0, 4.0], [90.0, 90.0]])
    assert input_offset(acted, learnt, torch.tensor(2.0)) == pytest.approx(5 / 2**0.5 / 2)
    assert input_offset(acted, learnt, torch.tensor(0.0)) == pytest.approx(5 / 2**0.5)
    assert input_offset(learnt, learnt, torch.tensor(2.0)) == 0
    assert input_offset(acted, learnt[:, :1], torch.tensor(2.0)) == torch.inf


def test_rows_are_the_same_that_are_alike_in_everything():
    one, other = torch.arange(8.0).reshape(4, 2), torch.arange(8.0).reshape(4, 2)
    images = torch.zeros(4, 3, 2, 2, dtype=torch.uint8)
    assert same_share([one, images], [other, images]) == 1
    other[1, 0] += 1e-6
    changed = images.clone()
    changed[2, 0, 0, 0] = 1
    assert same_share([one, images], [other, changed]) == 0.5
