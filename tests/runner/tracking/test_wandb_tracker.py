"""W&B offline, read back from its own file; and what happens when W&B does not do what it should."""

import json
import math
import os

import numpy as np
import pytest
from PIL import Image
from references.wandb_log import read, recorded

from iem.interfaces import Tracker
from iem.runner.tracking import WandbTracker
from iem.runner.tracking.transaction_log import written_rows


def offline(**more):
    return WandbTracker(mode="offline", **more)


def said(capsys):
    return capsys.readouterr().err.splitlines()


def sync_line(about):
    (folder,) = about.folder.glob("wandb/offline-run-*")
    return f"W&B: recorded offline; to upload: wandb sync '{folder}'"


@pytest.fixture
def job(home, identity, picture, capsys):
    """A whole run: its identity, what is recorded, and what was said."""
    image, prediction, truth = picture
    about = identity(
        config={"size": 64, "dataset": {"only": ["a", "b"], "limit": None}, "lambda": 0.5},
        group="ablation-1a2b3c4d",
        job_type="ablation",
        tags=("paper", "samples"),
        notes="preset=paper size=64",
    )
    before = dict(os.environ)
    tracker = offline(project="masks", tags=["mine", "paper"])
    tracker.start(about)
    for step in range(1, 41):
        iou = math.nan if step == 7 else step / 50 if step < 30 else 0.5
        tracker.log(step, {"opt/iou_oracle": iou, "opt/score": -math.inf if step == 8 else 1.0, "opt/moved": 3.0})
    for count in range(1, 4):
        tracker.log(count, {"data/iou_oracle": count / 10}, axis="data/pictures")
    tracker.log(2, {"watch/ä b.c/iou_oracle": 0.5})
    tracker.image("watch/ä b.c/mask", 40, image, {"prediction": prediction, "truth": truth})
    tracker.table("pictures", [{"name": "a", "iou": 0.5, "steps": 3}, {"name": "ä b.c", "iou": None, "steps": 4}])
    tracker.finish({"iou_oracle": 0.4, "max_f_fixed": math.nan})
    assert {key: value for key, value in os.environ.items() if key != "WANDB_SERVICE"} == before  # that one is W&B's
    return about, recorded(about.folder), said(capsys)


def test_is_a_tracker():
    assert isinstance(WandbTracker(), Tracker)


def test_a_whole_run(job, home, picture):  # in one test, as starting W&B takes a second
    about, found, lines = job

    rows = found.rows("opt/iter")
    assert [row["opt/iter"] for row in rows] == [*range(1, 41), 2, 40]
    expected = [{"opt/iter": s, "opt/iou_oracle": s / 50 if s < 30 else 0.5, "opt/score": 1, "opt/moved": 3}
                for s in range(1, 41)]  # fmt: skip
    del expected[6]["opt/iou_oracle"]  # NaN
    expected[7]["opt/score"] = -math.inf
    assert rows[:40] == expected
    assert rows[40] == {"opt/iter": 2, "watch/ä b.c/iou_oracle": 0.5}
    assert found.rows("data/pictures") == [{"data/pictures": n, "data/iou_oracle": n / 10} for n in (1, 2, 3)]
    assert [row["_step"] for row in found.history] == list(range(46))

    assert (found.id, found.name, found.project) == ("1f2e3d4c5b6a", "a run", "masks")
    assert (found.group, found.job_type) == ("ablation-1a2b3c4d", "ablation")
    assert (found.tags, found.notes) == (("mine", "paper", "samples"), "preset=paper size=64")
    own = {key: value for key, value in found.config.items() if key != "_wandb"}
    assert own == {"size": 64, "dataset": {"only": ["a", "b"], "limit": None}, "lambda": 0.5}
    assert found.axes["opt/*"] == found.axes["watch/*"] == found.axes["opt/iou_oracle"] == "opt/iter"
    assert found.axes["data/*"] == "data/pictures"
    assert found.summary["opt/iou_oracle"] == {"max": 0.58, "last": 0.5}
    assert found.summary["iou_oracle"] == 0.4
    assert "max_f_fixed" not in found.summary
    assert found.exit_code == 0

    (folder,) = about.folder.glob("wandb/offline-run-*/files")
    shown = found.history[44]
    with Image.open(folder / shown["watch/ä b.c/mask/path"]) as written:
        assert np.array_equal(np.asarray(written), (picture[0][0].permute(1, 2, 0) * 255).round().numpy())
    for name, mask in zip(("prediction", "truth"), picture[1:], strict=True):
        with Image.open(folder / shown[f"watch/ä b.c/mask/masks/{name}/path"]) as written:
            assert np.array_equal(np.asarray(written), mask[0, 0].numpy())
    table = json.loads((folder / found.history[45]["pictures/path"]).read_text())
    assert (table["columns"], table["data"]) == (["name", "iou", "steps"], [["a", 0.5, 3], ["ä b.c", None, 4]])

    assert lines == [sync_line(about)]
    assert list(home.iterdir()) == []  # all caches are in the run's folder


