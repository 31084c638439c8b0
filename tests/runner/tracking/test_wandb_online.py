"""W&B online, against a server on the loopback: whole runs, a server that refuses or goes away, and ``wandb sync``."""

import json
import subprocess
import sys
import time

import pytest
from references.wandb_log import recorded
from references.wandb_server import KEY, WandbServer

from iem.runner.tracking import WandbTracker


def said(capsys):
    return capsys.readouterr().err.splitlines()


def log_a_run(tracker, about, picture):
    image, prediction, truth = picture
    tracker.start(about)
    for step in range(1, 31):
        tracker.log(step, {"opt/iou_oracle": step / 50})
    tracker.log(1, {"data/iou_oracle": 0.5}, axis="data/pictures")
    tracker.image("watch/a/mask", 30, image, {"prediction": prediction, "truth": truth})
    tracker.table("pictures", [{"name": "a", "iou": 0.5}])
    tracker.finish({"iou_oracle": 0.4})


def check_what_arrived(server):
    assert [row["opt/iou_oracle"] for row in server.history if "opt/iou_oracle" in row] == [
        k / 50 for k in range(1, 31)
    ]
    assert [row["data/pictures"] for row in server.history if "data/pictures" in row] == [1]
    assert len(server.history) == 33
    assert server.summary["opt/iou_oracle"] == {"max": 0.6, "last": 0.6}
    assert server.summary["iou_oracle"] == 0.4
    told = server.variables("UpsertBucket")
    assert (told["name"], told["displayName"], told["project"]) == ("1f2e3d4c5b6a", "a run", "iem")
    assert (told["groupName"], told["jobType"], list(told["tags"])) == ("a sweep", "segment", ["paper"])
    assert json.loads(told["config"])["size"] == {"value": 64}
    table = next(content for name, content in server.files.items() if name.startswith("media/table/pictures"))
    assert json.loads(table)["data"] == [["a", 0.5]]
    pictures = [name for name in server.files if name.endswith(".png")]
    assert len(pictures) == 3
    assert all(server.files[name].startswith(b"\x89PNG") for name in pictures)
    assert server.complete
    assert server.exit_code == 0


def test_a_whole_run(server, identity, picture, capsys):
    about = identity(config={"size": 64}, group="a sweep", tags=("paper",))
    log_a_run(WandbTracker(), about, picture)
    check_what_arrived(server)
    assert said(capsys) == [f"W&B: live at {server.address}/me/iem/runs/1f2e3d4c5b6a"]
    assert len(recorded(about.folder).history) == 33


def test_a_failed_run(server, identity):
    tracker = WandbTracker()
    tracker.start(identity())
    tracker.log(1, {"opt/score": 0.5})
    tracker.finish({}, failed=True)
    assert server.exit_code == 1
    assert [row["opt/score"] for row in server.history] == [0.5]


def test_a_run_of_an_agent_is_the_one_that_the_sweep_knows(server, identity, capsys, monkeypatch):
    for name, value in {"SWEEP_ID": "sweep1", "RUN_ID": "run1", "PROJECT": "swept", "ENTITY": "me"}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    tracker = WandbTracker(project="iem")
    tracker.start(identity())
    tracker.log(1, {"opt/score": 0.5})
    tracker.finish({"iou_oracle": 0.5})
    told = server.variables("UpsertBucket")
    assert (told["name"], told["project"], told["sweep"]) == ("run1", "swept", "sweep1")
    assert server.summary["iou_oracle"] == 0.5
    assert said(capsys) == [f"W&B: live at {server.address}/me/swept/runs/run1"]


def test_a_server_that_refuses(server, identity, capsys):
    server.refusal = "project iem is not yours"
    about, tracker = identity(), WandbTracker(init_timeout=5)
    tracker.start(about)
    tracker.log(1, {"opt/score": 0.5})
    tracker.finish({})
    refused, sync = said(capsys)
    assert refused.startswith("W&B: could not begin online (")
    assert "project iem is not yours" in refused
    assert refused.endswith("this run is recorded offline")
    assert sync.startswith("W&B: recorded offline; to upload: wandb sync ")
    assert len(recorded(about.folder).history) == 1
    assert not list(about.folder.glob("wandb/run-*"))


@pytest.mark.slow
def test_a_server_that_goes_away(server, identity, picture, capsys):
    about, tracker = identity(), WandbTracker(finish_timeout=2)
    tracker.start(about)
    tracker.log(1, {"opt/score": 0.5})
    until, before = time.monotonic() + 20, ""
    while "live at" not in before and time.monotonic() < until:
        time.sleep(0.05)
        before += capsys.readouterr().err
    server.__exit__()
    begun = time.monotonic()
    for step in range(2, 50):
        tracker.log(step, {"opt/score": 0.5})
    assert time.monotonic() - begun < 2
    tracker.image("watch/a/mask", 50, picture[0], {"prediction": picture[1]})
    tracker.table("pictures", [{"name": "a"}])
    tracker.finish({"iou": 0.5})
    assert time.monotonic() - begun < 60
    lines = said(capsys)
    (folder,) = about.folder.glob("wandb/run-*")
    assert lines[-1] == f"W&B: the server did not take all within 2 s; to upload the rest: wandb sync '{folder}'"
    assert len(lines) <= 2
    found = recorded(about.folder)
    assert len(found.rows("opt/iter")) == 50
    assert found.summary["iou"] == 0.5


@pytest.mark.slow
def test_wandb_sync_uploads_what_was_recorded_offline(home, identity, picture, capsys):
    about = identity(config={"size": 64}, group="a sweep", tags=("paper",))
    log_a_run(WandbTracker(mode="offline"), about, picture)
    (line,) = said(capsys)
    command = line.partition("to upload: ")[2].partition("wandb ")[2]
    with WandbServer() as server:
        environment = {
            "WANDB_BASE_URL": server.address,
            "WANDB_API_KEY": KEY,
            "HOME": str(home),
            "PATH": "/usr/bin:/bin",
        }
        shell = f'"{sys.executable}" -m wandb {command}'
        subprocess.run(shell, shell=True, env=environment, check=True, timeout=100, capture_output=True)
        check_what_arrived(server)
    assert len(list(about.folder.glob("wandb/offline-run-*/*.synced"))) == 1
