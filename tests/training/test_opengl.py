"""Frames: the backend that is chosen, the picture itself, and neighbours in the same process."""

import gc
import os
import subprocess
import sys

import gymnasium as gym
import mujoco
import numpy as np
import pytest

from goalscope.training.envs.making import make_environment
from goalscope.training.envs.opengl import (
    FrameRenderer,
    FreeCamera,
    RenderingError,
    UnknownCamera,
    is_software,
    renderer_name,
    select_backend,
)
from goalscope.training.envs.settings import EnvironmentSettings

SCENE = """
<mujoco>
  <worldbody>
    <light pos="0 0 3"/>
    <camera name="above" pos="0 0 3"/>
    <camera name="beside" pos="0 -3 0" euler="90 0 0"/>
    <geom type="box" size=".5 .5 .5" rgba="1 0 0 1" euler="20 30 40"/>
    <geom type="sphere" size=".3" pos="1 0 0" rgba="0 1 0 1"/>
  </worldbody>
</mujoco>
"""
VIEW = FreeCamera(lookat=(0, 0, 0), distance=4, azimuth=30, elevation=-20)


@pytest.fixture
def scene():
    model = mujoco.MjModel.from_xml_string(SCENE)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


@pytest.fixture
def draw(scene):
    made = []

    def drawn(height=40, width=60, camera=VIEW, offsamples=0) -> np.ndarray:
        made.append(FrameRenderer(scene[0], height, width, camera, offsamples))
        return made[-1].draw(scene[1])

    yield drawn
    for renderer in made:
        renderer.close()


def test_a_frame_is_channels_first_and_equals_mujocos_own(scene, draw):
    model, data = scene
    for camera in ("above", "beside"):
        frame = draw(camera=camera)
        assert (frame.shape, frame.dtype) == ((3, 40, 60), np.uint8)
        assert frame.flags.c_contiguous
        with mujoco.Renderer(model, 40, 60) as own:
            own.update_scene(data, camera)
            assert np.array_equal(frame.transpose(1, 2, 0), own.render())


def test_cameras_and_antialiasing_change_the_picture(draw):
    pictures = [
        draw(camera=camera, offsamples=samples).tobytes()
        for camera in ("above", "beside", VIEW)
        for samples in (0, 4)
    ]
    assert len(set(pictures)) == 6


def test_an_unknown_camera_is_named_with_those_there_are(draw):
    with pytest.raises(UnknownCamera, match="no camera 'below'; choose one of above, beside"):
        draw(camera="below")


def test_the_renderer_has_a_name():
    assert renderer_name()
    assert is_software("llvmpipe (LLVM 15.0.6, 256 bits)")
    assert not is_software("NVIDIA H200/PCIe/SSE2")


def test_what_fails_while_a_context_is_made_is_one_line_with_the_remedy(scene, monkeypatch):
    def fail(*_):
        raise ValueError("first line\nsecond line")

    monkeypatch.setattr(mujoco, "MjrContext", fail)
    with pytest.raises(RenderingError, match=r"does not work here \(first line\); ") as caught:
        FrameRenderer(scene[0], 40, 60, VIEW)
    assert "\n" not in str(caught.value)


def test_closing_one_renderer_leaves_the_others_their_picture(scene):
    first, second = (FrameRenderer(scene[0], 40, 60, VIEW) for _ in range(2))
    picture = first.draw(scene[1])
    renderer_name()
    assert np.array_equal(second.draw(scene[1]), picture)
    first.close()
    first.close()  # twice is once
    assert np.array_equal(second.draw(scene[1]), picture)
    third = FrameRenderer(scene[0], 40, 60, VIEW)
    del second
    gc.collect()
    assert np.array_equal(third.draw(scene[1]), picture)
    third.close()


def test_gymnasiums_viewer_in_the_same_process_neither_suffers_nor_harms():
    for _ in range(2):  # what the first leaves behind is deleted while the second draws
        env = make_environment(EnvironmentSettings(image_size=36))
        picture = env.reset(seed=0)[0]["pixels"]
        viewer = gym.make("FetchPush-v4", render_mode="rgb_array", width=36, height=36)
        viewer.reset(seed=0)
        seen = viewer.render()
        assert seen.any()
        assert np.array_equal(env.draw(), picture)
        if select_backend() == "egl":
            assert np.array_equal(viewer.render(), seen)
        viewer.close()
        del viewer
        gc.collect()
        assert np.array_equal(env.draw(), picture)
        env.close()


DRAW = """
from goalscope.training.envs.opengl import RenderingError, renderer_name, select_backend
try:
    print(select_backend(), renderer_name())
except RenderingError as error:
    print(select_backend(), error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the platform's own is used")
@pytest.mark.parametrize(
    ("before", "asked", "says"),
    [
        ("import ctypes.util; ctypes.util.find_library = lambda name: None", None, "apt-get"),
        ("import ctypes.util; ctypes.util.find_library = lambda name: None", "egl", "apt-get"),
        ("", "nonsense", "unset"),
        ("import gymnasium_robotics, mujoco", None, ""),
    ],
    ids=["no library", "library asked for missing", "unknown backend", "mujoco imported before"],
)
def test_the_backend_is_chosen_or_the_remedy_named(before, asked, says):
    environment = {
        k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")
    }
    if asked:
        environment["MUJOCO_GL"] = asked
    done = subprocess.run(
        [sys.executable, "-c", before + DRAW],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    backend, said = done.stdout.strip().split(" ", 1)
    assert (backend == "None") == bool(says)
    assert says in said
    assert "\n" not in said
