"""Why is my goal-conditioned pixel agent not learning? Diagnostics for Stable-Baselines3.

from goalscope import ModalityDiagnostics

model.learn(1_000_000, callback=ModalityDiagnostics("runs/mine"))

The names below are imported when they are first used: reading records and making pages needs
neither torch nor Stable-Baselines3.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_WHERE = {
    "FeatureStatistics": "goalscope.diagnostics",
    "GoalSensitivity": "goalscope.diagnostics",
    "GradientBalance": "goalscope.diagnostics",
    "ModalityDiagnostics": "goalscope.diagnostics",
    "gather_probe_set": "goalscope.diagnostics",
    "write_comparison": "goalscope.reports",
    "write_report": "goalscope.reports",
}

__all__ = [
    "FeatureStatistics",
    "GoalSensitivity",
    "GradientBalance",
    "ModalityDiagnostics",
    "__version__",
    "gather_probe_set",
    "write_comparison",
    "write_report",
]

try:
    __version__ = version("goalscope")
except PackageNotFoundError:
    __version__ = "0+unknown"  # a checkout on the path that was never installed


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'goalscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
