"""When it is measured and where it is recorded: SB3 callbacks, the tap, the record.

from goalscope.diagnostics import ModalityDiagnostics

model.learn(100_000, callback=ModalityDiagnostics("runs/mine"))
"""

from goalscope.diagnostics.callbacks import (
    FeatureStatistics,
    GoalSensitivity,
    GradientBalance,
    ModalityDiagnostics,
)

__all__ = ["FeatureStatistics", "GoalSensitivity", "GradientBalance", "ModalityDiagnostics"]
