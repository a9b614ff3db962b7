"""The house rules that a reader of the folders relies on."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "probes": set(),
    "diagnostics": {"probes"},
    "training": {"diagnostics", "probes"},
    "reports": {"diagnostics.record"},
    "cli": {"diagnostics", "probes", "training", "reports"},
}
FILES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).glob("**/*.py"))]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.removeprefix("goalscope.") for name in found if name.startswith("goalscope.")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_imports_point_down_the_table(path):
    package = path.relative_to(ROOT).parts[0]
    allowed = MAY_IMPORT[package] | {package}
    for name in imports(path):
        assert any(name == a or name.startswith(f"{a}.") for a in allowed), name


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_files_stay_short(path):
    assert len(path.read_text().splitlines()) <= 350


def test_public_names_exist():
    import goalscope.diagnostics
    import goalscope.probes
    import goalscope.reports
    import goalscope.training

    for package in (
        goalscope.diagnostics,
        goalscope.probes,
        goalscope.reports,
        goalscope.training,
    ):
        for name in package.__all__:
            assert hasattr(package, name)
    assert goalscope.diagnostics.__all__ == [
        "FeatureStatistics",
        "GoalSensitivity",
        "GradientBalance",
        "ModalityDiagnostics",
    ]
