"""Frames from MuJoCo: finding an OpenGL that works, and drawing directly at the wanted size."""

import atexit
import contextlib
import ctypes.util
import importlib
import os
import platform
import sys
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from goalscope.errors import UserError
from goalscope.extras import require_extra

_LIBRARIES = {"egl": "EGL", "osmesa": "OSMesa"}
_ON_SCREEN = ("glfw", "glx", "enable", "enabled", "on", "true", "1")
_MOST_GEOMETRIES = 1000  # in a scene, as gymnasium has it; Fetch's have 26
_REMEDY = (
    "on Debian or Ubuntu run: apt-get install -y libegl1 libgl1 libegl-mesa0 libgl1-mesa-dri "
    "(or libosmesa6), then try again"
)


class RenderingError(UserError):
    """Nothing can be drawn; the message is one line and names the remedy."""


class UnknownCamera(Exception):
    """The model has no camera of that name; the message is one line and lists those it has."""


@dataclass(frozen=True)
class FreeCamera:
    """A view that is not one of the model's cameras.

    Attributes:
        lookat: the point in the middle of the picture, metres.
        distance: from that point, metres.
        azimuth: degrees; 0 looks along the x axis.
        elevation: degrees; negative looks down.
    """

    lookat: tuple[float, float, float]
    distance: float
    azimuth: float
    elevation: float


@dataclass(frozen=True)
class _Backend:
    name: str | None
    problem: str | None = None  # why nothing can be drawn, with the remedy


def select_backend() -> str | None:
    """Choose MuJoCo's OpenGL backend and return its name, or None where there is none.

    On Linux EGL, then OSMesa, whichever library is there; elsewhere the platform's own. What
    `MUJOCO_GL` already names is kept. Call it before mujoco is imported, which chooses as it is
    imported; one imported already is told. Where there is none this raises nothing, since reading
    records needs no OpenGL: `FrameRenderer` and `renderer_name` then raise the reason.
    """
    return _choose().name


def renderer_name() -> str:
    """Return OpenGL's own name of what draws, such as "llvmpipe (LLVM 15.0.6, 256 bits)".

    Raises:
        MissingExtra: mujoco, which makes the context, is not installed.
        RenderingError: no context can be made.
    """
    require_extra("fetch")
    with _drawing():
        context = _make_context(16, 16)
        try:
            gl = importlib.import_module("OpenGL.GL")
            return str(gl.glGetString(gl.GL_RENDERER).decode())
        finally:
            context.free()


def is_software(name: str) -> bool:
    """Whether a renderer of that name draws on the processor instead of a graphics card."""
    return any(word in name.lower() for word in ("llvmpipe", "softpipe", "swrast", "software"))


class FrameRenderer:
    """Draws frames of a MuJoCo model at one size.

    After `mujoco.Renderer`, which on closing frees its OpenGL context before what is in it: under
    OSMesa that deletes the objects of another renderer, whose frames are then wrong without an
    error. No shadow map is allocated: Fetch's light casts none, yet it would take 67 MB a context.

    Args:
        model: a mujoco.MjModel; its visual quality is set, its physics is not touched.
        height: in pixels.
        width: in pixels.
        camera: name of one of the model's cameras, or a free camera.
        offsamples: samples of antialiasing. It changes the pixels: part of the observation.

    Raises:
        UnknownCamera: the model has no camera of that name.
        RenderingError: no OpenGL context can be made.
    """

    _context: Any = None  # of OpenGL; None before it is made and after it is freed

    def __init__(
        self,
        model: Any,
        height: int,
        width: int,
        camera: str | FreeCamera,
        offsamples: int = 0,
    ) -> None:
        import mujoco

        self._mujoco = mujoco
        self._model = model
        self._camera = _camera(model, camera)
        model.vis.quality.offsamples = offsamples
        model.vis.quality.shadowsize = 0
        model.vis.global_.offheight = max(model.vis.global_.offheight, height)
        model.vis.global_.offwidth = max(model.vis.global_.offwidth, width)
        self._options = mujoco.MjvOption()
        self._scene = mujoco.MjvScene(model, maxgeom=_MOST_GEOMETRIES)
        self._viewport = mujoco.MjrRect(0, 0, width, height)
        with _drawing():
            context = _make_context(width, height)
            self._drawer = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_150)
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._drawer)
            self._context = context
        _open.add(self)
        _close_all_at_exit()

    def draw(self, data: Any) -> np.ndarray:
        """Return the frame of a mujoco.MjData, uint8 (3, H, W)."""
        mujoco = self._mujoco
        frame = np.empty((self._viewport.height, self._viewport.width, 3), np.uint8)
        mujoco.mjv_updateScene(
            self._model,
            data,
            self._options,
            None,
            self._camera,
            mujoco.mjtCatBit.mjCAT_ALL,
            self._scene,
        )
        with _context_kept():
            self._context.make_current()
            mujoco.mjr_render(self._viewport, self._scene, self._drawer)
            mujoco.mjr_readPixels(frame, None, self._viewport, self._drawer)
        return np.ascontiguousarray(frame[::-1].transpose(2, 0, 1))  # OpenGL's rows go upwards

    def size_of_pixel(self, point: np.ndarray) -> float:
        """Return how many metres one pixel spans at a point of the world; draw a frame first."""
        camera = self._scene.camera[0]
        depth = float(np.dot(np.asarray(point) - camera.pos, camera.forward))
        opening = (camera.frustum_top - camera.frustum_bottom) / camera.frustum_near
        return depth * float(opening) / int(self._viewport.height)

    def close(self) -> None:
        """Free the OpenGL context."""
        if self._context is not None:
            with _context_kept():
                self._context.make_current()
                self._drawer.free()
                self._context.free()
            self._context = None

    def __del__(self) -> None:
        self.close()


