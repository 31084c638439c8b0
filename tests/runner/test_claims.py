"""Who may work in a folder: one, and the dead hold nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from iem.runner.claims import claim, holder, is_held

HOLD = """
import sys, time
from pathlib import Path
from iem.runner.claims import claim
with claim(Path(sys.argv[1]), beat=0.1):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""

posix = pytest.mark.skipif(os.name != "posix", reason="signals")


def another(path, seconds):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_waits_and_is_told_for_whom(tmp_path):
    path, told = tmp_path / "run.lock", []
    with another(path, 1.0) as process:
        assert is_held(path)
        with claim(path, on_wait=told.append, beat=0.1):
            assert holder(path)["pid"] == os.getpid()
            assert process.wait(10) == 0
            assert holder(path)["pid"] == os.getpid()
    assert told == [f"process {process.pid} on {socket.gethostname()}"]
    assert not path.exists()
    assert not is_held(path)


@posix
def test_the_claim_of_a_killed_process_is_void(tmp_path):
    path = tmp_path / "run.lock"
    with another(path, 60) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert path.exists()
    assert not is_held(path)
    begun = time.monotonic()
    with claim(path):
        assert time.monotonic() - begun < 1


def elsewhere(path, **said):
    path.write_text(json.dumps({"host": "node9", "pid": 1, "slurm_job": None, "token": "t", **said}))


def test_a_silent_holder_on_another_machine_is_dead(tmp_path):
    path = tmp_path / "run.lock"
    elsewhere(path)
    os.utime(path, (0, 0))
    assert not is_held(path)
    begun = time.monotonic()
    with claim(path, beat=0.1, silence=0.5):
        assert time.monotonic() - begun > 0.4
        assert holder(path)["pid"] == os.getpid()


def test_one_that_gives_signs_of_life_is_waited_for(tmp_path):
    path = tmp_path / "run.lock"
    elsewhere(path)
    assert is_held(path)
    keep_alive = f"import os, time\nfor _ in range(15): os.utime({str(path)!r}); time.sleep(0.1)"
    told = []
    process = subprocess.Popen([sys.executable, "-c", keep_alive])
    with claim(path, on_wait=told.append, beat=0.1, silence=0.6):
        assert process.wait(1) == 0
    assert told == ["process 1 on node9"]


def test_a_requeued_job_takes_over_from_itself(tmp_path, monkeypatch):
    path = tmp_path / "run.lock"
    elsewhere(path, slurm_job="17.0")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    begun = time.monotonic()
    with claim(path, silence=60):
        assert time.monotonic() - begun < 5
        assert holder(path)["slurm_job"] == "17.0"


def test_signs_of_life_are_given(tmp_path):
    path = tmp_path / "run.lock"
    with claim(path, beat=0.05):
        os.utime(path, (0, 0))
        time.sleep(0.5)
        assert path.stat().st_mtime > 1e9
