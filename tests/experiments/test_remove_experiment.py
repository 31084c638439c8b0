"""Ways of removal side by side, as a user starts it: numbers, resuming, refusals; and the gallery of failures."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from iem.datasets import Samples
from iem.images import read
from iem.inpainters import Harmonic, Mean
from iem.interfaces import Proposal
from iem.prompts import Box, Points, Text
from iem.runner.application import Application, start
from iem.runner.naming import register_resolvers, task_settings
from iem.runner.remove_experiment import check, remove_dataset
from iem.runner.remove_gallery import MARGINS, Case, cases, row, write_gallery
from iem.runner.remove_run import RemoveRun, Scene, Way, means, measured
from iem.runner.schema.command import understand
from iem.runner.schema.parts import Parts
from iem.runner.schema.remove import check_ranges, store
from iem.segmenters.zooming import Window, is_small, window_of_box

CONF = Path(__file__).resolve().parents[2] / "conf"
QUICK = ("dataset.only=[flower,coins]", "dataset.size=48", "prompts=[truth]")


@pytest.fixture
def run_remove(monkeypatch, tmp_path, capfd):
    """Start it in an empty folder; returns its exit code, what it put out and what it said."""

    def call(*overrides: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["remove.py", *overrides])
        capfd.readouterr()
        code = start(Application(remove_dataset, CONF, "remove", store, check))
        shown = capfd.readouterr()
        return code, shown.out, shown.err

    return call


def only_folder(tmp_path):
    (folder,) = (tmp_path / "outputs/remove").iterdir()
    return folder


def test_a_table_pictures_and_a_page(run_remove, tmp_path):
    code, out, err = run_remove(*QUICK, "grows=[0,0.1]", "feathers=[0]", "paste=0.1", "show=2")
    assert code == 0, err
    folder = only_folder(tmp_path)
    with (folder / "table.csv").open() as file:
        tight, grown = csv.DictReader(file)
    assert (tight["grow"], grown["grow"]) == ("0.0", "0.1")
    assert float(tight["iou"]) == float(grown["iou"]) == 1
    assert float(tight["left"]) > 0.02 > float(grown["left"])
    assert float(tight["outside"]) < float(grown["outside"])
    assert tight["pictures"] == "2"
    assert "| truth, harmonic, grown 10 % |" in out
    assert read(folder / "sheet.png").image.shape[2] > 400
    page = (folder / "report.html").read_text()
    assert "Object left" in page
    assert "data:image" in page
    code, _, again = run_remove(*QUICK, "grows=[0,0.1]", "feathers=[0]", "paste=0.1", "show=2")
    assert code == 0
    result = json.loads((folder / "result.json").read_text())
    assert len(result["rows"]) == 4
    assert (folder / "metrics.jsonl").read_text().count("\n") == 2
    assert "2 of 2 pictures" in again


def test_a_mask_from_a_box_is_measured(run_remove, tmp_path):
    code, _, err = run_remove("dataset.only=[flower]", "dataset.size=64", "size=64", "show=0")
    assert code == 0, err
    (found,) = json.loads((only_folder(tmp_path) / "result.json").read_text())["rows"]
    assert found["iou"] > 0.7
    assert found["psnr"] is None
    assert found["segmenter"] == "iem"


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ("prompts=[text]", "prompts: none of the segmenters iem answers text; add one as +segmenter@segmenters"),
        ("prompts=[text] words=''", "words: expected words that say what the object is"),
        ("prompts=[drum]", "prompts: expected one of truth, box, click, scribble, text"),
        ("grows=[]", "grows: expected at least one value"),
        ("grows=[2]", "grows: expected a finite number from 0 to 1"),
        ("feathers=[0.1,0.1]", "feathers: expected each value once"),
        ("metric=psnr", "metric: psnr is known of objects that were pasted in alone"),
        ("+segmenter@segmenters.clipseg=clipseg prompts=[text,box]", "segmenters.clipseg: "),
        ("+painter@painters.lama=lama", "painters.lama"),
        ("painting=3", "painting"),
    ],
)
def test_what_cannot_be_run_is_refused_before_any_work(run_remove, tmp_path, monkeypatch, overrides, sentence):
    monkeypatch.setenv("IEM_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    code, _, err = run_remove(*overrides.split())
    assert code == 1
    assert sentence in err
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "experiment").glob("remove_*.yaml")))
def test_the_experiments_compose(name):
    store()
    register_resolvers()
    command = understand(
        (f"experiment={name}", "dataset.root=somewhere"), folder=CONF, name="remove", multirun=False, extra=None
    )
    (job,) = command.jobs
    settings, parts = task_settings(job.config), Parts()
    check_ranges(settings)
    assert settings["title"] != "Objects removed"
    for group in ("painters", "segmenters"):
        for key, part in settings[group].items():
            if key not in ("telea", "navier_stokes"):
                parts.make(part, f"{group}.{key}")


def test_measures_against_sums_written_out():
    rng = np.random.default_rng(0)
    image, behind, painted = (torch.from_numpy(rng.random((1, 3, 6, 7))) for _ in range(3))
    truth = torch.zeros(1, 1, 6, 7, dtype=torch.float64)
    truth[..., 1:4, 2:5] = 1
    cover = truth.clone()
    cover[..., 4, 2:5] = 0.4
    mask, hole = truth.roll(1, 3), truth.roll(1, 2)
    found = measured(Scene(image, truth, behind, cover), mask, hole, painted)
    outside = [(i, j) for i in range(6) for j in range(7) if cover[0, 0, i, j] == 0]
    change = np.mean([abs(float(painted[0, c, i, j] - image[0, c, i, j])) for i, j in outside for c in range(3)])
    assert found["outside"] == pytest.approx(255 * change, abs=1e-5)
    assert found["left"] == pytest.approx(3 / 10.2)  # one row of three, of nine whole pixels and three of 0.4
    assert found["iou"] == pytest.approx(6 / 12)
    seen = [(i, j) for i in range(6) for j in range(7) if cover[0, 0, i, j] > 0.05]
    square = np.mean([float(painted[0, c, i, j] - behind[0, c, i, j]) ** 2 for i, j in seen for c in range(3)])
    assert found["psnr"] == pytest.approx(-10 * np.log10(square))


def test_text_goes_to_what_answers_it_and_clicks_do_not(tmp_path):
    class Words:
        answers = (Text,)

        def __call__(self, image, prompts):
            assert prompts == (Text("it"),)
            return [Proposal(torch.ones_like(image[:, :1]), 1.0)]

    class Clicks:
        answers = (Points, Box)

        def __call__(self, image, prompts):
            assert isinstance(prompts[0], Points)
            return []

    run = RemoveRun(
        tmp_path, {"words": Words(), "clicks": Clicks()}, {"mean": Mean()}, prompts=("click", "text"), words="it"
    )
    assert run.sources == [("click", "clicks"), ("text", "words")]
    dataset = Samples(only=["coins"], size=32)
    scene = run.scene(dataset, dataset[0])
    tried = {way.prompt: mask for way, mask, *_ in run.tried(scene)}
    assert not tried["click"].any()
    assert tried["text"].all()


def test_means_leave_out_what_is_not_known():
    way = {"prompt": "box", "segmenter": "a", "painter": "b", "grow": 0.0, "feather": 0.0}
    shared = {"left": 0, "outside": 0, "seconds_mask": 1, "seconds_paint": 1}
    rows = [{**way, **shared, "iou": 1.0, "psnr": None}, {**way, **shared, "iou": 0.5, "psnr": 20.0}]
    found = means(rows)[Way(**way)]
    assert (found["iou"], found["psnr"], found["pictures"]) == (0.75, 20.0, 2)


def test_what_a_window_says_of_prompts():
    window = Window(10, 20, 40, 60)
    moved = window.moved([Points([(12, 25), (90, 90)], [True, False]), Box(0, 30, 30, 50)])
    assert moved == (Points([(2, 5)]), Box(0, 10, 20, 30))
    assert window_of_box([Box(0, 0, 9, 9), Box(1, 1, 5, 5)], (100, 100)) is None
    assert window_of_box([Box(0, 0, 9, 9), Points([(50, 50)])], (100, 100)) is None


def test_small_is_what_two_looks_agree_on():
    def proposal(*box):
        mask = torch.zeros(1, 1, 100, 100)
        mask[..., box[1] : box[3], box[0] : box[2]] = 1
        return Proposal(mask, 0.5)

    large, small = Window(25, 25, 75, 75), Window(38, 38, 62, 62)
    assert is_small([(large, proposal(45, 45, 55, 55)), (small, proposal(45, 45, 55, 54))])
    assert not is_small([(large, proposal(45, 45, 70, 70)), (small, proposal(45, 45, 55, 55))])
    assert not is_small([(large, proposal(38, 38, 62, 60)), (small, proposal(38, 38, 62, 60))])  # cut off by the window
    assert not is_small([(small, proposal(45, 45, 55, 55))])


def test_a_row_of_the_gallery():
    behind = torch.linspace(0, 1, 60).expand(1, 3, 40, 60)
    mask = torch.zeros(1, 1, 40, 60)
    mask[..., 15:25, 20:30] = 1
    image = behind * (1 - mask)
    pictures, known = row(Case("", "", image, mask, behind), Harmonic())
    assert len(pictures) == 1 + len(MARGINS)
    assert len(known) == len(MARGINS)
    assert min(known) > 30


@pytest.mark.slow
def test_the_gallery_shows_what_its_notes_say(tmp_path):
    path = write_gallery(tmp_path)
    assert read(path).image.shape[2] > 1000
    lines = (tmp_path / "removal_gallery.md").read_text().splitlines()
    known = {line.split(" | ")[0]: line.split(" | ")[-1] for line in lines if line.count(",") > 3}
    shadow, wires = (next(known[key] for key in known if word in key) for word in ("coin that", "Wires"))
    shadow, wires = ([float(each) for each in row_.strip(" |").split(",")] for row_ in (shadow, wires))
    assert shadow[3] > shadow[0] > shadow[1]
    assert wires[1] > wires[0] + 5 > wires[3]
    titles = [case.title for case in cases()]
    assert len(titles) == len(set(titles)) == len(lines) - 4
