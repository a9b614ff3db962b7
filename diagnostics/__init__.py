"""When it is measured and where it is recorded: SB3 callbacks, the tap, the record.

from goalscope.diagnostics import ModalityDiagnostics

model.learn(100_000, callback=ModalityDiagnostics("runs/mine"))

The callbacks are imported when they are first used: a reader of records needs neither torch nor
Stable-Baselines3.
"""

from typing import TYPE_CHECKING

from goalscope.lazy import lazy_names

__all__ = ["FeatureStatistics", "GoalSensitivity", "GradientBalance", "ModalityDiagnostics"]

if TYPE_CHECKING:
    from goalscope.diagnostics.callbacks import (
        FeatureStatistics,
        GoalSensitivity,
        GradientBalance,
        ModalityDiagnostics,
    )
else:
    __getattr__, __dir__ = lazy_names(__name__, dict.fromkeys(__all__, ".callbacks"))
