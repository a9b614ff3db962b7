"""What the reports offer, what they import, and what stays unloaded."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.synthetic_probes import probed

import goalscope.reports as reports

HEAVY = ("torch", "stable_baselines3", "captum", "mujoco", "gymnasium")


def loaded(code, *names, **environment):
    """Return which of the modules a fresh interpreter has loaded after some code."""
    code += f"\nimport sys; print([name for name in {names!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment or None,
    )
    return done.stdout.strip().splitlines()[-1]


def test_the_public_names():
    assert set(reports.__all__) == {
        "ComparisonPage",
        "LoadedRun",
        "RunPage",
        "ReportError",
        "Thresholds",
        "load_run",
        "write_comparison",
        "write_probe_page",
        "write_report",
    }
    for name in reports.__all__:
        assert getattr(reports, name).__doc__
    assert set(reports.__all__) <= set(dir(reports))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        reports.nothing  # noqa: B018


def test_reports_import_nothing_of_the_project_but_the_record():
    folder = Path(__file__).parents[2] / "reports"
    found = set()
    for path in folder.glob("**/*.py"):
        found |= set(re.findall(r"^\s*(?:from|import) (goalscope[\w.]*)", path.read_text(), re.M))
    own = (
        "goalscope.reports",
        "goalscope.diagnostics.record",
        "goalscope.errors",
        "goalscope.lazy",
    )
    assert [name for name in found if not name.startswith(own)] == []


def test_the_package_alone_loads_none_of_its_libraries():
    assert loaded("import goalscope.reports", *HEAVY, "numpy", "pandas", "matplotlib") == "[]"
    assert loaded("from goalscope.reports import ReportError", *HEAVY, "pandas") == "[]"


def test_pages_are_made_without_an_agent_s_libraries_and_without_a_display(tmp_path):
    run = probed(tmp_path / "run", steps=(0, 100))
    code = (
        "from goalscope.reports import write_comparison, write_probe_page, write_report\n"
        f"write_report({str(run)!r}); write_probe_page({str(run)!r})"
    )
    bare = {"PATH": "/usr/bin:/bin", "MPLBACKEND": "TkAgg", "HOME": str(tmp_path)}
    assert loaded(code, *HEAVY, **bare) == "[]"
    assert (run / "report.html").exists()
    assert (run / "probes.html").exists()
