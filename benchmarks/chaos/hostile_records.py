"""Records that no run wrote, read and made into pages: each is used, or refused in one line.

Each input is a real small record with a few places of it changed. No traceback, no more than 5
seconds of a processor, no more than 1 GiB beyond what is loaded, nothing on a page that a browser
would run, nothing written outside.
"""

import contextlib
import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from itertools import count
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from benchmarks.chaos.hostile import SECONDS, Tally, in_batches, try_inputs
from benchmarks.chaos.mutations import (
    JSON_FILES,
    mutated,
    mutated_arrays,
    mutated_plan,
    probe_arrays,
    small_records,
)
from benchmarks.chaos.row import Row
from goalscope.diagnostics.record import (
    MEASUREMENTS_FILE,
    PROBE_ARRAYS,
    PROBES_FILE,
    Line,
    RunReader,
    read_lines,
    write_probes,
)
from goalscope.diagnostics.record.metrics import FRONT

ARCHIVE = Path(__file__).parents[2] / "docs/results/demo/records.tar.xz"
INPUTS = 10_000
ARRAYS_FILE = f"{PROBE_ARRAYS}/step-000000100.safetensors"
_DRAWN = 25  # figures are drawn of one page in so many: they take longer than all else
_OF_A_STUDY = ("study.json", "plan.toml")
# What is asked.
_READ = "a run, read"
_TABLE = "the table of a run"
_FOLLOWED = "a run that grows, followed"
_PAGE = "the page of a run"
_COMPARISON = "the page of a comparison"
_PROBES = "the page of a run's probes"
_STUDY = "the state of a study"
_PLAN = "the plan of a study"
# File -> what is asked of it, the cheap ones more often.
ASKED = {
    MEASUREMENTS_FILE: (*(_READ,) * 6, *(_FOLLOWED,) * 6, _TABLE, _PAGE, _COMPARISON),
    PROBES_FILE: (_READ, _READ, _PROBES),
    ARRAYS_FILE: (_PROBES,),
    "study.json": (*(_STUDY,) * 4, _COMPARISON),
    "plan.toml": (_PLAN, _PLAN, _PAGE, _COMPARISON),
}
_ASKED_ELSE = (*(_READ,) * 12, _TABLE, _PAGE, _COMPARISON)


