"""What the doctor looks at: renderer, torch, memory, disk, packages, and what a run takes."""

import os
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import torch

from goalscope.diagnostics.provenance import software_versions
from goalscope.extras import EXTRAS
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.opengl import is_software, renderer_name, select_backend
from goalscope.training.envs.pixel_goal_env import PixelGoalEnv
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.envs.visibility import object_pixels
from goalscope.training.executors.processes import usable_cores
from goalscope.training.replay.sizes import GIB
from goalscope.training.runs.capacity import room_for
from goalscope.training.runs.pace import duration
from goalscope.training.runs.settings import RunSettings
from goalscope.training.runs.timing import run_time

_FRAMES = 50
_LOW_MEMORY_GIB = 4
_LOW_DISK_GIB = 2
_FEW_PIXELS = 16


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's table.

    Attributes:
        what: what was looked at.
        value: what was found.
        remedy: what to do about it; empty where all is well.
        fatal: whether goalscope cannot work without it.
    """

    what: str
    value: str
    remedy: str = ""
    fatal: bool = False

    @property
    def sign(self) -> str:
        """How it stands, in rich's markup."""
        if self.fatal:
            return "[red]missing[/]"
        return "[yellow]note[/]" if self.remedy else "[green]ok[/]"


def check_run(settings: RunSettings) -> list[Finding]:
    """What a run would take, and how large the object is in its picture."""
    room = room_for(settings)
    count = settings.starts if settings.on_policy else settings.transitions
    kept = f"{settings.arm}, {count:,} transitions"
    findings = [
        Finding(
            "rollout" if settings.on_policy else "replay",
            f"{kept}: {room.memory / GIB:.1f} GiB of memory ({room.free_memory / GIB:.1f} free "
            f"now) and {room.disk / GIB:.1f} GiB of disk ({room.free_disk / GIB:.1f} free); "
            f"frames {'on' if room.frames == 'disk' else 'in'} {room.frames}",
            room.problem or "",
            fatal=room.problem is not None,
        )
    ]
    environment = settings.environment
    shown = object_pixels(environment) if environment.pixels else None
    if shown is not None:
        share = 100 * shown / environment.image_size**2
        findings.append(
            Finding(
                "object in the picture",
                f"{shown:.0f} of {environment.image_size**2:,} pixels ({share:.2f} %), median of "
                "10 resets",
                "" if shown >= _FEW_PIXELS else "it is hardly to be seen; try +close-camera",
            )
        )
    return findings


def check_time(settings: RunSettings) -> Finding:
    """How long a run would take, from a few of its steps and updates."""
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    found = run_time(settings)
    parts = {
        "starting": found.start,
        "gathering": found.gathering,
        "learning": found.learning,
        "measuring": found.watching,
        "evaluating": found.evaluating,
    }
    shares = ", ".join(f"{name} {100 * part / found.total:.0f} %" for name, part in parts.items())
    return Finding(
        "time",
        f"{settings.total_steps:,} steps and {settings.updates:,} updates: about "
        f"{duration(found.total)} on this machine (measured on {found.tried} updates); {shares}",
    )


def check_software() -> list[Finding]:
    """Versions of Python and the packages."""
    return [Finding(name, version) for name, version in software_versions().items()]


def check_extras() -> list[Finding]:
    """What was left out of the installation, and what it would be needed for."""
    return [
        Finding(
            f"goalscope[{name}]",
            "not installed",
            f"{extra.users} need it; run: pip install 'goalscope[{name}]'",
        )
        for name, extra in EXTRAS.items()
        if extra.missing()
    ]


def check_rendering() -> list[Finding]:
    """The renderer in use, and how fast it draws the plan's frames; nothing without a simulator."""
    if EXTRAS["fetch"].missing():
        return []
    try:
        name = renderer_name()
        milliseconds = _milliseconds_per_frame()
    except Exception as error:  # whatever would stop a run is what the doctor is asked for
        remedy = " ".join(str(error).split()) or type(error).__name__
        return [Finding("OpenGL renderer", "does not work", remedy, fatal=True)]
    remedy = ""
    if is_software(name) and Path("/dev/nvidia0").exists():
        remedy = (
            "there is a GPU, but frames are drawn on the processor, far more slowly: install its "
            "EGL driver (libnvidia-gl; in a container, NVIDIA_DRIVER_CAPABILITIES=all)"
        )
    drawn_on = "the processor" if is_software(name) else "a GPU"
    return [
        Finding("OpenGL renderer", f"{name}, on {drawn_on}, through {select_backend()}", remedy),
        Finding("FetchPush frame, 84x84", f"{milliseconds:.1f} ms"),
    ]


def check_torch() -> list[Finding]:
    """The device SB3 will choose, and the threads."""
    device, remedy = f"cpu ({platform.processor() or platform.machine()})", ""
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name()
    elif Path("/dev/nvidia0").exists():
        remedy = (
            f"there is a GPU that torch {torch.__version__} does not use: install a build for its "
            "driver (https://pytorch.org/get-started/locally)"
        )
    cores, load = usable_cores(), os.getloadavg()[0]
    threads = f"{torch.get_num_threads()} of {cores} cores"
    busy = ""
    if load > cores:
        busy = (
            f"other programs want {load:.1f} cores and there are {cores}: a time measured now is "
            "longer than it need be"
        )
    return [Finding("torch device", device, remedy), Finding("torch threads", threads, busy)]


def check_room() -> list[Finding]:
    """Memory and disk free now."""
    memory = psutil.virtual_memory()
    free, total = memory.available / 2**30, memory.total / 2**30
    disk = shutil.disk_usage(Path.cwd()).free / 2**30
    # Each transition holds its frame twice in SB3's buffer: now and next.
    transitions = int(memory.available * 0.5 / (2 * 3 * 84 * 84) / 1000) * 1000
    return [
        Finding(
            "memory",
            f"{free:.1f} of {total:.1f} GiB free: room for about {transitions:,} transitions of "
            "84x84 pixels in half of it",
            ""
            if free > _LOW_MEMORY_GIB
            else "close other programs, or use a smaller --buffer-size",
        ),
        Finding(
            "disk here",
            f"{disk:.1f} GiB free",
            "" if disk > _LOW_DISK_GIB else "free some space: a full disk ends a record",
        ),
    ]


CHECKS: tuple[Callable[[], list[Finding]], ...] = (
    check_software,
    check_extras,
    check_rendering,
    check_torch,
    check_room,
)


def _milliseconds_per_frame() -> float:
    """Return the median time of drawing a frame, without the physics."""
    env = make_environment(EnvironmentSettings())
    assert isinstance(env, PixelGoalEnv)
    try:
        env.reset(seed=0)
        seconds = []
        for _ in range(_FRAMES):
            start = time.perf_counter()
            env.draw()
            seconds.append(time.perf_counter() - start)
        return 1e3 * median(seconds)
    finally:
        env.close()
