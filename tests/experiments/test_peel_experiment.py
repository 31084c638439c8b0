"""The experiment as a user starts it: numbers, settings, refusals, and what is left of an interrupted run."""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image
from sklearn.metrics import adjusted_rand_score

from iem.datasets import Planted, Samples
from iem.images import read_labels
from iem.runner import peel_run
from iem.runner.naming import task_settings
from iem.runner.peel_experiment import made
from iem.runner.peel_measuring import METRICS, measure
from iem.runner.peeler import Peeler
from iem.runner.schema.parts import Parts
from iem.runner.schema.parts import check as check_part
from iem.runner.settings import describe
from iem.segmentation import segment

CONF = Path(__file__).resolve().parents[2] / "conf"
SMALL = ("dataset.only=[flower,coffee]", "dataset.size=48", "size=32")
QUICK = ("finder=tokencut", "test=none", "parts=false", "max_rounds=2")


def test_measures_agree_with_other_implementations(run_peel, tmp_path):
    code, _, err = run_peel(*SMALL, *QUICK)
    assert code == 0, err
    (path,) = (tmp_path / "outputs/peel").glob("*/result.json")
    rows = json.loads(path.read_text())["rows"]
    samples = {sample.name: sample for sample in Samples(only=["flower", "coffee"], size=48)}
    for row in rows:
        truth = samples[row["name"]].truth[0, 0] > 0.5
        labels = read_labels(path.parent / row["folder"] / "labels.png")
        assert row["ari"] == pytest.approx(adjusted_rand_score(truth.flatten().int(), labels.flatten()))
        first = labels == 1
        assert row["iou"] == pytest.approx(float((first & truth).sum() / (first | truth).sum()))
        best = max(float(((labels == i) & truth).sum() / ((labels == i) | truth).sum()) for i in labels.unique())
        assert row["best_iou"] == pytest.approx(best)
    assert {row["right_number"] for row in rows} == {None}
    for metric in set(METRICS) - {"right_number", "iou_segment"}:
        mean = json.loads(path.read_text())["means"][metric]
        assert mean == pytest.approx(np.mean([row[metric] for row in rows]))


def test_planted_scenes_are_held_against_their_labels(run_peel, tmp_path):
    code, out, err = run_peel("experiment=planted_flat", "dataset.count=4", "dataset.size=48", "size=48", *QUICK)
    assert code == 0, err
    assert [line.split("  ")[0] for line in out.splitlines()[:4]] == [
        "best-match IoU",
        "covering",
        "ARI",
        "right number",
    ]
    (path,) = (tmp_path / "outputs/peel").glob("*/result.json")
    result = json.loads(path.read_text())
    assert not (path.parent / "scenes").exists()
    scenes = Planted(count=4, size=48, layout="mixed")
    for row in result["rows"]:
        truth = next(scene for scene in scenes if scene.name == row["name"]).labels
        assert row["true_regions"] == len(truth.unique())
        # The scene's rest is a region, too, unless nothing is left of it.
        assert row["right_number"] == (row["regions"] + 1 == row["true_regions"])
        assert row["iou"] is None
    for key in ("ari", "covering", "best_iou", "right_number"):
        assert result["means"][key] == pytest.approx(np.mean([row[key] for row in result["rows"]]))


@pytest.mark.parametrize(("finds", "right"), [(False, 1.0), (True, 0.0)])
def test_an_empty_scene_has_the_right_number_if_nothing_is_found(compose_peel, finds, right):
    (sample,) = Planted(count=1, size=48, style="empty")
    settings = task_settings(next(iter(compose_peel("experiment=planted_empty").jobs)).config)
    peeler = made(settings, Parts())
    if finds:
        half = torch.zeros_like(sample.truth)
        half[..., :20] = 1
        peeler = replace(peeler, finder=lambda image, within: half, test=None, joint=False, parts=False, max_rounds=1)
    tree = peeler(sample.image)
    found = measure(tree, tree.labels(), sample, "exclude")
    assert (found["right_number"], found["true_regions"]) == (right, 1)


def test_the_first_region_beside_segment(run_peel, tmp_path):
    """The same number as experiments/segment.py gives for the same pictures."""
    samples = Samples(only=["flower", "coffee"], size=48)
    for sample in samples:
        for folder, values in (("images", sample.image), ("masks", sample.truth.expand(-1, 3, -1, -1))):
            (tmp_path / "set" / folder).mkdir(parents=True, exist_ok=True)
            pixels = (255 * values[0].permute(1, 2, 0)).round().to(torch.uint8).numpy()
            Image.fromarray(pixels).save(tmp_path / "set" / folder / f"{sample.name}.png")
    code, out, err = run_peel("experiment=ecssd_regions", f"dataset.root={tmp_path / 'set'}", "size=32", *QUICK[1:])
    assert code == 0, err
    assert out.splitlines()[1].startswith("IoU of segment")
    (path,) = (tmp_path / "outputs/peel").glob("*/result.json")
    rows = json.loads(path.read_text())["rows"]
    for row in rows:
        with Image.open(tmp_path / "set/images" / f"{row['name']}.png") as picture:
            image = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255
        with Image.open(tmp_path / "set/masks" / f"{row['name']}.png") as picture:
            truth = torch.from_numpy(np.array(picture.convert("L"))) > 127
        mask = segment(image, "best", size=32).mask[0, 0] > 0.5
        assert row["iou_segment"] == pytest.approx(float((mask & truth).sum() / (mask | truth).sum()))
    assert len(rows) == 2


