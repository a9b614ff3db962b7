"""The house rules that a reader of the folders relies on."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "probes": set(),
    "diagnostics": {"probes", "underway"},
    "underway": {"diagnostics.record", "reports"},
    "training": {"diagnostics", "probes"},
    "reports": {"diagnostics.record"},
    "cli": {"diagnostics", "probes", "training", "reports", "underway"},
}
SHARED = {"errors", "extras", "lazy", "__version__"}  # of the package itself: no room's business
FILES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).glob("**/*.py"))]


ROOMS = {path: path.parent.relative_to(ROOT).as_posix() for path in FILES}


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
    allowed = MAY_IMPORT[package] | {package} | SHARED
    for name in imports(path):
        assert any(name == a or name.startswith(f"{a}.") for a in allowed), name


def room_of(name: str) -> str:
    """Return the folder that a dotted name, of a module or of something in one, lies in."""
    path = ROOT / name.replace(".", "/")
    files = [p for at in (path, path.parent) for p in (at.with_suffix(".py"), at / "__init__.py")]
    return next(ROOMS[p] for p in files if p in ROOMS)


def arrows(files: list[Path]) -> dict[str, set[str]]:
    """Return room -> the other rooms that its modules import; an `__init__` only shows others."""
    found: dict[str, set[str]] = {}
    for path in files:
        if path.name != "__init__.py":
            names = (name for name in imports(path) if name.partition(".")[0] not in SHARED)
            rooms = {room_of(name) for name in names} - {ROOMS[path]}
            found.setdefault(ROOMS[path], set()).update(rooms)
    return found


def circle(rooms: dict[str, set[str]]) -> list[str] | None:
    """Return rooms that import each other in a circle."""
    try:
        list(TopologicalSorter(rooms).static_order())
    except CycleError as error:
        return error.args[1]
    return None


def test_rooms_import_each_other_one_way():
    found = arrows(FILES)
    assert found["diagnostics/instruments"] >= {"diagnostics/updates", "diagnostics/record"}
    assert circle(found) is None


def test_a_circle_of_rooms_is_found():
    assert circle(arrows(FILES) | {"diagnostics/record": {"diagnostics/instruments"}})


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
        "gather_probe_set",
    ]
