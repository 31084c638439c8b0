import ast
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="stands in for Pythons with shell scripts")

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "tiny"
version = "1.0"
"""
# A build backend that needs no network and keeps count of how often pip called it.
BACKEND = """
import os, pathlib, time, zipfile

FILES = {
    "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\nProvides-Extra: dev\\n",
    "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "tiny-1.0.dist-info/RECORD": "",
}

def prepare_metadata_for_build_editable(folder, settings=None):
    for name, text in FILES.items():
        path = pathlib.Path(folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return "tiny-1.0.dist-info"

def build_editable(folder, settings=None, metadata=None):
    with open("builds.log", "a") as log:
        log.write("built\\n")
    if "PAUSE" in os.environ:
        time.sleep(60)
    if "FAIL" in os.environ:
        raise SystemExit("no")
    with zipfile.ZipFile(pathlib.Path(folder, "tiny-1.0-py3-none-any.whl"), "w") as wheel:
        for name, text in FILES.items():
            wheel.writestr(name, text)
    return "tiny-1.0-py3-none-any.whl"
"""
EXPERIMENT = 'import os, sys\nprint(sys.argv[1:], "cache:", os.environ.get("MPLCONFIGDIR"), sys.prefix)\n'


def make_project(folder: Path) -> Path:
    for name, text in {
        "pyproject.toml": PYPROJECT,
        "backend.py": BACKEND,
        "constraints.txt": "",
        "experiments/segment.py": EXPERIMENT,
        "builds.log": "",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/setup.py", folder / "scripts")
    shutil.copy(ROOT / "Makefile", folder)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("with space") / "a project")


def environment(**changes: str) -> dict[str, str]:
    """Ours, without what a `make test` that runs these tests was given."""
    outer = {"ARGS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "PY", "TORCH_INDEX"}
    inherited = {name: value for name, value in os.environ.items() if name not in outer}
    return {**inherited, "PIP_NO_INDEX": "1", **changes}


def command(project: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(project / "scripts/setup.py"), *arguments]


def setup(project: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(project, *arguments),
        env=environment(**changes),
        text=True,
        capture_output=True,
    )


def install(project: Path) -> int:
    """Install, and return how often pip built the package while doing so."""
    before = builds(project)
    done = setup(project, "install")
    assert done.returncode == 0, done.stderr
    assert len((project / ".venv/.ok").read_text()) == 64
    return builds(project) - before


def builds(project: Path) -> int:
    return (project / "builds.log").read_text().count("built")


def stub(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def is_one_sentence(text: str) -> bool:
    return text.count("\n") == 1 and text.endswith(".\n") and "Traceback" not in text


def test_the_script_keeps_to_the_syntax_of_python_3_6() -> None:
    ast.parse((ROOT / "scripts/setup.py").read_text(), feature_version=(3, 6))


def test_pip_is_called_once(project: Path) -> None:
    install(project)
    assert install(project) == 0


@pytest.mark.parametrize("name", ["constraints.txt", "pyproject.toml"])
def test_a_changed_description_installs_again_into_the_same_environment(project: Path, name: str) -> None:
    install(project)
    (project / ".venv/kept").touch()
    with (project / name).open("a") as file:
        file.write("# changed\n")
    assert install(project) == 1
    assert (project / ".venv/kept").exists()
    assert install(project) == 0


def test_a_moved_checkout_installs_again(project: Path, tmp_path: Path) -> None:
    install(project)
    moved = Path(shutil.copytree(project, tmp_path / "moved", symlinks=True))
    assert install(moved) == 1


def test_an_environment_made_by_others_is_used_as_it_is(project: Path) -> None:
    install(project)
    (project / ".venv/.ok").unlink()
    (project / ".venv/kept").touch()
    assert install(project) == 1
    assert (project / ".venv/kept").exists()


def test_run_passes_arguments_on_and_works_in_the_environment(project: Path) -> None:
    install(project)
    done = setup(project, "run", "max_steps=3", PYTHONPATH="/elsewhere")
    assert done.stdout.startswith("['experiment=quickstart', 'max_steps=3']")
    assert done.stdout.rstrip().endswith(str(project / ".venv"))


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_make_passes_arguments_on(project: Path) -> None:
    install(project)
    done = subprocess.check_output(["make", "run", "ARGS='title=two words' steps=3"], cwd=project, env=environment())
    assert done.decode().startswith("['experiment=quickstart', 'title=two words', 'steps=3']")


def test_caches_move_into_the_environment_only_when_the_home_cannot_be_written(project: Path, tmp_path: Path) -> None:
    install(project)
    (tmp_path / "file").touch()
    changes = {"MPLCONFIGDIR": "theirs"}
    assert "cache: theirs" in setup(project, "run", HOME=str(tmp_path / "file"), **changes).stdout
    plain = {name: value for name, value in environment().items() if name != "MPLCONFIGDIR"}
    for home, expected in {tmp_path / "file": project / ".venv/cache", tmp_path: None}.items():
        done = subprocess.check_output(command(project, "run"), env={**plain, "HOME": str(home)}, text=True)
        assert f"cache: {expected}" in done


def test_every_check_is_made_and_the_failed_ones_are_named(project: Path) -> None:
    install(project)
    done = setup(project, "test")  # nothing that checks is installed here, so that everything fails
    assert done.returncode == 1
    assert done.stdout.endswith("--- failed: import-linter, ruff check, ruff format --check, mypy, pytest\n")


def test_a_missing_target_is_one_sentence(project: Path) -> None:
    done = setup(project, "fly")
    assert done.returncode == 1
    assert is_one_sentence(done.stderr)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("echo 3.9.1", "iem needs Python 3.10 to 3.13 ({} is Python 3.9.1)"),
        ("echo 3.14.0", "iem needs Python 3.10 to 3.13 ({} is Python 3.14.0)"),
        ("exit 127", "iem needs Python 3.10 to 3.13 ({} does not start)"),
        ('case "$*" in *ensurepip*) exit 1;; esac; echo 3.12.4', "{} (Python 3.12.4) lacks venv and ensurepip"),
    ],
)
def test_an_unfit_python_is_one_sentence_and_spoils_nothing(
    project: Path, tmp_path: Path, body: str, expected: str
) -> None:
    install(project)
    python = stub(tmp_path / "my python", body)
    done = setup(project, "run", PY=str(python))
    assert done.returncode == 1
    assert is_one_sentence(done.stderr)
    assert done.stderr.startswith(expected.format(python))
    assert install(project) == 0


def test_no_fit_python_anywhere_is_one_sentence(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    script = project / "scripts/setup.py"
    script.write_text(script.read_text().replace("(3, 10), (3, 13)", "(4, 0), (4, 1)"))
    done = setup(project, "run")
    assert done.returncode == 1
    assert is_one_sentence(done.stderr)
    assert done.stderr.startswith("iem needs Python 4.0 to 4.1 (")
    assert "PY=" in done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_make_without_any_python_is_one_sentence(project: Path, tmp_path: Path) -> None:
    for name in ("python", "python3", "python3.12"):
        stub(tmp_path / name, "exit 127")
    make = str(shutil.which("make"))
    done = subprocess.run([make, "run"], cwd=project, env={"PATH": str(tmp_path)}, text=True, stderr=subprocess.PIPE)
    assert done.returncode != 0
    assert is_one_sentence(done.stderr.partition("make:")[0])
    assert "Python 3.10 to 3.13" in done.stderr


@pytest.mark.slow
def test_a_broken_environment_is_made_anew(project: Path) -> None:
    install(project)
    python = project / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert install(project) == 1


def test_an_installation_that_fails_does_not_count(project: Path) -> None:
    install(project)
    (project / "constraints.txt").write_text("# fails\n")
    done = setup(project, "install", FAIL="1")
    assert done.returncode == 1
    assert done.stderr.endswith("give the same command again.\n")
    assert (project / ".venv/.ok").read_text() == "unfinished"
    (project / ".venv/.ok").unlink()  # so that the next test need not wait for a new environment
    assert install(project) == 1


@pytest.mark.slow
def test_an_interrupted_installation_is_made_anew(project: Path) -> None:
    install(project)
    (project / "constraints.txt").write_text("# interrupted\n")
    before = builds(project)
    process = subprocess.Popen(command(project, "install"), env=environment(PAUSE="1"), start_new_session=True)
    while builds(project) == before and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (project / ".venv/half an installation").touch()
    assert install(project) == 1
    assert not (project / ".venv/half an installation").exists()


@pytest.mark.slow
def test_two_at_once_install_once(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    both = [
        subprocess.Popen(command(project, "run"), env=environment(), text=True, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert all("['experiment=quickstart']" in output for output in outputs)
    assert sum("Waiting for another process" in output for output in outputs) == 1
    assert builds(project) == 1
