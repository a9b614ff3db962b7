"""Images that come back mirrored or turned are told from those that were shifted or coloured."""

import pytest
import torch
from torch.nn.functional import interpolate, pad

from goalscope.probes import turned_share

ROWS, SIDE, SHIFT = 16, 40, 4


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scenes(width: int = SIDE) -> torch.Tensor:
    """Return bytes (16, 3, 40, width): a block somewhere before a background without symmetry."""
    behind = interpolate(torch.rand(1, 3, 6, 6, generator=draw()), size=(SIDE, width))
    images = (100 * behind).repeat(ROWS, 1, 1, 1)
    for row, places in enumerate(torch.randint(1, SIDE - 4, (ROWS, 2), generator=draw(1)).tolist()):
        images[row, :, places[0] : places[0] + 3, places[1] : places[1] + 3] = 255
    return images.byte()


def shifted(images: torch.Tensor) -> torch.Tensor:
    """Return the images under DrQ's shift: padded by their edges, and cut out at random."""
    padded = pad(images.float(), (SHIFT,) * 4, mode="replicate")
    places = torch.randint(0, 2 * SHIFT + 1, (len(images), 2), generator=draw(2)).tolist()
    height, width = images.shape[-2:]
    return torch.stack(
        [
            image[:, y : y + height, x : x + width]
            for image, (y, x) in zip(padded, places, strict=True)
        ]
    ).byte()


HARMLESS = {
    "nothing": lambda images: images,
    "a shift": shifted,
    "darkening": lambda images: images // 2,
    "noise": lambda images: images + 5 * torch.randn(images.shape, generator=draw()),
    "colours": lambda images: images.flip(1),
}
TURNED = {
    "mirrored": lambda images: images.flip(-1),
    "upside down": lambda images: images.flip(-2),
    "a quarter turn": lambda images: images.transpose(-1, -2).flip(-1),
    "mirrored and shifted": lambda images: shifted(images.flip(-1)),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_leaves_the_scene_upright_is_not_turned(name):
    images = scenes()
    assert turned_share(images, HARMLESS[name](images)) == 0


@pytest.mark.parametrize("name", TURNED)
def test_what_turns_the_scene_is_seen_in_every_row(name):
    images = scenes()
    assert turned_share(images, TURNED[name](images)) == 1


def test_half_of_the_rows_are_half():
    images = scenes()
    images[::2] = images[::2].flip(-1)
    assert turned_share(scenes(), images) == 0.5


def test_images_that_are_not_square_can_be_mirrored():
    images = scenes(width=56)
    assert turned_share(images, shifted(images)) == 0
    assert turned_share(images, images.flip(-1)) == 1


def test_of_images_that_are_the_same_both_ways_nothing_is_said():
    images = scenes()
    both = images.maximum(images.flip(-1))
    assert turned_share(both, both.flip(-1)) == 0
    assert turned_share(torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 8)) == 0


def test_of_crops_nothing_can_be_said():
    images = scenes()
    assert turned_share(images, images[..., 4:-4]) is None
