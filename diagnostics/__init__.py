"""When it is measured and where it is recorded: SB3 callbacks, the tap, the record.

from goalscope.diagnostics import ModalityDiagnostics

model.learn(100_000, callback=ModalityDiagnostics("runs/mine"))

The names below are imported when they are first used: a reader of records needs neither torch nor
Stable-Baselines3.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goalscope.diagnostics.callbacks import (
        FeatureStatistics,
        GoalSensitivity,
        GradientBalance,
        ModalityDiagnostics,
    )
    from goalscope.diagnostics.material.probe_set import gather_probe_set

__all__ = [
    "FeatureStatistics",
    "GoalSensitivity",
    "GradientBalance",
    "ModalityDiagnostics",
    "gather_probe_set",
]

_HOMES = {**dict.fromkeys(__all__, "callbacks"), "gather_probe_set": "material.probe_set"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'goalscope.diagnostics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
