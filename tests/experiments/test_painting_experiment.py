"""Painters side by side, as a user starts it: numbers, resuming, refusals, and what is left behind."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from iem.datasets import Samples
from iem.images import read, write_image
from iem.inpainters import Mean
from iem.runner import painting_run
from iem.runner.application import Application, start
from iem.runner.naming import register_resolvers
from iem.runner.page_contents import NONE
from iem.runner.painting_cases import Case, Damager
from iem.runner.painting_experiment import check, note, try_painters
from iem.runner.painting_memory import memory_of_painting
from iem.runner.schema.command import understand
from iem.runner.schema.inpaint import store

CONF = Path(__file__).resolve().parents[2] / "conf"
SMALL = ("dataset.only=[flower,cat,coins]", "dataset.size=40", "memory=false")
QUICK = (*SMALL, "only=[mean,nearest]", "kinds=[box,object]", "shares=[0.1]", "show=2")


@pytest.fixture
def run_inpaint(monkeypatch, tmp_path, capfd):
    """Start it in an empty folder; returns its exit code, what it put out and what it said."""

    def call(*overrides: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["inpaint.py", *overrides])
        capfd.readouterr()
        code = start(Application(try_painters, CONF, "inpaint", store, check, note))
        shown = capfd.readouterr()
        return code, shown.out, shown.err

    return call


def rows_of(folder):
    with (folder / "pictures.csv").open() as file:
        return list(csv.DictReader(file))


def test_numbers_pictures_and_pages(run_inpaint, tmp_path):
    code, out, err = run_inpaint(*QUICK, "tracker=jsonl")
    assert code == 0, err
    folder = tmp_path / "outputs/inpaint/painting"
    rows = rows_of(folder)
    assert len(rows) == 2 * 2 * 3
    dataset = Samples(only=["flower", "cat", "coins"], size=40)
    for row in rows:
        if row["painter"] != "mean":
            continue
        case = Case(row["kind"], 0.1)
        sample = next(each for each in dataset if each.name == row["name"])
        found = Damager(dataset, 0)(sample, *case.damaging)
        inside = found.mask[0, 0].numpy() > 0.5
        truth = sample.image[0].permute(1, 2, 0).double().numpy()
        painted = truth.copy()
        painted[inside] = truth[~inside].mean(0)
        expected = peak_signal_noise_ratio(truth[inside], painted[inside], data_range=1)
        assert float(row["psnr"]) == pytest.approx(expected, abs=1e-3)
        assert int(row["hole"]) == inside.sum()
    result = json.loads((folder / "result.json").read_text())
    line = next(each for each in result["table"] if (each["painter"], each["kind"]) == ("mean", "all"))
    assert line["psnr"] == pytest.approx(np.mean([float(r["psnr"]) for r in rows if r["painter"] == "mean"]))
    assert (line["pictures"], result["failures"]) == (6, [])
    assert f"{line['psnr']:.2f}" in out
    assert f"{line['psnr']:.2f}" in (folder / "table.md").read_text()
    assert "All cases" in (folder / "report.html").read_text()
    assert read(folder / "sheet.png").image.shape[2] > 400
    assert len(list((folder / "pictures").glob("*/original.png"))) == 2
    history = [json.loads(each) for each in (folder / "history.jsonl").read_text().splitlines()]
    assert any("data/mean/psnr" in json.dumps(each) for each in history)


def test_what_is_finished_is_kept_and_another_painter_is_tried_alone(run_inpaint, tmp_path, monkeypatch):
    tried, paint = [], painting_run.PaintingRun._paint

    def counted(self, painter, image, hole):
        if len(tried) == 5:
            tried.append("killed")
            raise KeyboardInterrupt
        tried.append(painter.name)
        return paint(self, painter, image, hole)

    monkeypatch.setattr(painting_run.PaintingRun, "_paint", counted)
    code, _, err = run_inpaint(*QUICK)
    assert (code, err.splitlines()[-1]) == (130, "interrupted; the same command goes on where it stopped")
    code, _, err = run_inpaint(*QUICK)
    assert (code, len(tried)) == (0, 6 + 7), err
    assert "5 paintings kept from an earlier run" in err
    folder = tmp_path / "outputs/inpaint/painting"
    before = rows_of(folder)
    tried[:] = [""] * 6
    assert run_inpaint(*QUICK[:-4], "only=[mean,nearest,gaussian]", *QUICK[-3:])[0] == 0
    assert tried[6:] == ["gaussian"] * 6
    after = [row for row in rows_of(folder) if row["painter"] != "gaussian"]
    assert after == before
    assert run_inpaint(*QUICK, "skip_finished=false")[0] == 0
    assert [{**row, "seconds": 0} for row in rows_of(folder)] == [{**row, "seconds": 0} for row in before]


@pytest.mark.slow
def test_a_lost_picture_is_painted_again(run_inpaint, tmp_path):
    assert run_inpaint(*QUICK)[0] == 0
    folder = tmp_path / "outputs/inpaint/painting"
    sheet = (folder / "sheet.png").read_bytes()
    for path in (folder / "pictures").glob("*/mean-*.png"):
        path.unlink()
    assert run_inpaint(*QUICK)[0] == 0
    assert (folder / "sheet.png").read_bytes() == sheet


def test_a_painter_that_fails_does_not_stop_the_others(run_inpaint, tmp_path, monkeypatch):
    whole = Mean.__call__

    def fails(self, image, hole):
        if image.shape[-1] == 40 and hole.sum() > 200:
            raise MemoryError("no memory for so large a hole")
        return whole(self, image, hole)

    monkeypatch.setattr(Mean, "__call__", fails)
    overrides = [each for each in QUICK if not each.startswith("shares")]
    code, out, err = run_inpaint(*overrides, "shares=[0.1,0.25]")
    assert code == 0
    assert "left out: mean: flower, box 25 %: no memory for so large a hole" in err
    assert next(line for line in out.splitlines() if line.split()[:1] == ["mean"]).split()[1] == NONE
    lines = json.loads((tmp_path / "outputs/inpaint/painting/result.json").read_text())["table"]
    assert {(each["share"], each["psnr"] is None) for each in lines if each["painter"] == "mean"} == {
        (0.1, False), (0.25, True), (None, True),
    }  # fmt: skip


@pytest.mark.slow
def test_holes_that_are_too_large_for_a_painter_are_passed_over(run_inpaint, tmp_path):
    overrides = [each for each in QUICK if not each.startswith("shares")]
    assert run_inpaint(*overrides, "shares=[0.1,0.25]", "+most_hole.mean=200")[0] == 0
    folder = tmp_path / "outputs/inpaint/painting"
    assert {(r["painter"], r["share"]) for r in rows_of(folder)} == {
        ("mean", "0.1"), ("nearest", "0.1"), ("nearest", "0.25"),
    }  # fmt: skip
    assert "mean was asked to paint holes of up to 200 pixels alone" in (folder / "report.html").read_text()
    assert run_inpaint(*overrides, "shares=[0.1,0.25]")[0] == 0
    assert len(rows_of(folder)) == 24


@pytest.mark.slow
def test_tight_holes_are_worse_than_grown_ones(run_inpaint, tmp_path):
    """What is left of a pasted object's rim is drawn into a tight hole, which is plain to see on smooth pictures."""
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 64), indexing="ij")
    for i in range(3):
        inside = ((rows - 0.12) ** 2 + (columns - 0.12) ** 2 < 0.008).float()  # small, so that it is seldom hit
        slope = 0.2 + 0.3 * (rows if i % 2 else columns)
        picture = (slope * (1 - inside) + inside)[None, None].expand(-1, 3, -1, -1)
        write_image(tmp_path / f"set/images/{i}.png", picture)
        write_image(tmp_path / f"set/masks/{i}.png", inside[None, None].expand(-1, 3, -1, -1))
    code, _, err = run_inpaint(
        "experiment=painting_growth", f"dataset.root={tmp_path / 'set'}", "dataset.size=64", "only=[harmonic]",
        "grows=[0,4]", "memory=false", "show=1",
    )  # fmt: skip
    assert code == 0, err
    lines = json.loads((tmp_path / "outputs/inpaint/painting_growth/result.json").read_text())["table"]
    tight, grown = (next(each["psnr"] for each in lines if each["grow"] == grow) for grow in (0, 4))
    assert grown > tight + 1


