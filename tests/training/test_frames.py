import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.replay_streams import Episodes

from goalscope.training.replay.frames import GROWTH, FrameStore
from goalscope.training.replay.ring import FrameRing
from goalscope.training.replay.shift import random_shift, shift

CPU = torch.device("cpu")
SHAPE = (3, 5, 4)


def frames(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE), np.uint8)


@pytest.fixture(params=["memory", "disk"])
def place(request, tmp_path):
    return CPU if request.param == "memory" else tmp_path / "frames"


def test_frames_come_back_from_their_slots_in_any_order(place):
    store = FrameStore("pixels", SHAPE, 10, place)
    given = frames(6)
    slots = np.array([9, 0, 10, 4, 12, 3])  # fixed ones and of the rest, mixed
    store.write(slots, given)
    order = np.array([4, 1, 1, 5, 0, 3, 2])
    assert np.array_equal(store.read(slots[order], CPU).numpy(), given[order])


def test_what_is_stored_stays_as_the_store_grows(place):
    store = FrameStore("pixels", SHAPE, 4, place)
    given = frames(8)
    store.write(np.arange(8), given)
    for slots in (4 + GROWTH + 1, 4 + 5 * GROWTH):
        store.reserve(slots)
        assert store.slots >= slots
        assert np.array_equal(store.read(np.arange(8), CPU).numpy(), given)
    store.write(np.array([store.slots - 1]), given[:1])
    assert np.array_equal(store.read(np.array([store.slots - 1]), CPU).numpy(), given[:1])


def test_growing_copies_each_frame_a_bounded_number_of_times():
    store = FrameStore("pixels", SHAPE, 1, CPU)
    sizes = {len(store._rest)}
    for slots in range(1, 20_000):
        store.reserve(slots)
        sizes.add(len(store._rest))
    assert len(sizes) < 25


def test_files_are_opened_as_they_are_and_a_store_of_another_size_is_refused(tmp_path):
    given = frames(6)
    first = FrameStore("pixels", SHAPE, 4, tmp_path)
    assert not first.found
    first.write(np.arange(6), given)
    first.reserve(4 + 2 * GROWTH)
    first.flush()
    again = FrameStore("pixels", SHAPE, 4, tmp_path)
    assert again.found
    assert again.slots == first.slots
    assert np.array_equal(again.read(np.arange(6), CPU).numpy(), given)
    with pytest.raises(ValueError, match="frames of another buffer"):
        FrameStore("pixels", SHAPE, 5, tmp_path)


def test_the_disk_is_reserved_at_once(tmp_path):
    FrameStore("pixels", SHAPE, 100_000, tmp_path)
    assert (tmp_path / "pixels.fixed").stat().st_blocks * 512 >= 100_000 * 60


def test_a_store_in_memory_is_pickled_and_one_on_disk_is_not(tmp_path):
    store = FrameStore("pixels", SHAPE, 4, CPU)
    store.write(np.arange(6), frames(6))
    copy = pickle.loads(pickle.dumps(store))
    assert np.array_equal(copy.read(np.arange(6), CPU).numpy(), frames(6))
    with pytest.raises(TypeError, match="save_state"):
        pickle.dumps(FrameStore("pixels", SHAPE, 4, tmp_path))


@pytest.mark.gpu
@pytest.mark.parametrize("place", ["cuda", "cpu"])
def test_frames_come_back_on_the_device(place):
    store, device = FrameStore("pixels", SHAPE, 10, torch.device(place)), torch.device("cuda")
    slots, given = np.array([9, 0, 10, 4, 12, 3]), frames(6)
    store.write(slots, given)
    back = store.read(slots, device)
    assert back.device.type == "cuda"
    assert np.array_equal(back.cpu().numpy(), given)
    offsets = torch.tensor([[-2, 1]] * 6)
    moved = shift(back, offsets.to(device))
    assert torch.equal(moved.cpu(), shift(back.cpu(), offsets))


def naive_shift(image: np.ndarray, dy: int, dx: int, pixels: int) -> np.ndarray:
    padded = np.pad(image, ((0, 0), (pixels, pixels), (pixels, pixels)), mode="edge")
    top, left = pixels + dy, pixels + dx
    return padded[:, top : top + image.shape[1], left : left + image.shape[2]]