def test_runs_one_after_the_other_in_one_process(home, identity):
    tracker, about = offline(), [identity(f"run {k}", key=f"{k}abc") for k in range(3)]
    for k, each in enumerate(about):
        tracker.start(each)
        for step in range(3 - k):
            tracker.log(step, {"opt/score": float(k)})
        if k != 1:  # that one does not end
            tracker.finish({"iou": k / 10}, failed=k == 2)
    found = [recorded(each.folder) for each in about]
    assert [[row["opt/score"] for row in each.rows("opt/iter")] for each in found] == [[0, 0, 0], [1, 1], [2]]
    assert [each.id for each in found] == ["0abc", "1abc", "2abc"]
    assert [each.exit_code for each in found] == [0, 1, 1]


def test_the_same_run_again_is_a_second_part(home, identity, capsys):
    about = identity()
    for _ in range(2):
        tracker = offline()
        tracker.start(about)
        tracker.log(1, {"opt/score": 0.5})
        tracker.finish({})
    paths = sorted(about.folder.glob("wandb/offline-run-*/run-*.wandb"))
    assert [read(path).id for path in paths] == [about.id] * len(paths)
    assert sum(len(read(path).rows("opt/iter")) for path in paths) == 2
    assert said(capsys)[-1].endswith("/wandb'/offline-run-*")


def test_without_a_key_it_is_recorded_offline(home, identity, capsys):
    about, tracker = identity(), WandbTracker()
    tracker.start(about)
    tracker.log(1, {"opt/score": 0.5})
    tracker.finish({"iou": 0.5})
    why = "W&B: found no API key, give one by `wandb login` or WANDB_API_KEY; this run is recorded offline"
    assert said(capsys) == [why, sync_line(about)]
    assert recorded(about.folder).rows("opt/iter") == [{"opt/iter": 1, "opt/score": 0.5}]


def test_without_a_server_it_is_recorded_offline_and_the_next_run_does_not_wait(home, identity, capsys, monkeypatch):
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    about, tracker = [identity(name, key=name) for name in ("first", "second")], WandbTracker(init_timeout=1)
    for each in about:
        tracker.start(each)
        tracker.log(1, {"opt/score": 0.5})
        tracker.finish({"iou": 0.5})
        assert recorded(each.folder).rows("opt/iter") == [{"opt/iter": 1, "opt/score": 0.5}]
    why = "W&B: no answer from http://127.0.0.1:9 within 1 s, check WANDB_BASE_URL and the network; "
    folders = [next(each.folder.glob("wandb/offline-run-*")) for each in about]
    synced = [f"W&B: recorded offline; to upload: wandb sync {folder}" for folder in folders]
    assert said(capsys) == [why + "this run is recorded offline", *synced]


