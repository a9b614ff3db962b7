"""Pages of hundreds of runs and of a very long one: within their time, memory and size.

The code is that of [scale](results/scale/README.md). Seconds are the processor's, and of the page
made a second time: at the first reading a record is parsed, and kept.
"""

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.chaos.row import Row
from benchmarks.scale import measure_long, measure_study, missed, template
from goalscope.diagnostics.record import RunRecord

_PAGES: Mapping[str, Callable[[RunRecord, Path], list[dict[str, Any]]]] = {
    "the page of a study of 200 runs": partial(measure_study, runs=200),
    "the page of a study of 1,000 runs": partial(measure_study, runs=1_000),
    "the page of a run of 8M steps": measure_long,
}


def trials(budget_s: float) -> list[Row]:
    """Return a row for each page; every one is made once, whatever the time."""
    del budget_s
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        like = template(Path(scratch) / "template")
        for number, (page, measure) in enumerate(_PAGES.items()):
            first, again = measure(like, Path(scratch) / f"runs{number}")
            evidence = (
                f"{again['processor seconds']:.1f} s ({first['processor seconds']:.1f} at the "
                f"first reading), {again['GiB']:.2f} GiB, {again['page MB']:.1f} MB"
            )
            wrong = missed(again)
            rows.append(Row(page, 1, int(bool(wrong)), "; missed: ".join([evidence, *wrong])))
    return rows