def _make_context(width: int, height: int) -> Any:
    """Return a new OpenGL context of the chosen backend, made current."""
    context = importlib.import_module("mujoco.gl_context").GLContext(width, height)
    context.make_current()
    return context


_open: weakref.WeakSet[FrameRenderer] = weakref.WeakSet()


@cache
def _close_all_at_exit() -> None:
    """Close what is still open before mujoco's own handler ends EGL; called once that is set."""

    @atexit.register
    def close_all() -> None:
        for renderer in list(_open):
            renderer.close()


@cache
def _choose() -> _Backend:
    asked = os.environ.get("MUJOCO_GL", "").strip().lower()
    if platform.system() != "Linux":
        return _Backend(asked or "the platform's own")
    if asked in _ON_SCREEN:
        return _Backend(asked)
    wanted = [asked] if asked else list(_LIBRARIES)
    found = [name for name in wanted if ctypes.util.find_library(_LIBRARIES.get(name, name))]
    if found:
        os.environ["MUJOCO_GL"] = os.environ["PYOPENGL_PLATFORM"] = found[0]
        if not asked:
            _tell_mujoco()
        return _Backend(found[0])
    os.environ["MUJOCO_GL"] = "off"  # with a backend that is not there, mujoco cannot be imported
    if not asked:
        return _Backend(None, f"there is no OpenGL for drawing without a screen; {_REMEDY}")
    other = "unset it to have one chosen"
    if asked in _LIBRARIES:
        return _Backend(
            None, f"MUJOCO_GL={asked}, but its library is missing; {other}, or {_REMEDY}"
        )
    return _Backend(None, f"MUJOCO_GL={asked} draws nothing; {other}")


def _tell_mujoco() -> None:
    """Have a mujoco that was imported before choose again: it took the backend for a screen."""
    for name in ("mujoco.rendering.classic.gl_context", "mujoco.gl_context"):
        if name in sys.modules:
            importlib.reload(sys.modules[name])


@contextlib.contextmanager
def _drawing() -> Iterator[None]:
    """Turn whatever stops a context from being made into one line with the remedy."""
    backend = _choose()
    if backend.problem is not None:
        raise RenderingError(backend.problem)
    try:
        with _context_kept():
            yield
    except Exception as error:  # every backend fails with an error of its own
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        remedy = "unset MUJOCO_GL" if backend.name in _ON_SCREEN else _REMEDY
        raise RenderingError(
            f"OpenGL through {backend.name} does not work here ({cause}); {remedy}"
        ) from error


@contextlib.contextmanager
def _context_kept() -> Iterator[None]:
    """Leave no OpenGL context of ours current; under EGL, leave the one that was.

    Others delete OpenGL objects, and even draw, in whatever context is current: gymnasium's viewer
    does as it is collected. Were ours left current, it would lose its own objects to that, and its
    frames would be wrong without an error.
    """
    backend = _choose().name
    if backend == "egl":
        from mujoco import egl as mujoco_egl
        from mujoco.egl import egl_ext as egl

        before, display = egl.eglGetCurrentContext(), egl.eglGetCurrentDisplay()
        surfaces = [egl.eglGetCurrentSurface(kind) for kind in (egl.EGL_DRAW, egl.EGL_READ)]
    try:
        yield
    finally:
        if backend == "egl" and before:
            egl.eglMakeCurrent(display, *surfaces, before)
        elif backend == "egl" and egl.eglGetCurrentContext():
            nothing = (egl.EGL_NO_SURFACE, egl.EGL_NO_SURFACE, egl.EGL_NO_CONTEXT)
            egl.eglMakeCurrent(mujoco_egl.EGL_DISPLAY, *nothing)
        elif backend == "osmesa":
            from OpenGL import GL, osmesa

            osmesa.OSMesaMakeCurrent(None, None, GL.GL_FLOAT, 0, 0)


def _camera(model: Any, camera: str | FreeCamera) -> Any:
    import mujoco

    view = mujoco.MjvCamera()
    if isinstance(camera, FreeCamera):
        view.type = mujoco.mjtCamera.mjCAMERA_FREE
        view.lookat[:] = camera.lookat
        view.distance = camera.distance
        view.azimuth = camera.azimuth
        view.elevation = camera.elevation
        return view
    names = [model.camera(index).name for index in range(model.ncam)]
    if camera not in names:
        raise UnknownCamera(f"there is no camera {camera!r}; choose one of {', '.join(names)}")
    view.type = mujoco.mjtCamera.mjCAMERA_FIXED
    view.fixedcamid = names.index(camera)
    return view
