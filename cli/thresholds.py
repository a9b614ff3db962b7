"""The thresholds that a study's plan fixed, before anyone looked, for all pages of its runs."""

from pathlib import Path
from typing import TYPE_CHECKING

from goalscope.training.runs.study_folder import PLAN_FILE

if TYPE_CHECKING:
    from goalscope.reports import Thresholds


def kept_thresholds(study: Path) -> "Thresholds | None":
    """Return the thresholds of the plan that a study keeps; None where a folder has no plan.

    Raises:
        PlanError: it cannot be read, or holds what it should not.
    """
    path = study / PLAN_FILE
    if not path.is_file():
        return None
    from goalscope.cli.plan import load_plan  # knows environments and agents: when needed

    return load_plan(path).thresholds
