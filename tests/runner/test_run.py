import json
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from iem import presets
from iem.datasets import Samples
from iem.images import ImageError, read, read_mask
from iem.interfaces import Sample, Tracker
from iem.runner.recording import Recording
from iem.runner.results import EventLog, read_events, read_json
from iem.runner.run import run
from iem.runner.shards import Shard
from iem.segmentation import segment


class Blobs:
    """Bright discs on a dark ground; picture ``broken`` cannot be read, picture ``stop`` ends the process."""

    def __init__(self, count: int = 3, broken: int | None = None, stop: int | None = None) -> None:
        self.count, self.broken, self.stop = count, broken, stop

    @property
    def names(self) -> list[str]:
        return [f"blob{index}" for index in range(self.count)]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        if index == self.broken:
            raise ImageError(f"{index}.png", "truncated; save it again")
        if index == self.stop:
            raise KeyboardInterrupt
        size = 24 if index % 2 else 32
        rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        truth = ((rows - size / 2 - index) ** 2 + (columns - size / 2) ** 2 < (size / 4) ** 2).float()[None, None]
        noise = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(index)) * 0.1
        return Sample(f"blob{index}", (truth * 0.8 + noise).clamp(0, 1), truth)


SETTINGS = {"preset": "paper"}


def everything(folder: Path) -> dict[str, object]:
    result = read_json(folder / "result.json")
    assert result is not None
    for row in (*result["rows"], result["provenance"]):
        row.pop("seconds")
    result["provenance"].pop("started")
    return result


def test_writes_what_the_report_and_the_user_need(tmp_path):
    rows = []
    result = run(Blobs(), presets.paper(), folder=tmp_path, settings=SETTINGS, on_row=lambda row, n: rows.append(row))
    assert [row["name"] for row in rows] == ["blob0", "blob1", "blob2"]
    assert result.means["iou_fixed"] > 0.8
    for kind, ending in {"masks": "png", "cutouts": "png", "overlays": "jpg", "films": "webp"}.items():
        assert (tmp_path / kind / f"blob0.{ending}").exists()
    assert read_mask(tmp_path / "masks/blob1.png").shape == (1, 1, 24, 24)
    assert read(tmp_path / "cutouts/blob1.png").alpha is not None
    with Image.open(tmp_path / "films/blob0.webp") as film, Image.open(tmp_path / "curves.png") as curves:
        assert film.n_frames > 1
        assert curves.width > 600
    assert "blob2" in (tmp_path / "report.html").read_text()
    assert json.loads((tmp_path / "result.json").read_text())["settings"] == SETTINGS


def test_step_rows_are_the_states_after_each_step(tmp_path):
    result = run(Blobs(1), presets.paper(), folder=tmp_path, settings=SETTINGS, write_pictures=False)
    steps = [event for event in read_events(tmp_path / "metrics.jsonl") if event["event"] == "step"]
    assert [event["step"] for event in steps] == list(range(1, result.rows[0]["steps"] + 1))
    assert steps[-1]["score"] == pytest.approx(result.rows[0]["score"])
    assert steps[-1]["iou_fixed"] == pytest.approx(result.rows[0]["iou_fixed"])
    assert steps[-1]["moved"] == 0


def test_interrupted_run_continues_to_the_same_result(tmp_path):
    run(Blobs(), presets.paper(), folder=tmp_path / "whole", settings=SETTINGS, batch_size=1)
    with pytest.raises(KeyboardInterrupt):
        run(Blobs(stop=2), presets.paper(), folder=tmp_path / "cut", settings=SETTINGS, batch_size=1)
    assert not (tmp_path / "cut/result.json").exists()
    with (tmp_path / "cut/metrics.jsonl").open("ab") as log:
        log.write(b'{"event": "step", "na')  # what a kill leaves behind
    seen = []
    run(
        Blobs(),
        presets.paper(),
        folder=tmp_path / "cut",
        settings=SETTINGS,
        batch_size=1,
        on_row=lambda row, n: seen.append(row["name"]),
    )
    assert seen == ["blob0", "blob1", "blob2"]
    assert everything(tmp_path / "cut") == everything(tmp_path / "whole")


def test_a_finished_run_is_not_run_again(tmp_path, monkeypatch):
    run(Blobs(), presets.paper(), folder=tmp_path, settings=SETTINGS)
    before = everything(tmp_path)
    monkeypatch.setattr("iem.runner.measuring.segment", lambda *a, **k: pytest.fail("segmented again"))
    assert run(Blobs(), presets.paper(), folder=tmp_path, settings=SETTINGS).kept == 3
    assert everything(tmp_path) == before


