"""Masks from prompts, as a user starts the experiment: numbers, resuming, refusals, and what is left behind."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import jaccard_score

from iem.images import ImageError, read
from iem.interfaces import Sample
from iem.prompts import Box, Points, Scribble
from iem.runner.application import Application, start
from iem.runner.naming import register_resolvers, task_settings
from iem.runner.prompt_experiment import check, drawn, made, prompt_dataset
from iem.runner.prompt_run import PromptRun
from iem.runner.schema.command import understand
from iem.runner.schema.parts import Parts
from iem.runner.schema.problems import SettingError
from iem.runner.schema.prompt import store
from iem.segmenters import PromptedIEM

CONF = Path(__file__).resolve().parents[2] / "conf"


@pytest.fixture
def run_prompt(monkeypatch, tmp_path, capfd):
    """Start it in a folder with two labelled photographs; returns its exit code, what it put out and what it said."""
    for kind in ("images", "masks"):
        (tmp_path / "data" / kind).mkdir(parents=True)
    for i in range(2):
        photo = np.random.default_rng(i).integers(30, 60, (48, 60, 3), dtype=np.uint8)
        photo[10:34, 8 + 20 * i : 30 + 20 * i] = (220, 60, 40)
        truth = np.zeros((48, 60), np.uint8)
        truth[10:34, 8 + 20 * i : 34 + 20 * i] = 255  # a little more than what can be seen
        Image.fromarray(photo).save(tmp_path / f"data/images/{i}.png")
        Image.fromarray(truth).save(tmp_path / f"data/masks/{i}.png")

    def call(*overrides: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["prompt.py", *overrides])
        capfd.readouterr()
        code = start(Application(prompt_dataset, CONF, "prompt", store, check))
        shown = capfd.readouterr()
        return code, shown.out, shown.err

    return call


ROOT = ("dataset.root=data", "size=32", "hydra.run.dir=out")


def test_numbers_table_and_sheet(run_prompt, tmp_path):
    pytest.importorskip("cv2")
    code, out, err = run_prompt("experiment=prompted_box", *ROOT)
    assert code == 0, err
    result = json.loads((tmp_path / "out/result.json").read_text())
    assert list(result["means"]) == ["unprompted", "prompted", "grabcut"]
    photo = read(tmp_path / "data/images/1.png").image
    truth = np.asarray(Image.open(tmp_path / "data/masks/1.png")) > 127
    found = PromptedIEM(size=32)(photo, [Box(28, 10, 54, 34)])[0].mask[0, 0].numpy() > 0.5
    expected = jaccard_score(truth.ravel(), found.ravel())
    assert result["rows"][1]["iou_prompted"] == pytest.approx(expected)
    means = [row["iou_prompted"] for row in result["rows"]]
    assert result["means"]["prompted"] == pytest.approx(sum(means) / 2)
    assert f"| prompted | {sum(means) / 2:.3f} |" in out
    assert f"| prompted | {sum(means) / 2:.3f} |" in (tmp_path / "out/table.md").read_text()
    assert read(tmp_path / "out/sheet.png").image.shape[2] > 400


def test_clicks_go_on_where_they_were_interrupted(run_prompt, tmp_path):
    settings = ("experiment=prompted_click", "clicks=2", "show=0", *ROOT)
    assert run_prompt(*settings)[0] == 0
    whole = json.loads((tmp_path / "out/result.json").read_text())
    assert list(whole["means"]) == ["unprompted", "1 click", "2 clicks"]
    log = tmp_path / "out/metrics.jsonl"
    first, _ = log.read_text().splitlines()
    changed = json.loads(first) | {"iou_1 click": 0.125}
    log.write_text(json.dumps(changed) + '\n{"name": "1", "iou_1 cl')
    code, _, err = run_prompt(*settings)
    assert (code, "0: " in err, "1: unprompted" in err) == (0, False, True)
    rows = json.loads((tmp_path / "out/result.json").read_text())["rows"]
    assert rows[0]["iou_1 click"] == 0.125
    assert rows[1]["iou_2 clicks"] == whole["rows"][1]["iou_2 clicks"]
    assert run_prompt(*settings, "skip_finished=false")[0] == 0
    assert json.loads((tmp_path / "out/result.json").read_text())["means"] == whole["means"]


def test_what_cannot_be_used_is_left_out_and_named(tmp_path):
    class Damaged:
        names = ("unreadable", "empty", "fine")

        def __len__(self):
            return 3

        def __getitem__(self, index):
            if index == 0:
                raise ImageError("unreadable.png", "cut off")
            truth = torch.zeros(1, 1, 24, 24)
            truth[..., 6:16, 6:16] = index == 2
            return Sample(self.names[index], 0.2 + 0.6 * truth.expand(-1, 3, -1, -1), truth)

    run = PromptRun(tmp_path, PromptedIEM(size=24), "scribble", unprompted=False)
    rows = run(Damaged())
    assert [(row["name"], run.methods) for row in rows] == [("fine", ("prompted",))]
    assert len(run.failures) == 2
    assert "cut off" in run.failures[0]
    assert run.failures[1] == "empty: the truth is empty, there is nothing to point at"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["prompt=text"], "prompt: expected one of box, click, scribble, got 'text'"),
        (["clicks=2"], "clicks: expected 1 for a box, got 2; give prompt=click"),
        (["prompt=click", "grabcut=true"], "grabcut: expected false for a click, got true; it starts from a box"),
        (["segmenter.most=0"], "most: expected a whole number of at least 1, got 0"),
        (["dataset.root=nowhere"], "nowhere"),
    ],
)
def test_refused_before_any_work(run_prompt, tmp_path, settings, message):
    code, _, err = run_prompt("dataset=image_mask_folder", *ROOT, *settings)
    assert code == 1
    assert message in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "experiment").glob("prompted_*.yaml")))
def test_every_question_composes(name, tmp_path):
    store()
    register_resolvers()
    asked = [f"experiment={name}", "dataset.root=x"]
    command = understand(asked, folder=CONF, name="prompt", multirun=False, extra=None)
    settings = task_settings(next(iter(command.jobs)).config)
    run = made(settings, Parts(), tmp_path)
    assert replace(run.segmenter, discs=tuple(run.segmenter.discs)) == PromptedIEM()
    assert f"prompted_{run.kind}" == name
    with pytest.raises(SettingError, match=f"experiment: {name} is for experiments/prompt.py; run that"):
        understand(asked, folder=CONF, name="segment", multirun=False, extra=None)


def test_prompts_are_drawn_where_they_are():
    image = torch.full((1, 3, 60, 80), 0.5)
    clicks = drawn(image, Points([(20, 30), (60, 30)], [True, False]))
    assert clicks[0, :, 30, 20].argmax() == 1
    assert clicks[0, :, 30, 60].argmax() == 0
    assert (clicks[0, :, :20] == 0.5).all()
    box = drawn(image, Box(10, 10, 70, 50))
    assert box[0, 1, 30, 10] > 0.8
    assert (box[0, :, 20:40, 20:60] == 0.5).all()
    stroke = drawn(image, Scribble([(10, 30), (70, 30)], 4))
    assert stroke[0, :, 30, 40].argmax() == 1
