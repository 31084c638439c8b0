"""The program as shells see it: exit codes, pipes and signals. Each test starts Python and PyTorch, hence slow."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

IEM = [sys.executable, "-m", "iem"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error::ResourceWarning"}


def picture(path, side, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(30, 90, (side, side, 3), dtype=np.uint8)
    values[side // 4 : side // 2, side // 4 : side // 2] += 150
    Image.fromarray(values).save(path)
    return path


def start(arguments, folder, **keywords):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*IEM, *arguments], cwd=folder, env=ENVIRONMENT, **{**pipes, **keywords})


def temporary_files(folder):
    return [path for path in folder.rglob("*") if path.name.startswith(".")]


def test_help_does_not_wait_for_pytorch():
    """The package itself is left out: what counts is what the command line adds to it."""
    code = """
        import sys, types
        package = types.ModuleType("iem")
        package.__path__ = [sys.argv[1]]
        sys.modules["iem"] = package
        from iem.cli import main
        helps = [[command, "--help"] for command in ("segment", "peel", "evaluate")]
        for arguments in (["--help"], [], *helps, ["doctor", "-h"]):
            assert main(arguments) == 0
        heavy = {"torch", "numpy", "scipy", "matplotlib", "PIL", "kornia"} & set(sys.modules)
        assert not heavy, heavy
    """
    root = Path(__file__).parents[2] / "iem"
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(root)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for word in ("segment", "peel", "evaluate", "doctor", "--version", "Examples", "iem segment photo.jpg -o results"):
        assert word in run.stdout


@pytest.mark.slow
def test_exit_codes_and_version(tmp_path):
    picture(tmp_path / "in/a.png", 24)
    (tmp_path / "in/b.png").write_bytes(b"nonsense")
    codes = {}
    for name, arguments in {
        "done": ["segment", "in/a.png", "-o", "out"],
        "usage": ["segment", "in/a.png"],
        "some failed": ["segment", "in", "-o", "out"],
        "version": ["--version"],
    }.items():
        run = start(arguments, tmp_path)
        out, err = run.communicate()
        codes[name] = run.returncode
        assert b"Traceback" not in err, err
    assert codes == {"done": 0, "usage": 1, "some failed": 2, "version": 0}
    assert out.startswith(b"iem ")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interruption_leaves_whole_results_and_is_continued(tmp_path, number, code):
    picture(tmp_path / "in/a.png", 16)
    picture(tmp_path / "in/b.png", 1400)  # takes longer than the test needs to send a signal
    command = ["segment", "in", "-o", "out", "--size", "1400", "--preset", "paper", "--json"]
    run = start(command, tmp_path)
    first = json.loads(run.stdout.readline())
    time.sleep(0.3)
    run.send_signal(number)
    out, err = run.communicate(timeout=60)
    assert run.returncode == code, err
    last = err.decode().splitlines()[-1]
    assert last == "interrupted: 1 of 2 pictures is done and whole; the same command does the rest"
    assert json.loads(out)["summary"]["interrupted"] is True
    assert first["outcome"] == "done"
    files = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert files == ["cutouts/a.png", "masks/a.png", "overlays/a.jpg", "records/a.json"]
    assert temporary_files(tmp_path) == []

    (tmp_path / "in/b.png").unlink()
    again = start(command, tmp_path)
    assert json.loads(again.communicate()[0].splitlines()[0])["outcome"] == "skipped"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_closed_pipe_ends_quietly(tmp_path):
    for i in range(3):
        picture(tmp_path / f"in/{i}.png", 300, seed=i)  # long enough for the pipe to be closed meanwhile
    run = start(["segment", "in", "-o", "out", "--size", "300", "--json"], tmp_path)
    assert json.loads(run.stdout.readline())["outcome"] == "done"
    run.stdout.close()
    err = run.stderr.read()
    run.stderr.close()
    assert run.wait() == 141
    assert err == b""
    assert temporary_files(tmp_path) == []


@pytest.mark.slow
def test_mask_through_pipes(tmp_path):
    data = picture(tmp_path / "a.png", 24).read_bytes()
    run = start(["segment", "-", "-o", "-", "--preset", "paper"], tmp_path, stdin=subprocess.PIPE)
    out, err = run.communicate(data)
    assert (run.returncode, err) == (0, b"")
    (tmp_path / "mask.png").write_bytes(out)
    with Image.open(tmp_path / "mask.png") as mask:
        assert (mask.mode, mask.size) == ("L", (24, 24))
