import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from iem import presets
from iem.datasets import Samples
from iem.images import ImageError, read, read_mask
from iem.interfaces import Sample
from iem.runner.recording import Recording
from iem.runner.results import EventLog, read_events, read_json
from iem.runner.run import run
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
