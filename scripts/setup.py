"""Make ``.venv``, or repair it, then work in it: ``python scripts/setup.py run|test|bench|install [arguments]``.

Only the standard library and the syntax of Python 3.6: an old Python must get far enough to say that it is too old.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

OLDEST, NEWEST = (3, 10), (3, 13)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / ".ok"  #: the fingerprint of what is installed, written last; UNFINISHED while the installation runs
UNFINISHED = "unfinished"

# Modules, never console scripts: those do not start when the path of the environment holds a space.
LAYERS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
CHECKS = ("ruff check", "ruff format --check", "mypy", "pytest")
TWO_AT_ONCE = ["-n", "2", "--dist", "loadfile"]  #: unless other tests are asked for: some need the machine
COMMANDS = {
    "install": [],
    "run": [["experiments/segment.py", "experiment=quickstart"]],
    "test": [["-c", LAYERS], *(["-m", *check.split()] for check in CHECKS)],
    "bench": [["benchmarks/speed.py"]],
}


class SetupError(Exception):
    """One sentence for the user."""


def ask(python, code):
    """Return what this Python prints, or None if it does not start (version managers leave such stubs) or fails."""
    try:
        return subprocess.check_output([str(python), "-c", code], stderr=subprocess.DEVNULL).decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def version_of(python):
    """Return "3.11.7" for a Python that starts, else None."""
    return ask(python, "import platform; print(platform.python_version())")


def is_supported(version):
    """Tell whether iem is tested with this version."""
    return version is not None and OLDEST <= tuple(int(part) for part in version.split(".")[:2]) <= NEWEST


def candidates():
    """Return the Pythons to try: the one named in PY alone, else this one, the active one, the newest."""
    if os.environ.get("PY"):
        return [os.environ["PY"]]
    newest_first = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    found = [shutil.which(python) for python in [sys.executable, "python3", "python", *newest_first]]
    return [python for python in dict.fromkeys(found) if python and VENV not in Path(python).parents]


def find_python():
    """Return the first candidate that can make an environment."""
    met, incomplete = [], None
    for python in candidates():
        version = version_of(python)
        if is_supported(version) and ask(python, "import ensurepip, venv") is not None:
            return python
        if is_supported(version):
            incomplete = incomplete or (python, version)
        met.append(f"{python} is Python {version}" if version else f"{python} does not start")
    if incomplete:
        debian = "python{}.{}-venv".format(*incomplete[1].split("."))
        raise SetupError("{} (Python {}) lacks venv and ensurepip".format(*incomplete) + f": `apt install {debian}`.")
    raise SetupError(
        "iem needs Python {}.{} to {}.{}".format(*OLDEST, *NEWEST)
        + f" ({', '.join(met) or 'none was found'}): install one, or name it as in `make run PY=/path/to/python3.12`."
    )


def fingerprint(version):
    """Hash all that decides what is installed; the folder too, for an editable install points to one."""
    described = (ROOT / "pyproject.toml").read_bytes() + (ROOT / "constraints.txt").read_bytes()
    return hashlib.sha256(described + f"{ROOT} {version}".encode()).hexdigest()


def write_stamp(text):
    """Replace the stamp as a whole, so that it is never half written."""
    new = STAMP.with_suffix(".new")
    new.write_text(text)
    new.replace(STAMP)


@contextlib.contextmanager
def locked():
    """Let one process at a time touch ``.venv``. The system frees the lock when its holder dies, so none is stale."""
    VENV.mkdir(exist_ok=True)
    with (VENV / ".lock").open("w") as file:
        if os.name == "nt":
            import msvcrt

            while True:
                with contextlib.suppress(OSError):  # raised after ten seconds of waiting
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
        else:
            import fcntl

            os.set_inheritable(file.fileno(), True)  # should this process be killed, pip still holds the lock
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Waiting for another process that is installing into .venv.", flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError:  # a network file system without locks
                pass
        yield


def make_environment():
    """Put an empty environment in place of whatever ``.venv`` holds."""
    python = find_python()
    print(f"Making .venv with {python} (Python {version_of(python)}).", flush=True)
    write_stamp(UNFINISHED)
    for path in VENV.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(str(path))
        elif path.name not in (".lock", STAMP.name):
            path.unlink()
    if subprocess.call([python, "-m", "venv", str(VENV)], close_fds=False):
        raise SetupError(f"{python} could not make .venv, see above: name another as in `make run PY=python3.12`.")


def install():
    """Bring ``.venv`` to the state that pyproject.toml and constraints.txt describe."""
    stamp = STAMP.read_text() if STAMP.is_file() else ""
    version, named = version_of(PYTHON), os.environ.get("PY")
    if stamp == UNFINISHED or not is_supported(version) or (named and version_of(named) != version):
        make_environment()
    elif stamp == fingerprint(version):
        return
    write_stamp(UNFINISHED)
    print("Installing iem into .venv: once, and when pyproject.toml or constraints.txt change.", flush=True)
    if ask(PYTHON, "import pip") is None:  # uv makes environments without it
        subprocess.call([str(PYTHON), "-m", "ensurepip"], close_fds=False)
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]
    index = ["--extra-index-url", os.environ["TORCH_INDEX"]] if os.environ.get("TORCH_INDEX") else []
    if subprocess.call([*pip, "-e", ".[dev]", "-c", "constraints.txt", *index], cwd=str(ROOT), close_fds=False):
        raise SetupError("pip could not install iem, see above: put that right and give the same command again.")
    write_stamp(fingerprint(version_of(PYTHON)))


def set_environment():
    """Keep foreign packages out, and caches inside ``.venv`` where the home cannot be written to."""
    for name in ("PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET"):
        os.environ.pop(name, None)
    try:
        tempfile.TemporaryFile(dir=str(Path.home())).close()
    except (OSError, RuntimeError):
        wandb = [f"WANDB_{kind}_DIR" for kind in ("CACHE", "CONFIG", "DATA")]
        for name in ("XDG_CACHE_HOME", "PIP_CACHE_DIR", "MPLCONFIGDIR", "TORCH_HOME", *wandb):
            os.environ.setdefault(name, str(VENV / "cache"))


def main(arguments):
    """Install if need be, then give every command of the target, also after one failed; return the exit code."""
    if not arguments or arguments[0] not in COMMANDS:
        raise SetupError(f"Say what to do: python scripts/setup.py {'|'.join(COMMANDS)}.")
    set_environment()
    with locked():
        install()
    commands, interrupts, failed = COMMANDS[arguments[0]], [], {}
    signal.signal(signal.SIGINT, lambda *_: interrupts.append(True))  # the command gets it as well, and time to finish
    for command in commands:
        name = "import-linter" if LAYERS in command else " ".join(command[1:])
        if len(commands) > 1:
            print(f"--- {name}", flush=True)
        more = arguments[1:] if command is commands[-1] else []
        if command[-1] == "pytest" and not more:
            more = TWO_AT_ONCE
        code = subprocess.call([str(PYTHON), *command, *more], cwd=str(ROOT))
        if interrupts:
            return 130
        if code:
            failed[name] = code
    if len(commands) > 1:
        print("--- failed: " + ", ".join(failed) if failed else "--- every check passed", flush=True)
    return max(failed.values(), key=abs, default=0)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (SetupError, OSError) as error:
        sys.exit(str(error) if isinstance(error, SetupError) else f"iem could not be set up: {error}.")
    except KeyboardInterrupt:
        sys.exit(130)