@pytest.mark.parametrize(("channels", "pixels"), [(3, 4), (12, 4), (1, 1), (3, 9)])
def test_a_shift_is_a_crop_of_the_padded_image(channels, pixels):
    torch.manual_seed(0)
    images = torch.randint(0, 256, (40, channels, 11, 8), dtype=torch.uint8)
    state = torch.get_rng_state()
    shifted = random_shift(images, pixels)
    torch.set_rng_state(state)
    offsets = torch.randint(0, 2 * pixels + 1, (40, 2)) - pixels
    assert shifted.dtype == torch.uint8
    assert shifted.is_contiguous()
    for image, (dy, dx), result in zip(images, offsets.tolist(), shifted, strict=True):
        assert np.array_equal(result.numpy(), naive_shift(image.numpy(), dy, dx, pixels))


def test_all_shifts_are_drawn_equally_often_and_independently():
    torch.manual_seed(0)
    pixels, count = 2, 50_000
    # An image whose centre pixel tells the shift.
    images = torch.arange(25, dtype=torch.uint8).reshape(1, 1, 5, 5).expand(count, 1, 5, 5)
    centre = random_shift(images, pixels)[:, 0, 2, 2]
    counts = torch.bincount(centre.long(), minlength=25).double()
    expected = count / 25
    assert ((counts - expected) ** 2 / expected).sum() < 52.6  # chi-square, 24 degrees, p = 0.0006


def test_no_shift_leaves_an_image_as_it_is_and_a_view_is_not_written_to():
    images = torch.randint(0, 256, (6, 9, 7, 7), dtype=torch.uint8)
    before = images.clone()
    assert torch.equal(shift(images[:, :6], torch.zeros(6, 2, dtype=torch.int64)), before[:, :6])
    random_shift(images[:, 3:], 3)
    assert torch.equal(images, before)


def ring(rows: int, n_envs: int, frame_stack: int, spare_rows: int = 0) -> FrameRing:
    store = FrameStore("pixels", (1, 6, 6), (rows + spare_rows) * n_envs, CPU)
    return FrameRing({"pixels": store}, rows, n_envs, frame_stack, spare_rows)


@pytest.mark.parametrize("frame_stack", [1, 2, 4])
@pytest.mark.parametrize("spare_rows", [0, 3])
def test_the_ring_gives_the_stacks_that_were_added(frame_stack, spare_rows):
    frame_ring, begins = ring(13, 2, frame_stack, spare_rows), np.ones(2, bool)
    given = []
    for step, transition in zip(range(60), Episodes(2, frame_stack, 5), strict=False):
        frame_ring.add(transition["obs"], transition["next_obs"], begins)
        begins = transition["done"]
        for env in np.flatnonzero(begins):
            frame_ring.end(int(env))
        given.append((transition["obs"]["pixels"], transition["next_obs"]["pixels"]))
        # Whole episodes of the last rows; the newest row's next frame is there once it has ended.
        starts = [max(s for s in range(step + 1) if begun(given, s, env)) for env in range(2)]
        for env, start in enumerate(starts):
            if not begins[env] or step + 1 - start > 13:
                continue
            rows = np.arange(start, step + 1) % 13
            now, following = frame_ring.read(rows, np.full(len(rows), env), CPU)["pixels"]
            assert np.array_equal(now.numpy(), [given[s][0][env] for s in range(start, step + 1)])
            assert np.array_equal(
                following.numpy(), [given[s][1][env] for s in range(start, step + 1)]
            )


def begun(given: list[tuple[np.ndarray, np.ndarray]], step: int, env: int) -> bool:
    return step == 0 or not np.array_equal(given[step][0][env], given[step - 1][1][env])


def test_extra_slots_are_used_again():
    frame_ring, begins = ring(20, 1, 2), np.ones(1, bool)
    for _, transition in zip(range(2000), Episodes(1, 2, 4), strict=False):
        frame_ring.add(transition["obs"], transition["next_obs"], begins)
        begins = transition["done"]
        if begins[0]:
            frame_ring.end(0)
    assert frame_ring.extra <= 21  # at most one for each row, and the one before it is given back
    used = frame_ring.links[frame_ring.links >= frame_ring.fixed]
    assert len(set(used.tolist())) == len(used)
    assert len(used) + len(frame_ring.free) == frame_ring.extra


def test_images_that_are_no_moving_stack_are_refused():
    frame_ring = ring(5, 1, 2)
    image = np.random.default_rng(0).integers(0, 256, (2, 1, 2, 6, 6), np.uint8)
    with pytest.raises(ValueError, match="use frame_stack=1"):
        frame_ring.add({"pixels": image[0]}, {"pixels": image[1]}, np.ones(1, bool))


def test_a_folder_holds_no_more_than_the_files_of_its_store(tmp_path):
    FrameStore("pixels", SHAPE, 4, tmp_path / "a")
    assert {path.name for path in Path(tmp_path / "a").iterdir()} == {
        "pixels.fixed",
        "pixels.rest",
    }