def test_the_environment_can_switch_it_off(home, identity, capsys, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    about, tracker = identity(), WandbTracker()
    tracker.start(about)
    tracker.log(1, {"opt/score": 0.5})
    tracker.finish({"iou": 0.5})
    assert said(capsys) == []
    assert not list(about.folder.glob("wandb/*run-*"))


def test_what_fails_is_said_once_and_the_rest_is_recorded(home, identity, picture, capsys, monkeypatch):
    about, tracker = identity(), offline()
    tracker.start(about)
    tracker.log(1, {"opt/score": 0.5})
    tracker.image("watch/a/mask", 1, picture[0], {"prediction": picture[1][..., :3]})  # resized, as it is a mask
    for _ in range(3):
        tracker.image("watch/a/mask", 1, picture[0][0], {})  # no image of ours
    tracker.table("pictures", [{"a": 1}])
    tracker.finish({"iou": 0.5})
    lines = said(capsys)
    assert lines[0].startswith("W&B: could not log a picture (image: expected shape")
    assert lines[0].endswith("metrics.jsonl has all rows")
    assert lines[1:] == [sync_line(about)]
    found = recorded(about.folder)
    assert found.summary["iou"] == 0.5
    assert len(found.history) == 3
    assert found.exit_code == 0


def test_a_process_of_wandb_that_dies_does_not_stop_a_run(home, identity, capsys):
    import wandb

    tracker = offline()
    tracker.start(identity())
    tracker.log(1, {"opt/score": 0.5})
    wandb.teardown()
    for step in range(2, 5):
        tracker.log(step, {"opt/score": 0.5})
    tracker.table("pictures", [{"a": 1}])
    tracker.finish({"iou": 0.5})
    assert 1 <= len(said(capsys)) <= 3
    tracker.start(identity("next", key="next"))
    tracker.log(1, {"opt/score": 0.5})
    tracker.finish({})
    assert len(said(capsys)) == 1


def test_missing_rows_are_said(home, identity, capsys, monkeypatch):
    monkeypatch.setattr("iem.runner.tracking.wandb_session._WRITING", 0.1)
    monkeypatch.setattr("iem.runner.tracking.wandb_session.written_rows", lambda path: written_rows(path) and 7)
    about, tracker = identity(), offline()
    tracker.start(about)
    for step in range(10):
        tracker.log(step, {"opt/score": 0.5})
    tracker.finish({})
    lost = f"W&B: 3 of 10 rows are not in its file (is the disk full?); {about.folder}/metrics.jsonl has all rows"
    assert said(capsys) == [lost, sync_line(about)]


def test_rows_are_counted_as_the_reference_reads_them(home, identity):
    about, tracker = identity(), offline()
    tracker.start(about)
    for step in range(700):  # several blocks
        tracker.log(step, {f"opt/term/{k}": 0.123 * k for k in range(step % 9)})
    tracker.finish({})
    (path,) = about.folder.glob("wandb/offline-run-*/run-*.wandb")
    data = path.read_bytes()
    assert len(data) > 3 * 32768
    assert written_rows(path) == len(read(path).history) == 700
    for length in (0, 7, 10, 5000, 32768 + 3, 70_000, len(data) - 1):
        path.write_bytes(data[:length])
        expected = len(read(path).history) if length >= 7 else 0
        assert written_rows(path) == expected


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("project", "", "project: expected 1 to 128 characters"),
        ("project", "a:b", "project: expected 1 to 128 characters"),
        ("mode", "onlin", "mode: expected one of online, offline, got 'onlin'"),
        ("init_timeout", 0, "init_timeout: expected a finite number of at least 1, got 0"),
        ("finish_timeout", math.inf, "finish_timeout: expected a finite number"),
        ("short_side", 3.5, "short_side: expected a whole number"),
    ],
)
def test_settings_out_of_range_are_refused(setting, value, message):
    with pytest.raises(ValueError, match=message):
        WandbTracker(**{setting: value})
