"""Sweeps on a real Slurm: they finish, and neither a time limit nor the loss of a node changes a number."""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slurm

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = str(ROOT / "experiments/segment.py")
# One picture at a time, so that there is something to go on with. What takes long is the search itself.
WORK = ("preset=paper", "batch_size=1", "threads=1", "write_pictures=false", "tracker=none")
SECONDS = 75.0  # that the long job should take by itself; Slurm counts its limits in minutes


def launch(cluster, folder: Path, *overrides: str) -> subprocess.Popen[str]:
    launcher = ("hydra/launcher=slurm", "hydra.launcher.partition=debug", "hydra.launcher.mem_gb=2", "name=sweep")
    return subprocess.Popen(
        [sys.executable, PROGRAM, "-m", *launcher, *overrides],
        cwd=folder,
        env=dict(cluster.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def alone(folder: Path, *overrides: str) -> dict[str, object]:
    """The result of an ordinary run, without Slurm."""
    command = [sys.executable, PROGRAM, *overrides, "hydra.run.dir=alone"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=folder, check=True, timeout=600, capture_output=True, env=environment)
    return numbers(folder / "alone")


def numbers(folder: Path) -> dict[str, object]:
    """Rows and means of a result, without times."""
    result = json.loads((folder / "result.json").read_text())
    for row in result["rows"]:
        del row["seconds"]
    return {"rows": result["rows"], "means": result["means"], "settings": result["settings"]}


def finished_pictures(folder: Path) -> int:
    logs = list(folder.glob("outputs/sweeps/sweep/*/metrics.jsonl"))
    return sum(log.read_text().count('"event": "picture"') for log in logs)


def until(condition: Callable[[], bool], seconds: float, sweep: subprocess.Popen[str], folder: Path) -> None:
    """Wait for something that must happen while the sweep goes on."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline or sweep.poll() is not None:
            sweep.kill()
            logs = [log.read_text()[-3000:] for log in folder.rglob("*_log.out")]
            pytest.fail("\n".join(["not in time", sweep.communicate()[0][-3000:], *logs]))
        time.sleep(0.3)


def test_three_jobs_finish_with_the_numbers_of_runs_without_slurm(cluster, tmp_path):
    work = (*WORK, "size=32", "dataset.limit=2")
    sweep = launch(cluster, tmp_path, "inpainter.sigma=1,3,5", *work)
    output, _ = sweep.communicate(timeout=240)
    assert sweep.returncode == 0, output
    jobs = sorted((tmp_path / "outputs/sweeps/sweep").glob("paper-samples-*"))
    assert len(jobs) == 3
    found = {job["settings"]["inpainter"]["sigma"]: job for job in map(numbers, jobs)}
    assert found[5] == alone(tmp_path, "inpainter.sigma=5", *work)
    assert len({job["means"]["iou_oracle"] for job in found.values()}) > 1
    status = subprocess.run(
        [sys.executable, "-m", "iem", "sweep", "status", str(tmp_path / "outputs/sweeps/sweep"), "--json"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert status.returncode == 0, status.stderr
    assert json.loads(status.stdout)["counts"]["done"] == 3


@pytest.fixture(scope="module")
def long_work(tmp_path_factory) -> tuple[tuple[str, ...], dict[str, object]]:
    """A job that takes more than a minute on this machine, and its result when nothing disturbs it."""
    folder = tmp_path_factory.mktemp("reference")
    begun = alone(folder, *WORK, "size=128", "skip_finished=false")
    result = json.loads((folder / "alone/result.json").read_text())
    seconds = sum(row["seconds"] for row in result["rows"])
    assert len(begun["rows"]) >= 6
    # The time of a search grows with the number of pixels.
    size = max(128, 8 * round(128 * math.sqrt(SECONDS / seconds) / 8))
    work = (*WORK, f"size={size}")
    return work, alone(tmp_path_factory.mktemp("undisturbed"), *work)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_job_that_hits_its_time_limit_is_continued(cluster, tmp_path, long_work):
    work, undisturbed = long_work
    limits = ("hydra.launcher.timeout_min=1", "hydra.launcher.signal_delay_s=20", "hydra.launcher.max_num_timeout=10")
    sweep = launch(cluster, tmp_path, *limits, *work)
    restarts: list[int] = []

    def is_over() -> bool:
        for line in cluster.call("scontrol", "show", "job").split():
            if line.startswith("Restarts="):
                restarts.append(int(line.removeprefix("Restarts=")))
        return any(tmp_path.glob("outputs/sweeps/sweep/*/result.json"))

    until(is_over, 600, sweep, tmp_path)
    output, _ = sweep.communicate(timeout=240)
    assert sweep.returncode == 0, output
    assert max(restarts) >= 1, "the job did not reach its limit"
    (job,) = (tmp_path / "outputs/sweeps/sweep").glob("paper-samples-*")
    assert numbers(job) == undisturbed
    assert finished_pictures(tmp_path) == len(undisturbed["rows"]), "a picture was searched twice"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_job_of_a_node_that_dies_is_finished_by_the_other(cluster, tmp_path, long_work):
    work, undisturbed = long_work
    sweep = launch(cluster, tmp_path, *work)
    until(lambda: finished_pictures(tmp_path) >= 2, 240, sweep, tmp_path)
    lost = cluster.call("squeue", "-h", "-o", "%N").strip()
    cluster.kill(lost)
    kept = finished_pictures(tmp_path)
    assert 2 <= kept < len(undisturbed["rows"])
    try:
        running = ("squeue", "-h", "-t", "running", "-o", "%N")
        until(lambda: cluster.call(*running).strip() not in ("", lost), 300, sweep, tmp_path)
        output, _ = sweep.communicate(timeout=600)
    finally:
        cluster.start(lost)
    assert sweep.returncode == 0, output
    (job,) = (tmp_path / "outputs/sweeps/sweep").glob("paper-samples-*")
    assert numbers(job) == undisturbed
    assert finished_pictures(tmp_path) == len(undisturbed["rows"]), "a picture was searched twice"
