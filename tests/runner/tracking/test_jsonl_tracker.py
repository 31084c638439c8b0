"""Plain files: every row, at once; half lines, NaN and a full disk."""

import json
import math

import pytest
from PIL import Image

from iem.interfaces import Tracker
from iem.runner.tracking import JsonlTracker


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def without_time(rows):
    return [{key: value for key, value in row.items() if key != "time"} for row in rows]


@pytest.fixture
def started(identity):
    tracker, about = JsonlTracker(), identity(tags=("paper", "samples"), config={"size": 64}, group="a sweep")
    tracker.start(about)
    yield tracker, about.folder
    tracker.finish({})


def test_is_a_tracker():
    assert isinstance(JsonlTracker(), Tracker)


def test_rows_can_be_read_as_soon_as_they_are_logged(started):
    tracker, folder = started
    tracker.log(1, {"opt/iou": 0.25, "opt/moved": 3.0})
    tracker.log(2, {"opt/iou": math.nan, "opt/score": -math.inf})
    tracker.log(7, {"data/iou": 0.5}, axis="data/pictures")
    assert without_time(lines(folder / "history.jsonl")) == [
        {"opt/iter": 1, "opt/iou": 0.25, "opt/moved": 3.0},
        {"opt/iter": 2, "opt/iou": None, "opt/score": None},
        {"data/pictures": 7, "data/iou": 0.5},
    ]


def test_time_does_not_go_back(started):
    tracker, folder = started
    for step in range(20):
        tracker.log(step, {})
    times = [row["time"] for row in lines(folder / "history.jsonl")]
    assert times == sorted(times)
    assert times[0] > 1_700_000_000


def test_goes_on_after_half_a_line(identity):
    about = identity()
    (about.folder / "history.jsonl").write_text('{"opt/iter": 1, "time": 0}\n{"opt/it')
    tracker = JsonlTracker()
    tracker.start(about)
    tracker.log(2, {})
    tracker.finish({})
    assert [row["opt/iter"] for row in lines(about.folder / "history.jsonl")] == [1, 2]


def test_summary(identity):
    tracker, about = JsonlTracker(), identity(tags=("paper",), config={"size": 64}, group="a sweep", notes="size=64")
    tracker.start(about)
    tracker.finish({"iou": 0.5, "dice": math.nan}, failed=True)
    assert json.loads((about.folder / "summary.json").read_text()) == {
        "id": "1f2e3d4c5b6a",
        "name": "a run",
        "config": {"size": 64},
        "group": "a sweep",
        "job_type": "segment",
        "tags": ["paper"],
        "notes": "size=64",
        "failed": True,
        "summary": {"iou": 0.5, "dice": None},
    }


def test_picture_and_table(started, picture):
    tracker, folder = started
    image, prediction, truth = picture
    tracker.image("watch/a cat/mask", 9, image, {"truth": truth, "prediction": prediction})
    tracker.table("pictures", [{"name": "a cat", "iou": 0.5}, {"name": "ü", "iou": math.nan}])
    (row,) = without_time(lines(folder / "history.jsonl"))
    assert row == {"opt/iter": 9, "watch/a cat/mask": "media/watch/a cat/mask_9.png"}
    with Image.open(folder / row["watch/a cat/mask"]) as written:
        assert written.size == (40, 30)
        outlined = written.getpixel((20, 12)) != written.getpixel((2, 2))
    assert outlined
    assert lines(folder / "pictures.jsonl") == [{"name": "a cat", "iou": 0.5}, {"name": "ü", "iou": None}]


def test_two_runs_one_after_the_other(identity):
    tracker, first, second = JsonlTracker(), identity("first"), identity("second")
    tracker.start(first)
    tracker.log(1, {"opt/iou": 0.1})
    tracker.start(second)  # although the first has not ended
    tracker.log(1, {"opt/iou": 0.2})
    tracker.finish({"iou": 0.2})
    assert [row["opt/iou"] for row in lines(first.folder / "history.jsonl")] == [0.1]
    assert [row["opt/iou"] for row in lines(second.folder / "history.jsonl")] == [0.2]
    assert not (first.folder / "summary.json").exists()


def test_what_cannot_be_written_is_said_once(identity, capsys):
    about = identity()
    (about.folder / "history.jsonl").mkdir()
    tracker = JsonlTracker()
    tracker.start(about)
    for step in range(3):
        tracker.log(step, {"opt/iou": 0.5})
    tracker.finish({"iou": 0.5})
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("history.jsonl: could not begin")
    assert said.endswith("metrics.jsonl has all rows")
    assert (about.folder / "summary.json").exists()


def test_without_a_run_nothing_happens(picture, capsys):
    tracker = JsonlTracker()
    tracker.log(1, {"opt/iou": 0.5})
    tracker.image("a", 1, picture[0], {})
    tracker.table("a", [])
    tracker.finish({})
    assert capsys.readouterr().err == ""
