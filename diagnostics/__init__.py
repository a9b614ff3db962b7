"""When it is measured and where it is recorded: SB3 callbacks, the tap, the record.

from goalscope.diagnostics import ModalityDiagnostics

model.learn(100_000, callback=ModalityDiagnostics("runs/mine"))

The callbacks are imported when they are first used: a reader of records needs neither torch nor
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

__all__ = ["FeatureStatistics", "GoalSensitivity", "GradientBalance", "ModalityDiagnostics"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("goalscope.diagnostics.callbacks"), name)
    raise AttributeError(f"module 'goalscope.diagnostics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
