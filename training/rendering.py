"""Frames from MuJoCo: finding an OpenGL that works, and drawing directly at the wanted size."""

import ctypes.util
import importlib
import os
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

_LIBRARIES = {"egl": "EGL", "osmesa": "OSMesa"}
_REMEDY = (
    "on Debian or Ubuntu run: apt-get install -y libegl1 libgl1 libegl-mesa0 libgl1-mesa-dri "
    "(or libosmesa6), then try again"
)


class RenderingError(Exception):
    """Nothing can be drawn; the message is one line and names the remedy."""


class UnknownCamera(Exception):
    """The model has no camera of that name; the message is one line and lists those it has."""


def select_backend() -> str:
    """Choose MuJoCo's OpenGL backend and return its name; call it before mujoco is imported.

    On Linux EGL, then OSMesa, whichever library is there; elsewhere the platform's own. What
    `MUJOCO_GL` already names is kept.

    Raises:
        RenderingError: neither library is installed.
    """
    chosen = os.environ.get("MUJOCO_GL")
    if not chosen:
        if platform.system() != "Linux":
            return "platform"
        found = [name for name, lib in _LIBRARIES.items() if ctypes.util.find_library(lib)]
        if not found:
            raise RenderingError(f"no OpenGL for rendering without a screen; {_REMEDY}")
        chosen = found[0]
        os.environ["MUJOCO_GL"] = chosen
    if chosen in _LIBRARIES:
        os.environ.setdefault("PYOPENGL_PLATFORM", chosen)
    return chosen


def renderer_name() -> str:
    """Return OpenGL's own name of what draws, such as "llvmpipe (LLVM 15.0.6, 256 bits)".

    Raises:
        RenderingError: no context can be made.
    """
    select_backend()
    try:
        import mujoco

        context = mujoco.GLContext(16, 16)
    except Exception as error:  # every backend fails with an error of its own
        raise RenderingError(
            f"OpenGL through MUJOCO_GL={os.environ.get('MUJOCO_GL')} does not work "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__}); {_REMEDY}"
        ) from error
    try:
        context.make_current()
        gl = importlib.import_module("OpenGL.GL")
        return str(gl.glGetString(gl.GL_RENDERER).decode())
    finally:
        context.free()


def is_software(name: str) -> bool:
    """Whether a renderer of that name draws on the processor instead of a graphics card."""
    return any(word in name.lower() for word in ("llvmpipe", "softpipe", "swrast", "software"))


class FrameRenderer:
    """Draws frames of a MuJoCo model at one size.

    `mujoco.Renderer` reads no depth, unlike gymnasium's, and allocates no shadow map here: Fetch's
    light casts none, yet the map would take 67 MB a context.

    Args:
        model: a mujoco.MjModel; its visual quality is set, its physics is not touched.
        size: height and width in pixels.
        camera: name of one of the model's cameras; None takes `free_camera`.
        free_camera: lookat (m), distance (m), azimuth and elevation (degrees).
        offsamples: samples of antialiasing. It changes the pixels: part of the observation.

    Raises:
        UnknownCamera: the model has no camera of that name.
        RenderingError: no OpenGL context can be made.
    """

    def __init__(
        self,
        model: Any,
        size: int,
        camera: str | None,
        free_camera: Mapping[str, Any],
        offsamples: int = 0,
    ) -> None:
        import mujoco

        self._camera = _camera(model, camera, free_camera)
        model.vis.quality.offsamples = offsamples
        model.vis.quality.shadowsize = 0
        model.vis.global_.offwidth = max(model.vis.global_.offwidth, size)
        model.vis.global_.offheight = max(model.vis.global_.offheight, size)
        try:
            self._renderer: Any = mujoco.Renderer(model, size, size)
        except Exception as error:  # every backend fails with an error of its own
            cause = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise RenderingError(f"OpenGL does not work here ({cause}); {_REMEDY}") from error

    def draw(self, data: Any) -> np.ndarray:
        """Return the frame of a mujoco.MjData, uint8 (3, H, W)."""
        self._renderer.update_scene(data, self._camera)
        frame: np.ndarray = self._renderer.render()
        return np.ascontiguousarray(frame.transpose(2, 0, 1))

    def close(self) -> None:
        """Free the OpenGL context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None


def _camera(model: Any, name: str | None, free_camera: Mapping[str, Any]) -> Any:
    import mujoco

    camera = mujoco.MjvCamera()
    if name is None:
        camera.type = mujoco.mjtCamera.mjCAMERA_FREE
        for key, value in free_camera.items():
            if key == "lookat":
                camera.lookat[:] = value
            else:
                setattr(camera, key, value)
        return camera
    names = [model.camera(index).name for index in range(model.ncam)]
    if name not in names:
        raise UnknownCamera(f"there is no camera {name!r}; choose one of {', '.join(names)}")
    camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
    camera.fixedcamid = names.index(name)
    return camera
