"""Why is my goal-conditioned pixel agent not learning? Diagnostics for Stable-Baselines3.

from goalscope import ModalityDiagnostics

model.learn(1_000_000, callback=ModalityDiagnostics("runs/mine"))

The names below are imported when they are first used: reading records and making pages needs
neither torch nor Stable-Baselines3.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from goalscope.lazy import lazy_names

__all__ = [
    "FeatureStatistics",
    "GoalSensitivity",
    "GradientBalance",
    "ModalityDiagnostics",
    "__version__",
    "gather_probe_set",
    "load_run",
    "write_comparison",
    "write_report",
]

try:
    __version__ = version("goalscope")
except PackageNotFoundError:
    __version__ = "0+unknown"  # a checkout on the path that was never installed

if TYPE_CHECKING:
    from goalscope.diagnostics import (
        FeatureStatistics,
        GoalSensitivity,
        GradientBalance,
        ModalityDiagnostics,
        gather_probe_set,
    )
    from goalscope.reports import load_run, write_comparison, write_report
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "FeatureStatistics": ".diagnostics",
            "GoalSensitivity": ".diagnostics",
            "GradientBalance": ".diagnostics",
            "ModalityDiagnostics": ".diagnostics",
            "gather_probe_set": ".diagnostics",
            "load_run": ".reports",
            "write_comparison": ".reports",
            "write_report": ".reports",
        },
    )
