import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def run(*command: object, cwd: Path = ROOT) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "iem", source / "iem", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "iem").rglob("*") if path.is_file()}
    package = {name for name in package if "__pycache__" not in name}
    shipped = set(zipfile.ZipFile(wheel).namelist())
    about = {name for name in shipped if re.match(r"iem-[0-9.]+\.dist-info/", name)}
    assert shipped - about == package
    assert any(name.endswith("/licenses/LICENSE") for name in about)


def test_the_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    python = next(path for path in (tmp_path / "venv").glob("*/python*") if path.is_file())
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    (packages / "what_iem_needs.pth").write_text(str(metadata.distribution("torch").locate_file("")))
    code = "import iem; from iem.datasets.samples import Samples; print(iem.__file__); print(Samples()[0].name)"
    assert run(python, "-c", code, cwd=tmp_path).splitlines() == [str(packages / "iem/__init__.py"), "flower"]
    assert "segment" in run(python, "-m", "iem", "--help", cwd=tmp_path)


def name_of(requirement: Requirement) -> str:
    return re.sub(r"[-_.]+", "-", requirement.name).lower()


def needed_by(distribution: str, extras: frozenset[str]) -> set[str]:
    """Names of all packages that a distribution needs on this machine."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(distribution, extras)]
    while waiting:
        seen.add(node := waiting.pop())
        for requirement in map(Requirement, metadata.requires(node[0]) or []):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *node[1])):
                waiting += {(name_of(requirement), frozenset(requirement.extras))} - seen
    return {name for name, _ in seen} - {distribution}


def test_every_package_that_is_installed_for_us_is_pinned_once() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"==[0-9a-z.]+", str(pin.specifier)) for pin in pins)
    here = [name_of(pin) for pin in pins if pin.marker is None or pin.marker.evaluate()]
    assert len(here) == len(set(here))
    assert needed_by("iem", frozenset({"dev"})) - set(here) == set()
