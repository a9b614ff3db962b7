"""docs/measurements.md says of every metric what the table of metrics says."""

import re
from pathlib import Path

from goalscope.diagnostics.record.keys import Family
from goalscope.diagnostics.record.metrics import METRICS

PAGE = (Path(__file__).parents[2] / "docs" / "measurements.md").read_text()
FAMILY = re.compile(rf"`({'|'.join(Family)})/")


def documented(page: str) -> dict[tuple[str, str], str]:
    """Return (family, name) -> the cell of its unit, of every table of metrics.

    A table is of the families that the last heading or sentence before it names.
    """
    families: list[str] = []
    found = {}
    for line in page.splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            for token in re.findall(r"`([^`]+)`", cells[0]):
                name = re.sub(r"<(\w+)>", r"{\1}", token.rpartition(".")[2])
                found |= {(family, name): cells[-1].rstrip(" |") for family in families}
        elif line.startswith("#") or FAMILY.search(line):
            families = FAMILY.findall(line)
    return found


def test_every_metric_is_documented_and_nothing_else():
    assert set(documented(PAGE)) == {(metric.family, metric.name) for metric in METRICS}


def test_units_are_those_of_the_table():
    cells = documented(PAGE)
    for metric in METRICS:
        unit = re.sub(r"\{(\w+)\}", r"<\1>", metric.unit)
        assert unit in re.split(r"[,;:] ", cells[metric.family, metric.name]), metric


def test_what_is_missing_is_found():
    without = "\n".join(line for line in PAGE.splitlines() if "`update_effect`" not in line)
    assert ("gradient", "update_effect") not in documented(without)
