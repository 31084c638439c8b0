"""Sweeps as users start them: killed, started twice, and spread over processes, they end with the same numbers."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

PROGRAM = str(Path(__file__).resolve().parents[3] / "experiments/segment.py")
SWEEP = ("preset=paper,best", "dataset.limit=6", "batch_size=2", "threads=1", "tracker=none", "name=sweep")


def begin(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, PROGRAM, "-m", *SWEEP, *overrides],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(*sweeps: subprocess.Popen[str]) -> list[str]:
    outputs = [sweep.communicate(timeout=240)[0] for sweep in sweeps]
    for sweep, output in zip(sweeps, outputs, strict=True):
        assert sweep.returncode == 0, output
    return outputs


def kill(sweep: subprocess.Popen[str]) -> None:
    """With all that it has started, and without a word."""
    os.killpg(sweep.pid, signal.SIGKILL)
    sweep.communicate()


def everything(folder: Path) -> dict[str, object]:
    """Numbers and pictures of all jobs, without times; no file may be half written."""
    jobs = {}
    for path in sorted((folder / "outputs/sweeps/sweep").glob("*/result.json")):
        result = json.loads(path.read_text())
        log = [json.loads(line) for line in (path.parent / "metrics.jsonl").read_text().splitlines()]
        for row in [*result["rows"], *log]:
            row.pop("seconds", None)
        pictures = {
            file.relative_to(path.parent).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for kind in ("masks", "cutouts", "overlays", "films")
            for file in (path.parent / kind).rglob("*")
        }
        # A picture that was begun twice has some steps twice; what counts is how its last search went.
        steps = {(event["name"], event["step"]): event for event in log if event["event"] == "step"}
        finished = sorted((e for e in log if e["event"] == "picture"), key=lambda event: event["name"])
        numbers = {key: result[key] for key in ("rows", "means", "failures", "settings")}
        jobs[path.parent.name] = {**numbers, "pictures": pictures, "steps": steps, "log": finished}
        assert not (path.parent / "run.lock").exists()
        assert not [file for file in path.parent.rglob("*") if file.name.endswith(".tmp")]
    return jobs


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("undisturbed")
    finish(begin(folder))
    found = everything(folder)
    assert len(found) == 2
    assert all(len(job["rows"]) == 6 for job in found.values())
    return found


def pictures(folder: Path) -> int:
    return sum(log.read_bytes().count(b'"event": "picture"') for log in folder.rglob("metrics.jsonl"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_sweep_killed_again_and_again_ends_as_if_nothing_had_been(tmp_path, undisturbed):
    chance = random.Random(20)
    for _ in range(5):
        sweep = begin(tmp_path)
        before, deadline = pictures(tmp_path), time.monotonic() + 120
        while pictures(tmp_path) == before and sweep.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.6))  # anywhere in the search, the writing or the reports after it
        kill(sweep)
        if len(everything_finished(tmp_path)) == 2:
            break
    (output,) = finish(begin(tmp_path))
    assert "kept from an earlier run" in output
    assert everything(tmp_path) == undisturbed


def everything_finished(folder: Path) -> list[Path]:
    return list(folder.rglob("result.json"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_copies_at_once_share_the_folder_and_find_the_same(tmp_path, undisturbed):
    outputs = finish(begin(tmp_path), begin(tmp_path))
    assert everything(tmp_path) == undisturbed
    assert len(everything_finished(tmp_path)) == 2
    means = [[line for line in output.splitlines() if line.startswith("mean")] for output in outputs]
    assert means[0] == means[1], "both copies report both jobs"
    assert pictures(tmp_path) == 12, "a picture was searched by both"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("launcher", ["joblib", "slurm_local"])
def test_launchers_change_no_number(tmp_path, undisturbed, launcher):
    if find_spec({"joblib": "hydra_plugins.hydra_joblib_launcher"}.get(launcher, "submitit")) is None:
        pytest.skip('not installed: pip install "iem[sweep]"')
    extra = ("hydra.launcher.n_jobs=2",) if launcher == "joblib" else ()
    finish(begin(tmp_path, f"hydra/launcher={launcher}", *extra))
    assert everything(tmp_path) == undisturbed


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ray_changes_no_number(tmp_path, undisturbed):
    pytest.importorskip("hydra_plugins.hydra_ray_launcher", reason='not installed: pip install "iem[ray]"')
    finish(begin(tmp_path, "hydra/launcher=ray_cluster"))
    assert everything(tmp_path) == undisturbed