class Trial:
    """A study's small records in a folder of their own, and what is asked of them.

    Args:
        root: of the folder; made.
    """

    def __init__(self, root: Path) -> None:
        self.root = root / "study"
        self.outside = root / "outside"
        self.outside.write_text("untouched")
        self.runs = small_records(ARCHIVE, self.root)
        self.arrays = probe_arrays()
        values = read_lines(self.runs[0] / PROBES_FILE)[0].values | {FRONT.key(): 0.1}
        lines = [Line(step, step // 2, values) for step in (0, 100)]
        write_probes(self.runs[0], lines, dict.fromkeys((0, 100), self.arrays))
        self.tally = Tally()
        self._changed: tuple[Path, bytes | None] | None = None

    def texts(self, name: str) -> str:
        """Return the content of a file of that name, of the first run or the study."""
        return self._path(name).read_text()

    def ask(self, name: str, content: bytes, what: str, *, drawn: bool) -> str | None:
        """Put a changed file into its place, ask for something, and return what went wrong.

        Args:
            name: of the file.
            content: that it holds now.
            what: one of those above.
            drawn: whether figures are drawn, too.
        """
        path = self._path(name)
        self._changed = path, path.read_bytes() if path.exists() else None
        path.write_bytes(content)
        try:
            with _figures(drawn), _silence():
                do = self._do(what)
                wrong = self.tally.judge(what, do, SECONDS * (3 if drawn else 1))
            if wrong is None and (wrong := self._left_behind()):
                self.tally.failures[what].append(wrong)
        finally:
            self._restore()
        return wrong and f"{what} of {name}: {wrong}"

    def _path(self, name: str) -> Path:
        return (self.root if name in _OF_A_STUDY else self.runs[0]) / name

    def _do(self, what: str) -> Callable[[], object]:
        from goalscope.cli.compare import Compare
        from goalscope.cli.report import Report
        from goalscope.cli.thresholds import kept_thresholds
        from goalscope.reports import load_run, write_probe_page
        from goalscope.reports.numbers.runs import tables_of
        from goalscope.training.runs.study_folder import read_study

        run = self.runs[0]

        def table() -> None:
            loaded = load_run(run)
            assert len(loaded.frame.columns) == 9
            loaded._repr_html_()

        def follow() -> None:
            path = run / MEASUREMENTS_FILE
            data = path.read_bytes()
            path.write_bytes(data[: len(data) // 2])
            reader = RunReader(run)
            reader.read()
            path.write_bytes(data)
            tables_of(reader.read())

        return {
            _READ: lambda: load_run(run),
            _TABLE: table,
            _FOLLOWED: follow,
            _PAGE: Report(run).run,
            _COMPARISON: Compare(run_folders=(self.root,)).run,
            _PROBES: lambda: write_probe_page(run),
            _STUDY: lambda: read_study(self.root),
            _PLAN: lambda: kept_thresholds(self.root),
        }[what]

    def _restore(self) -> None:
        assert self._changed is not None
        path, before = self._changed
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)
        for page in self._pages():
            page.unlink(missing_ok=True)
        shutil.rmtree(self.runs[0] / "figures", ignore_errors=True)

    def _pages(self) -> list[Path]:
        run = self.runs[0]
        comparison = self.root / "comparison/comparison.html"
        return [run / "report.html", run / "probes.html", comparison]

    def _left_behind(self) -> str | None:
        """Return what was made that should not be there."""
        if self.outside.read_text() != "untouched" or len(list(self.root.parent.iterdir())) != 2:
            return "something was written outside"
        for page in self._pages():
            if page.exists() and (found := runs_code(page.read_text(encoding="utf-8"))):
                return f"{page.name} holds {found}"
        return None


class _Tags(HTMLParser):
    found = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.found = f"{tag} {name}={value}"[:80]
        if tag in ("script", "iframe", "object", "embed", "base", "form", "img"):
            self.found = tag


def runs_code(page: str) -> str:
    """Return what in a page would run or fetch something; empty for nothing."""
    parser = _Tags()
    parser.feed(page)
    return parser.found


@contextmanager
def _figures(drawn: bool) -> Iterator[None]:
    """Leave the figures of pages out, or not."""
    from goalscope.reports.figures.plot import DrawnPlot
    from goalscope.reports.pages import comparison, probes, run

    pages = (run, comparison, probes)
    before = [page.draw for page in pages]
    if not drawn:
        for page in pages:
            page.draw = lambda plots, *_, **__: [DrawnPlot(plot, "", "", {}) for plot in plots]
    try:
        yield
    finally:
        for page, draw in zip(pages, before, strict=True):
            page.draw = draw


@contextmanager
def _silence() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@st.composite
def inputs(
    draw: st.DrawFn, text_of: Callable[[str], str], arrays: dict[str, np.ndarray]
) -> tuple[str, bytes, str]:
    """Return a file's name, its changed content and what is asked.

    Args:
        draw: of hypothesis.
        text_of: returns the content of a file before.
        arrays: of the file of arrays before.
    """
    name = draw(
        st.sampled_from((*JSON_FILES, "run.json", MEASUREMENTS_FILE, "plan.toml", ARRAYS_FILE))
    )
    if name == "plan.toml":
        content = draw(mutated_plan())
    elif name == ARRAYS_FILE:
        content = draw(mutated_arrays(arrays))
    else:
        content = draw(mutated(text_of(name)))
    return name, content, draw(st.sampled_from(ASKED.get(name, _ASKED_ELSE)))


def batch(seed: int, deadline: float) -> Tally:
    """Return what came of a batch of inputs."""
    number = count(1)
    with tempfile.TemporaryDirectory() as place:
        trial = Trial(Path(place))
        for what in (_PAGE, _COMPARISON, _PROBES):  # loads what is loaded when it is needed
            trial.ask("run.json", trial.texts("run.json").encode(), what, drawn=True)
        trial.tally = Tally()

        def each(drawn: tuple[str, bytes, str]) -> None:
            name, content, what = drawn
            trial.ask(name, content, what, drawn=next(number) % _DRAWN == 0)

        try_inputs(seed, deadline, inputs(trial.texts, trial.arrays), each)
        return trial.tally


def trials(budget_s: float) -> list[Row]:
    """Return a row for each thing that is asked of hostile records, within a time."""
    return in_batches(batch, budget_s, INPUTS).rows(f"figures drawn of one in {_DRAWN}")
