"""Records that no run wrote, read and made into pages: each is used, or refused in one line.

Each input is a real small record with a few places of it changed. What must hold: no traceback, no
more than 5 seconds of a processor beyond what the untouched record takes, no more than 1 GiB beyond
what is loaded, nothing on the page that a browser would run, nothing written outside.
"""

import multiprocessing
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from benchmarks.chaos.mutations import JSON_FILES, mutated, mutated_plan, small_records
from benchmarks.chaos.row import Row
from goalscope.errors import UserError

ARCHIVE = Path(__file__).parents[2] / "docs/results/demo/records.tar.xz"
INPUTS = 10_000
_SECONDS = 5.0
_MEMORY = 2**30  # bytes
_DRAWN = 25  # figures are drawn of one page in so many: they take longer than all else
_ASKED = ("read", "read", "report", "compare")


class Hang(BaseException):
    """It takes too long; no handler of ours stops it."""


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
        self.before = {
            path: path.read_bytes()
            for path in (*self.root.glob("*.json"), *self.root.glob("*/*.json*"))
        }
        self.kinds: Counter[str] = Counter()

    def texts(self, name: str) -> str:
        """Return the content of a file of that name, of the first run or the study."""
        found = self.root / name if name == "study.json" else self.runs[0] / name
        return self.before[found].decode()

    def ask(self, name: str, content: bytes, what: str, *, drawn: bool) -> str | None:
        """Put a changed file into its place, ask for something, and return what went wrong.

        Args:
            name: of the file.
            content: that it holds now.
            what: "read", "report" or "compare".
            drawn: whether figures are drawn, too.
        """
        self._restore()
        folder = self.root if name in ("study.json", "plan.toml") else self.runs[0]
        (folder / name).write_bytes(content)
        try:
            with _at_most(_SECONDS * (3 if drawn else 1)), _figures(drawn):
                self._do(what)
            self.kinds["used"] += 1
        except UserError as error:
            self.kinds["refused"] += 1
            if not str(error).isprintable():
                return f"more than a line: {str(error)[:200]!r}"
        except Hang:
            return f"{what} of {name}: longer than {_SECONDS:g} s"
        except Exception:
            last = traceback.format_exc().strip().splitlines()
            return f"{what} of {name}: {last[-1][:200]} at {last[-3].strip()[:120]}"
        return self._left_behind()

    def _do(self, what: str) -> None:
        from goalscope.cli.compare import Compare
        from goalscope.cli.report import Report
        from goalscope.reports import load_run

        with _silence():
            if what == "read":
                run = load_run(self.runs[0])
                assert len(run.frame.columns) == 9
                run._repr_html_()
            elif what == "report":
                Report(self.runs[0]).run()
            else:
                Compare(run_folders=(self.root,)).run()

    def _restore(self) -> None:
        for path, content in self.before.items():
            path.write_bytes(content)
        (self.root / "plan.toml").unlink(missing_ok=True)
        for made in (self.root / "comparison", self.runs[0] / "tables", self.runs[0] / "figures"):
            shutil.rmtree(made, ignore_errors=True)
        (self.runs[0] / "report.html").unlink(missing_ok=True)

    def _left_behind(self) -> str | None:
        """Return what was made that should not be there."""
        if self.outside.read_text() != "untouched" or len(list(self.root.parent.iterdir())) != 2:
            return "something was written outside"
        for page in (self.runs[0] / "report.html", self.root / "comparison/comparison.html"):
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
def _at_most(seconds: float) -> Iterator[None]:
    """End what takes longer, in a processor's time; what waits, after a minute."""

    def stop(*_: object) -> None:
        raise Hang

    for kind, limit in ((signal.ITIMER_PROF, seconds), (signal.ITIMER_REAL, 60 + seconds)):
        signal.signal({signal.ITIMER_PROF: signal.SIGPROF}.get(kind, signal.SIGALRM), stop)
        signal.setitimer(kind, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def _figures(drawn: bool) -> Iterator[None]:
    """Leave the figures of pages out, or not."""
    from goalscope.reports.pages import comparison, run

    before = run.draw, comparison.draw
    if not drawn:
        run.draw = comparison.draw = lambda *_, **__: []  # type: ignore[assignment]
    try:
        yield
    finally:
        run.draw, comparison.draw = before


@contextmanager
def _silence() -> Iterator[None]:
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@st.composite
def inputs(draw: st.DrawFn, text_of: Callable[[str], str]) -> tuple[str, bytes, str]:
    """Return a file's name, its changed content and what is asked.

    Args:
        draw: of hypothesis.
        text_of: returns the content of a file before.
    """
    name = draw(st.sampled_from((*JSON_FILES, "run.json", "measurements.jsonl", "plan.toml")))
    if name == "plan.toml":
        return name, draw(mutated_plan()), draw(st.sampled_from(("report", "compare")))
    content = draw(mutated(text_of(name)))
    asked = "compare" if name == "study.json" else draw(st.sampled_from(_ASKED))
    return name, content, asked


def batch(seed: int, count: int, deadline: float) -> tuple[int, list[str], Counter[str]]:
    """Return how many inputs were tried, what went wrong, and how many were used and refused."""
    import goalscope.cli.compare
    import goalscope.reports.pages.run  # noqa: F401  (loaded before memory is bounded)

    failures: list[str] = []
    done = 0
    with tempfile.TemporaryDirectory() as place:
        trial = Trial(Path(place))
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY, used + _MEMORY))

        @seeded(seed)
        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(inputs(trial.texts))
        def each(given_: tuple[str, bytes, str]) -> None:
            nonlocal done
            if time.monotonic() > deadline:
                return
            name, content, what = given_
            done += 1
            wrong = trial.ask(name, content, what, drawn=done % _DRAWN == 0)
            if wrong:
                failures.append(wrong)

        each()
        return done, failures, trial.kinds


def trials(budget_s: float, count: int = INPUTS, size: int = 500) -> list[Row]:
    """Return the row of hostile records, within a time.

    Args:
        budget_s: seconds.
        count: inputs wanted.
        size: of a batch: each has a process of its own, with its memory bounded.
    """
    deadline = time.monotonic() + budget_s
    failures: list[str] = []
    kinds: Counter[str] = Counter()
    done = 0
    context = multiprocessing.get_context("spawn")
    for seed in range(-(-count // size)):
        if time.monotonic() > deadline:
            break
        with context.Pool(1) as pool:
            tried, wrong, seen = pool.apply(batch, (seed, size, deadline))
        done += tried
        failures += wrong
        kinds += seen
    first = f"; first failure: {failures[0]}" if failures else ""
    return [
        Row(
            "hostile records: used, or refused in one line; under 5 s and 1 GiB; nothing runs",
            done,
            len(failures),
            f"{kinds['used']:,} used, {kinds['refused']:,} refused; figures drawn of one page in "
            f"{_DRAWN}{first}",
        )
    ]