@pytest.mark.slow
def test_memory_is_that_of_the_painter():
    lean = memory_of_painting({"_target_": "iem.inpainters.Mean"}, (64, 64), 400)
    assert 0 <= lean < 300
    with pytest.raises(RuntimeError, match="radius"):
        memory_of_painting({"_target_": "iem.inpainters.Telea", "radius": -1.0}, (64, 64), 400)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("kinds=[round]", "kinds: expected one of thin, box, blob, object, got 'round'"),
        ("shares=[2]", "shares: expected a finite number from 0 to 1, got 2.0"),
        ("shares=[0]", "shares: expected numbers above 0, got 0"),
        ("shares=[]", "shares: expected at least one value, got none"),
        ("grows=[1,1]", "grows: expected each value once, got 1.0, 1.0"),
        ("only=[harmonc]", "only: there is no painter harmonc; did you mean harmonic?"),
        ("only=[]", "only: expected names of painters, got none"),
        ("share=[0.1]", "share: there is no such setting; did you mean shares?"),
        ("painters.telea.radius=abc", "painters.telea.radius: expected"),
        ("painters.telea.radus=3", "painters.telea.radus"),
        ("device=tpu", "device: expected one of auto, cpu, cuda, got 'tpu'"),
        ("name=a/b", "name: expected a word that can name a folder, got 'a/b'"),
        ("+most_hole.mean=0", "most_hole.mean: expected a whole number of at least 1, got 0"),
        ("experiment=quickstart", "experiment: quickstart is for experiments/segment.py; run that"),
        ("experiment=painting_quality", "dataset.root: expected a value, got none; give one as dataset.root=..."),
        ("+painter@painters.deepfill=deepfill", "painters.deepfill.checkpoint: expected a value, got none"),
        (
            "+painter@painters.deepfill=deepfill painters.deepfill.checkpoint=x.pth",
            "painters.deepfill.checkpoint: expected",
        ),
    ],
)
def test_refused_in_one_sentence_before_any_work(run_inpaint, tmp_path, line, message):
    code, out, err = run_inpaint(*line.split())
    assert (code, out) == (1, "")
    assert message in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_experiments_of_this_program_compose():
    store()
    register_resolvers()
    found = {}
    for path in sorted((CONF / "experiment").glob("painting_*.yaml")):
        job = next(
            iter(understand([f"experiment={path.stem}"], folder=CONF, name="inpaint", multirun=False, extra=None).jobs)
        )
        found[path.stem] = (job.config.name, job.config.title)
    assert len(found) == 4
    assert {name for name, _ in found.values()} == set(found)
    assert len({title for _, title in found.values()}) == 4


def test_the_same_damage_whatever_else_is_asked_for():
    dataset = Samples(only=["flower", "cat"], size=32)
    sample = dataset[0]
    first, again = (Damager(dataset, 0)(sample, "object", 0.2, 1.0) for _ in range(2))
    assert torch.equal(first.image, again.image)
    assert not torch.equal(first.image, Damager(dataset, 1)(sample, "object", 0.2, 1.0).image)
    alone = Samples(only=["flower"], size=32)
    assert not torch.equal(Damager(alone, 0)(alone[0], "object", 0.2, 0.0).image, sample.image)
