"""When it is measured and where it is recorded: SB3 callbacks, the tap, the record.

from goalscope.diagnostics import ModalityDiagnostics

model.learn(100_000, callback=ModalityDiagnostics("runs/mine"))

The names below are imported when they are first used: a reader of records needs neither torch nor
Stable-Baselines3.
"""

from typing import TYPE_CHECKING

from goalscope.lazy import lazy_names

__all__ = [
    "FeatureStatistics",
    "GoalSensitivity",
    "GradientBalance",
    "ModalityDiagnostics",
    "gather_probe_set",
]

if TYPE_CHECKING:
    from goalscope.diagnostics.callbacks import (
        FeatureStatistics,
        GoalSensitivity,
        GradientBalance,
        ModalityDiagnostics,
    )
    from goalscope.diagnostics.material.probe_set import gather_probe_set
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {**dict.fromkeys(__all__, ".callbacks"), "gather_probe_set": ".material.probe_set"},
    )