def test_a_folder_of_another_run_is_refused(tmp_path):
    run(Blobs(1), presets.paper(), folder=tmp_path, settings=SETTINGS)
    with pytest.raises(ValueError, match="other settings; choose another folder"):
        run(Blobs(1), presets.paper(), folder=tmp_path, settings={"preset": "best"})


def test_one_bad_picture_does_not_stop_the_rest(tmp_path):
    result = run(Blobs(broken=1), presets.paper(), folder=tmp_path, settings=SETTINGS)
    assert [row["name"] for row in result.rows] == ["blob0", "blob2"]
    assert result.failures == ["1.png: truncated; save it again"]


def test_batching_changes_nothing(tmp_path):
    together = run(Blobs(4), presets.paper(), folder=tmp_path / "a", settings=SETTINGS, batch_size=4)
    alone = run(Blobs(4), presets.paper(), folder=tmp_path / "b", settings=SETTINGS, batch_size=1)
    keys = ("name", "iou_fixed", "iou_oracle", "steps", "status")
    assert [[row[k] for k in keys] for row in together.rows] == [[row[k] for k in keys] for row in alone.rows]


def test_log_cuts_off_a_torn_line(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"a": 1}\n{"b"')
    with EventLog(path) as log:
        log.append({"c": float("inf")})
    assert list(read_events(path)) == [{"a": 1}, {"c": None}]


@pytest.mark.slow
def test_samples_at_full_size(tmp_path):
    result = run(Samples(only=("flower",)), presets.paper(), folder=tmp_path, settings=SETTINGS)
    assert result.rows[0]["iou_fixed"] > 0.85


def test_film_ends_with_the_mask_that_was_written(tmp_path):
    run(Blobs(1), presets.best(), folder=tmp_path, settings=SETTINGS)
    recording = Recording()
    solution = segment(Blobs(1)[0].image, presets.best(), callback=recording)
    frames = recording.frames(Blobs(1)[0].image, 0, int(solution.steps[0]), solution.mask)
    with Image.open(tmp_path / "films/blob0.webp") as film:
        film.seek(film.n_frames - 1)
        last = torch.from_numpy(np.array(film.convert("RGB").resize((32, 32)))).flatten(0, 1) / 255
    assert len(frames) > 1
    assert (last - frames[-1][0].flatten(1).T).abs().mean() < 0.05
    assert (last - frames[0][0].flatten(1).T).abs().mean() > 0.05


class Recorder:
    """A tracker that remembers what it was told."""

    def __init__(self):
        self.identity, self.rows, self.images, self.tables, self.ends = None, [], [], {}, []

    def start(self, identity):
        self.identity = identity

    def log(self, step, metrics, axis="opt/iter"):
        self.rows.append({axis: step, **metrics})

    def image(self, key, step, image, masks, axis="opt/iter"):
        self.images.append((key, step, tuple(image.shape), sorted(masks)))

    def table(self, key, rows):
        self.tables[key] = list(rows)

    def finish(self, summary, *, failed=False):
        self.ends.append((dict(summary), failed))


def test_tracker_is_told_curves_means_masks_table_and_summary(tmp_path):
    told = Recorder()
    result = run(Blobs(3), presets.paper(), folder=tmp_path, settings=SETTINGS, tracker=told, watch=1)
    assert isinstance(told, Tracker)
    assert told.identity.folder == tmp_path
    live = [row for row in told.rows if "watch/blob0/iou_oracle" in row]
    steps = {row["name"]: row["steps"] for row in result.rows}
    assert [row["opt/iter"] for row in live] == list(range(1, steps["blob0"] + 1))
    assert live[-1]["watch/blob0/iou_fixed"] == pytest.approx(result.rows[0]["iou_fixed"])
    pictures = [row for row in told.rows if "data/pictures" in row]
    assert [row["data/pictures"] for row in pictures] == [1, 2, 3]
    assert pictures[-1]["data/iou_oracle"] == pytest.approx(result.means["iou_oracle"])
    curve = [row for row in told.rows if "opt/iou_fixed" in row]
    assert [row["opt/iter"] for row in curve] == list(range(1, max(steps.values()) + 1))
    assert curve[-1]["opt/iou_fixed"] == pytest.approx(result.means["iou_fixed"])
    terms = ("opt/term/inpainting_error", "opt/term/diversity", "opt/score", "opt/moved", "opt/dice_oracle")
    assert all(key in curve[0] for key in terms)
    weights = presets.paper().objective.weights
    weighted = sum(weight * curve[-1][f"opt/term/{name}"] for name, weight in weights.items())
    assert weighted == pytest.approx(curve[-1]["opt/score"], rel=1e-4)
    assert told.images == [("watch/blob0/mask", steps["blob0"], (1, 3, 32, 32), ["prediction", "truth"])]
    assert [row["name"] for row in told.tables["pictures"]] == ["blob0", "blob1", "blob2"]
    assert told.ends == [({**result.means, "pictures": 3.0}, False)]


def test_an_error_is_written_down_told_and_raised(tmp_path, monkeypatch):
    def fail(*arguments, **keywords):
        raise RuntimeError("no\nluck")

    told = Recorder()
    with monkeypatch.context() as patch:
        patch.setattr("iem.runner.measuring.segment", fail)
        with pytest.raises(RuntimeError):
            run(Blobs(), presets.paper(), folder=tmp_path, settings=SETTINGS, tracker=told)
    failure = read_json(tmp_path / "failure.json")
    assert (failure["error"], failure["type"]) == ("no luck", "RuntimeError")
    assert "in fail" in failure["traceback"]
    assert told.ends == [({}, True)]
    assert not (tmp_path / "run.lock").exists()
    run(Blobs(), presets.paper(), folder=tmp_path, settings=SETTINGS)
    assert not (tmp_path / "failure.json").exists()


def test_shards_together_are_the_whole(tmp_path):
    whole = run(Blobs(5), presets.best(), folder=tmp_path / "whole", settings=SETTINGS, batch_size=3)
    rows = {}
    for index in range(2):
        shard = Shard(index, 2)
        part = run(Blobs(5), presets.best(), folder=tmp_path / str(index), settings=SETTINGS, shard=shard)
        rows |= {row["name"]: row for row in part.rows}
    for row in (*whole.rows, *rows.values()):
        row.pop("seconds")
    assert [rows[f"blob{i}"] for i in range(5)] == whole.rows


def test_finished_pictures_are_not_even_decoded_again(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(Blobs(stop=2), presets.paper(), folder=tmp_path, settings=SETTINGS, batch_size=1)

    class Watched(Blobs):
        def __getitem__(self, index):
            assert index >= 1
            return super().__getitem__(index)

    assert run(Watched(), presets.paper(), folder=tmp_path, settings=SETTINGS).kept == 1


def test_doing_it_anew_on_request(tmp_path):
    run(Blobs(), presets.paper(), folder=tmp_path, settings=SETTINGS)
    again = run(Blobs(), presets.paper(), folder=tmp_path, settings=SETTINGS, skip_finished=False)
    assert again.kept == 0
    assert sum(event["event"] == "picture" for event in read_events(tmp_path / "metrics.jsonl")) == 3


def test_a_picture_that_was_unreadable_is_tried_again(tmp_path):
    run(Blobs(broken=1), presets.paper(), folder=tmp_path, settings=SETTINGS)
    result = run(Blobs(), presets.paper(), folder=tmp_path, settings=SETTINGS)
    assert (result.kept, len(result.rows), result.failures) == (2, 3, [])
    assert [row["name"] for row in result.rows] == ["blob0", "blob1", "blob2"]


def test_two_at_once_have_one_result(tmp_path):
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(run(Blobs(), presets.paper(), folder=tmp_path, settings=SETTINGS))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.kept for result in results) == [0, 3]
    assert sum(event["event"] == "picture" for event in read_events(tmp_path / "metrics.jsonl")) == 3


def test_provenance_names_the_data(tmp_path):
    run(Blobs(), presets.paper(), folder=tmp_path / "a", settings={"seed": 3})
    run(Blobs(2), presets.paper(), folder=tmp_path / "b", settings={"seed": 3})
    first, second = (read_json(tmp_path / name / "result.json")["provenance"] for name in "ab")
    assert first["seed"] == 3
    assert len(first["data"]) == 64
    assert first["data"] != second["data"]
    assert {"commit", "device", "threads", "host", "started", "seconds"} <= first.keys()


def test_pictures_that_an_earlier_run_did_not_write_are_made_up_for(tmp_path):
    run(Blobs(), presets.paper(), folder=tmp_path, settings=SETTINGS, write_pictures=False)
    assert not (tmp_path / "masks").exists()
    assert run(Blobs(), presets.paper(), folder=tmp_path, settings=SETTINGS).kept == 0
    assert (tmp_path / "masks/blob2.png").exists()
    assert run(Blobs(), presets.paper(), folder=tmp_path, settings=SETTINGS, write_pictures=False).kept == 3