def test_an_interrupted_run_goes_on_where_it_stopped(run_peel, tmp_path, monkeypatch):
    whole, count = peel_run.peel_and_measure, []

    def killed(scene, *arguments, **settings):
        if len(count) == 1:
            raise KeyboardInterrupt
        count.append(scene.name)
        return whole(scene, *arguments, **settings)

    monkeypatch.setattr(peel_run, "peel_and_measure", killed)
    code, _, err = run_peel(*SMALL, *QUICK)
    assert (code, err.splitlines()[-1]) == (130, "interrupted; the same command goes on where it stopped")
    monkeypatch.setattr(peel_run, "peel_and_measure", whole)
    code, _, err = run_peel(*SMALL, *QUICK)
    assert code == 0
    assert "1 kept from an earlier run" in err
    (path,) = (tmp_path / "outputs/peel").glob("*/result.json")
    resumed = json.loads(path.read_text())
    assert run_peel(*SMALL, *QUICK, "skip_finished=false")[0] == 0
    anew = json.loads(path.read_text())
    for row in (*resumed["rows"], *anew["rows"]):
        row.pop("seconds")
    assert resumed["rows"] == anew["rows"]


def test_photographs_that_cannot_be_read_are_named(run_peel, photographs, tmp_path):
    folder = photographs(tmp_path / "photos", 2)
    (folder / "bad.png").write_bytes(b"nonsense")
    code, out, err = run_peel(f"photos={folder}", *QUICK, "size=32", "tracker=jsonl")
    assert code == 0
    assert "left out: " in err
    assert "bad.png" in err
    assert "regions a picture" in out
    (path,) = (tmp_path / "outputs/peel").glob("*/result.json")
    assert len(json.loads(path.read_text())["rows"]) == 2
    assert "data/regions" in (path.parent / "history.jsonl").read_text()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("min_area=2", "min_area: expected a number from 0 to 1, got 2"),
        ("min_area=abc", "min_area: expected a number from 0 to 1, got 'abc'"),
        ("max_rounds=0", "max_rounds: expected a whole number of at least 1, got 0"),
        ("mode=carve", "mode: expected one of paint, split, got 'carve'"),
        ("finder=sam", "finder: expected one of iem, tokencut, tokencut_dino, got sam"),
        ("finder=null", "finder: expected one of"),
        ("rounds=3", "rounds: there is no such setting; did you mean max_rounds?"),
        ("test.alpha=2", "test.alpha: expected"),
        ("test=none test.alpha=0.1", "test has no settings as it is, choose another test"),
        ("mode=split painter=gaussian", "painter: nothing in this run uses painter (mode=split)"),
        ("mode=split parts=false", "parts: nothing in this run uses parts (mode=split)"),
        ("photos=/nowhere", "photos: expected a folder of pictures, got /nowhere"),
        ("photos=/nowhere dataset=ecssd", "dataset: nothing in this run uses dataset"),
        ("baseline=square", "baseline: expected one of best, paper or null"),
        ("photos=/nowhere baseline=best", "baseline: nothing in this run uses baseline"),
        ("experiment=ecssd_regions", "dataset.root: expected a value, got none; give one as dataset.root=..."),
        ("device=tpu", "device: expected one of auto, cpu, cuda, got 'tpu'"),
        ("experiment=quickstart", "experiment: quickstart is for experiments/segment.py; run that"),
        ("painter=deepfill", "painter.checkpoint: expected a value, got none; give one as painter.checkpoint=..."),
        ("painter=deepfill painter.checkpoint=x.pth", "painter.checkpoint: expected the file of DeepFillv2's weights"),
        ("painter=controlnet painter.base=./nowhere", "painter.base: expected a folder or a name"),
        ("painter=controlnet", "painter.controlnet: expected a ControlNet for Stable Diffusion 1.5, got controlnet-"),
        ("finder=tokencut_dino finder.initialiser.features.model=./nowhere", "found no folder ./nowhere"),
    ],
)
def test_refused_in_one_sentence_before_any_work(run_peel, tmp_path, monkeypatch, line, message):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, out, err = run_peel(*line.split())
    assert (code, out) == (1, "")
    assert message in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


GROUPS = ("finder", "refiner", "test", "grow", "painter", "dataset", "tracker")


@pytest.mark.parametrize(
    ("group", "choice"), [(g, path.stem) for g in GROUPS for path in sorted((CONF / g).glob("*.yaml"))]
)
def test_every_choice_fits_its_class(compose_peel, group, choice):
    for found in compose_peel(f"{group}={choice}").jobs:
        settings = OmegaConf.to_container(found.config, resolve=True)[group]
        for key in ("root", "checkpoint", "source"):
            if settings.get(key) == "???":
                settings[key] = "somewhere"
        check_part(settings, group)


EXPERIMENTS = [path.stem for path in (CONF / "experiment").glob("*.yaml") if "override /finder" in path.read_text()]


def test_experiments_of_this_program_compose(compose_peel):
    titles = set()
    for name in EXPERIMENTS:
        jobs = list(compose_peel(f"experiment={name}").jobs)
        titles.add(jobs[0].config.title)
        assert len(jobs) == (6 if name == "visionloop_controlnet" else 1)
    assert len(titles) == len(EXPERIMENTS) == 7


def test_without_overrides_all_is_as_in_python(compose_peel):
    settings = task_settings(next(iter(compose_peel().jobs)).config)
    assert describe(made(settings, Parts())) == describe(Peeler())
    for name in ("finder", "test", "grow"):  # a setting that is not listed could not be found by --help
        listed = {each.name for each in fields(getattr(Peeler(), name))}
        assert set(settings[name]) == {"_target_", *listed}
