"""Colours of images: the same kind lies near, swapped channels lie far off."""

import numpy as np
import pytest
import torch

from goalscope.probes import colour_offset


def scenes(rows: int, seed: int = 0) -> torch.Tensor:
    """Return uint8 (rows, 3, 16, 16): a grey ground, lit as it happens, and a red square."""
    draw = np.random.default_rng(seed)
    images = np.repeat(draw.integers(50, 70, (rows, 1, 1, 1)), 3, axis=1)
    images = np.broadcast_to(images, (rows, 3, 16, 16)).copy()
    for image, (row, column) in zip(images, draw.integers(0, 14, (rows, 2)), strict=True):
        image[:, row : row + 3, column : column + 3] = [[[230]], [[40]], [[40]]]
    return torch.as_tensor(images, dtype=torch.uint8)


def test_it_is_the_distance_of_mahalanobis():
    images, others = scenes(2), scenes(50, seed=1)
    found, known = (i.double().mean(dim=(2, 3)).numpy() for i in (images, others))
    spread = np.cov(known.T, bias=True) + 0.01 * np.eye(3)
    away = found - known.mean(axis=0)
    squares = [a @ np.linalg.inv(spread) @ a / 3 for a in away]
    assert colour_offset(images, others) == pytest.approx(np.sqrt(np.mean(squares)))


def test_swapped_channels_lie_far_off_and_others_of_the_kind_near():
    others = scenes(128, seed=1)
    for seed in range(2, 12):
        image = scenes(1, seed)
        assert colour_offset(image, others) < 3
        assert colour_offset(image.flip(1), others) > 10
        assert colour_offset(image // 255, others) > 3


def test_images_of_floats_are_in_the_same_unit():
    images, others = scenes(1), scenes(50, seed=1)
    floats = [i.double() / 255 for i in (images, others)]
    assert colour_offset(*floats) == pytest.approx(colour_offset(images, others).item())


def test_grey_images_and_one_that_never_varies_are_no_alarm():
    grey = scenes(20)[:, :1]
    assert colour_offset(grey[:1], grey) < 3
    assert colour_offset(grey[:1], grey[:1].expand(20, -1, -1, -1)) == 0
