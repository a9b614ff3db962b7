"""What is installed: a wheel that works without the checkout; links while developing."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from goalscope.extras import EXTRAS

ROOT = Path(__file__).parent.parent
FOLDERS = ("cli", "diagnostics", "probes", "reports", "training", "underway")
IMPORTS = "import goalscope." + ", goalscope.".join(FOLDERS)
NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.egg-info")


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """The checkout as it is built from, so that building leaves nothing in it."""
    copy = tmp_path_factory.mktemp("source")
    for folder in (*FOLDERS, "package"):
        shutil.copytree(ROOT / folder, copy / folder, symlinks=True, ignore=NOT_SHIPPED)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, copy)
    return copy


@pytest.fixture(scope="module")
def installed(source, tmp_path_factory) -> Path:
    """The wheel, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "-w", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
    (wheel,) = folder.glob("goalscope-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def run(path: Path, cwd: Path, *arguments: str) -> str:
    """Run Python with one folder on its path, and return what it says."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        # What lies in the folder stays what was built.
        env={**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_works_without_the_checkout(installed, tmp_path):
    said = run(installed, tmp_path, "-c", f"{IMPORTS}; print(goalscope.__file__)")
    assert said.strip() == str(installed / "goalscope" / "__init__.py")
    assert "usage: goalscope" in run(installed, tmp_path, "-m", "goalscope", "--help")
    assert "pixel-her-drq-norm" in run(installed, tmp_path, "-m", "goalscope", "arms")
    names = run(installed, tmp_path, "-c", "import goalscope; print(goalscope.ModalityDiagnostics)")
    assert "ModalityDiagnostics" in names
    (entry_points,) = installed.glob("*.dist-info/entry_points.txt")
    assert "goalscope = goalscope.cli.main:main" in entry_points.read_text()


def test_watching_and_drawing_require_no_simulator(installed):
    (file,) = installed.glob("*.dist-info/METADATA")
    required: dict[str, set[str]] = {}
    for line in Parser().parsestr(file.read_text()).get_all("Requires-Dist"):
        requirement, _, extra = line.partition("; extra == ")
        name = re.match(r"[\w-]+", requirement)[0].replace("-", "_")
        required.setdefault(extra.strip('"'), set()).add(name)
    for extra, left_out in EXTRAS.items():
        assert required[extra] == set(left_out.modules)
    assert required[""] == {
        *("torch", "stable_baselines3", "gymnasium", "numpy", "scipy", "pandas"),
        *("matplotlib", "jinja2", "pypdf"),
        *("tyro", "rich", "tqdm", "safetensors", "msgspec", "psutil"),
    }


def test_the_wheel_holds_all_of_goalscope_and_nothing_else(installed):
    assert {path.name.partition("-")[0] for path in installed.iterdir()} == {"goalscope"}
    shipped = {
        str(path.relative_to(installed / "goalscope"))
        for path in (installed / "goalscope").rglob("*")
        if path.is_file()
    }
    package = ROOT / "package" / "goalscope"
    there = {path.name for path in package.iterdir() if path.is_file()}
    for folder in FOLDERS:
        files = (path for path in (ROOT / folder).rglob("*") if path.is_file())
        there |= {str(f.relative_to(ROOT)) for f in files if "__pycache__" not in f.parts}
    assert shipped == there


def test_new_files_are_seen_at_once_by_the_development_install(source, tmp_path):
    build = "from setuptools.build_meta import build_editable; build_editable(r'{}')"
    run(Path(), source, "-c", build.format(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (link,) = (name for name in archive.namelist() if name.endswith(".pth"))
        path = archive.read(link).decode().strip()
        code = [name for name in archive.namelist() if name.endswith(".py")]
    assert path == str(source / "package")  # a folder, of links: no list of files that goes stale
    assert not code
    (source / "probes" / "brand_new.py").write_text("ANSWER = 42\n")
    try:
        asked = "from goalscope.probes.brand_new import ANSWER; print(ANSWER)"
        assert run(Path(path), tmp_path, "-c", asked) == "42\n"
    finally:
        (source / "probes" / "brand_new.py").unlink()


def test_the_citation_is_of_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"\nversion: {project['version']}\n" in (ROOT / "CITATION.cff").read_text()
