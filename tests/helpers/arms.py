"""Made-up arms: changed where they lie on disk, and what comparing them warns of."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from goalscope.diagnostics.record.keys import Family
from goalscope.reports.numbers.differences import setting_differences
from goalscope.reports.numbers.runs import Arms
from goalscope.reports.numbers.warnings import comparison_warnings
from goalscope.reports.numbers.windows import four_times


def change_info(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the run.json of a run."""
    path = folder / "run.json"
    info = json.loads(path.read_text())
    change(info)
    path.write_text(json.dumps(info))


def warnings_of(arms: Arms, family: Family | None = Family.SENSITIVITY) -> list[str]:
    runs = [run for group in arms.values() for run in group]
    return comparison_warnings(arms, four_times(runs), family, setting_differences(arms))
