"""W&B where it meets the machine: a full disk, a killed process, a terminal, and our own command line."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from references.wandb_log import recorded

from iem.interfaces import RunIdentity
from iem.runner.results import read_events
from iem.runner.tracking import JsonlTracker, WandbTracker

ROOT = Path(__file__).resolve().parents[3]


ENDLESS = """
import sys, time
from pathlib import Path
from iem.interfaces import RunIdentity
from iem.runner.tracking import JsonlTracker, WandbTracker

trackers = [WandbTracker(mode="offline"), JsonlTracker()]
for tracker in trackers:
    tracker.start(RunIdentity("1f", "a run", Path(sys.argv[1])))
for step in range(100):
    for tracker in trackers:
        tracker.log(step, {"opt/score": 0.5})
print("logged", flush=True)
time.sleep(60)
"""


@contextlib.contextmanager
def small_disk(folder, size):
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no right to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_noticed(home, tmp_path, capsys):
    with small_disk(tmp_path / "disk", "600k") as disk:
        about, tracker = RunIdentity("1f", "a run", disk), WandbTracker(mode="offline")
        tracker.start(about)
        for step in range(4000):
            tracker.log(step, {f"opt/term/{k}": step / 7 for k in range(8)})
        tracker.finish({"iou": 0.5})
        lines = capsys.readouterr().err.splitlines()
        (path,) = disk.glob("wandb/offline-run-*/run-*.wandb")
        left = 4000 - len(recorded(disk).history)
    assert left > 0
    assert (
        lines[0]
        == f"W&B: {left} of 4000 rows are not in its file (is the disk full?); {disk}/metrics.jsonl has all rows"
    )
    assert lines[1:] == [f"W&B: recorded offline; to upload: wandb sync {path.parent}"]


def test_a_full_disk_is_said_by_plain_files_too(tmp_path, capsys):
    with small_disk(tmp_path / "disk", "64k") as disk:
        tracker = JsonlTracker()
        tracker.start(RunIdentity("1f", "a run", disk))
        for step in range(4000):
            tracker.log(step, {f"opt/term/{k}": step / 7 for k in range(8)})
        tracker.finish({"iou": 0.5})
        whole = list(read_events(disk / "history.jsonl"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("history.jsonl: could not write a row ([Errno 28] No space left on device)")
    assert [row["opt/iter"] for row in whole] == list(range(len(whole)))


@pytest.mark.slow
def test_a_killed_run_keeps_what_is_older_than_seconds(home, identity):
    about = identity()
    command = [sys.executable, "-c", ENDLESS, str(about.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "logged\n"
        assert len(list(read_events(about.folder / "history.jsonl"))) == 100
        time.sleep(4)
        process.kill()
    assert len(recorded(about.folder).history) == 100


@pytest.mark.slow
def test_a_terminal_is_not_asked_for_a_key(home, identity):
    about = identity()
    code = (
        "import sys; from pathlib import Path; from iem.interfaces import RunIdentity;"
        "from iem.runner.tracking import WandbTracker; assert 'wandb' not in sys.modules; t = WandbTracker();"
        f"t.start(RunIdentity('1f', 'a run', Path({str(about.folder)!r}))); t.log(1, {{'a': 1.0}}); t.finish({{}})"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert process.wait(timeout=60) == 0
    lines = shown.decode().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("W&B: found no API key")


@pytest.mark.slow
@pytest.mark.parametrize("tracker", ["wandb_offline", "jsonl", "none"])
def test_the_experiment_is_tracked(home, tmp_path, tracker):
    command = [sys.executable, ROOT / "experiments/segment.py", "preset=paper", "dataset.limit=2", "dataset.size=48"]
    command += ["size=48", "max_steps=5", f"tracker={tracker}", f"hydra.run.dir={tmp_path}/job"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    job = tmp_path / "job"
    means = json.loads((job / "result.json").read_text())["means"]
    if tracker == "wandb_offline":
        found = recorded(job)
        curves = [row for row in found.rows("opt/iter") if "opt/iou_oracle" in row]
        assert found.exit_code == 0
        assert found.summary["iou_oracle"] == pytest.approx(means["iou_oracle"])
        assert found.config["max_steps"] == 5
        assert set(found.tags) == {"paper", "samples"}
        assert "wandb sync" in done.stderr
    elif tracker == "jsonl":
        curves = [row for row in read_events(job / "history.jsonl") if "opt/iou_oracle" in row]
        assert json.loads((job / "summary.json").read_text())["summary"]["iou_oracle"] == means["iou_oracle"]
    else:
        curves = [{"opt/iter": step} for step in range(1, 6)]
        assert not (job / "wandb").exists()
    assert [row["opt/iter"] for row in curves] == [1, 2, 3, 4, 5]


@pytest.mark.slow
def test_an_interrupted_experiment_ends_its_run_as_failed(home, tmp_path):
    command = [sys.executable, ROOT / "experiments/segment.py", "preset=paper", "tracker=wandb_offline"]
    command += ["max_steps=100000", f"hydra.run.dir={tmp_path}/job"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    until = time.monotonic() + 60
    while not list(tmp_path.glob("job/wandb/offline-run-*/run-*.wandb")) and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130, errors
    assert "wandb sync" in errors
    assert "Traceback" not in errors
    found = recorded(tmp_path / "job")
    assert found.exit_code == 1
    assert found.history
