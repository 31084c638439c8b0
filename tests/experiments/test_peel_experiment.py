"""The experiment as a user starts it, in this process; with tiny random weights where it needs some."""

import json
import sys
from dataclasses import dataclass, field, fields, replace
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
from iem.runner.application import Application, start
from iem.runner.naming import register_resolvers, task_settings
from iem.runner.peel_experiment import check, made, note, peel_dataset
from iem.runner.peel_measuring import METRICS, measure
from iem.runner.peel_run import PeelRun
from iem.runner.peeler import Peeler
from iem.runner.scenes import Scene
from iem.runner.schema.command import understand
from iem.runner.schema.parts import Parts
from iem.runner.schema.parts import check as check_part
from iem.runner.schema.peel import store
from iem.runner.settings import describe
from iem.segmentation import segment

CONF = Path(__file__).resolve().parents[2] / "conf"
SMALL = ("dataset.only=[flower,coffee]", "dataset.size=48", "size=32")
QUICK = ("finder=tokencut", "test=none", "parts=false", "max_rounds=2")


@pytest.fixture
def run(monkeypatch, tmp_path, capfd):
    """Start it in an empty folder; returns its exit code, what it put out and what it said."""

    def call(*overrides: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["peel.py", *overrides])
        capfd.readouterr()
        code = start(Application(peel_dataset, CONF, "peel", store, check, note))
        shown = capfd.readouterr()
        return code, shown.out, shown.err

    return call


def composed(*overrides: str):
    store()
    register_resolvers()
    return understand(overrides, folder=CONF, name="peel", multirun=False, extra=None)


def photographs(folder: Path, count: int = 1) -> Path:
    folder.mkdir()
    for i in range(count):
        values = np.random.default_rng(i).integers(30, 50, (64, 64, 3), dtype=np.uint8)
        values[16:48, 8 + 8 * i : 40 + 8 * i] = (220, 60, 40)
        Image.fromarray(values).save(folder / f"photo{i}.png")
    return folder


def test_the_loop_without_weights_records_every_round(run, tmp_path):
    code, out, err = run("experiment=visionloop_classical", *SMALL)
    assert code == 0, err
    assert "flower: " in err
    assert out.splitlines()[0].startswith("IoU of the first")
    report = Path(out.splitlines()[-1].removeprefix("report: "))
    assert "data:image/webp" in report.read_text()
    result = json.loads((report.parent / "result.json").read_text())
    assert [row["name"] for row in result["rows"]] == ["flower", "coffee"]
    assert result["settings"]["refiner"]["_target_"] == "iem.refiners.BilateralSolver"
    assert result["settings"]["test"] == {}
    for row in result["rows"]:
        scene = report.parent / row["folder"]
        tree = json.loads((scene / "tree.json").read_text())
        assert 1 <= len(tree["rounds"]) <= 5
        for each in tree["rounds"]:
            kinds = {path.name[3:].split(".")[0] for path in (scene / "rounds").glob(f"{each['number']:02d}_*")}
            found = {"painted"} if each["region"] is not None else set()
            assert kinds == {"picture", "mask", "overlay"} | found
    before = {path: path.stat().st_mtime_ns for path in report.parent.rglob("*.png")}
    again = run("experiment=visionloop_classical", *SMALL)
    assert again[:2] == (0, out)
    assert "2 kept from an earlier run" in again[2]
    assert {path: path.stat().st_mtime_ns for path in report.parent.rglob("*.png")} == before


@dataclass
class Shrinking:
    """Finds a band, less high each time: of these shares of the picture."""

    shares: list[float]
    seen: list[torch.Tensor] = field(default_factory=list)

    def __call__(self, image, within):
        share = self.shares[len(self.seen)]
        top = round(sum(self.shares[: len(self.seen)]) * image.shape[2])
        self.seen.append(image)
        mask = torch.zeros_like(within)
        mask[:, :, top : top + round(share * image.shape[2])] = 1
        return mask


@pytest.mark.parametrize(
    ("shares", "regions", "reason"),
    [
        ([0.3, 0.2, 0.04, 0.3], 2, "too_small"),  # below 5 % of the picture
        ([0.1, 0.1, 0.1, 0.1, 0.1, 0.1], 5, "round_limit"),
    ],
)
def test_the_loop_stops_below_five_per_cent_and_at_five_rounds(shares, regions, reason):
    settings = task_settings(next(iter(composed("experiment=visionloop_classical").jobs)).config)
    finder = Shrinking(shares)
    peeler = replace(made(settings, Parts()), finder=finder, refiner=None, grow=None)
    tree = peeler(torch.rand(1, 3, 100, 40, generator=torch.Generator().manual_seed(0)))
    assert (len(tree.regions) - 1, str(tree.reason)) == (regions, reason)
    assert len(finder.seen) == (3 if reason == "too_small" else 5)
    # Each round sees what the one before painted.
    for before, after in zip(tree.rounds[:-1], tree.rounds[1:], strict=True):
        assert torch.equal(before.painted, after.picture)


def test_the_loop_may_find_the_same_place_again(tmp_path):
    """As the published one may; what owns no pixel is written all the same."""
    settings = task_settings(next(iter(composed("experiment=visionloop_classical").jobs)).config)

    def same(image, within):
        mask = torch.zeros_like(within)
        mask[..., 10:30, 10:30] = 1
        return mask

    peeler = replace(made(settings, Parts()), finder=same, refiner=None)
    image = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    run = PeelRun(tmp_path / "run", {}, peeler)
    result = run(OneScene(image))
    (row,) = result.rows
    assert (row["regions"], row["rounds"], row["reason"]) == (5, 5, "round_limit")
    tree = json.loads((tmp_path / "run" / row["folder"] / "tree.json").read_text())
    assert [region["area"]["own"] for region in tree["regions"]] == [64 * 48 - 400, 400, 0, 0, 0, 0]
    assert tree["regions"][3]["box"] is None or tree["regions"][3]["children"]
    assert (tmp_path / "run" / row["folder"] / "cutouts/05.png").is_file()
    assert result.report.is_file()


@dataclass
class OneScene:
    """A picture without truth."""

    image: torch.Tensor
    names: tuple[str, ...] = ("one",)

    def read(self, index):
        return Scene(self.names[index], self.image, "data")


def test_with_a_network_and_deepfill(run, tmp_path):
    from references.tiny_models import tiny_vit
    from references.tiny_painters import tiny_deepfill

    network = tiny_vit(tmp_path / "vit", positions=False)
    tiny_deepfill(tmp_path / "deepfill")
    (weights,) = (tmp_path / "deepfill").glob("*.pth")
    code, out, err = run(
        "experiment=visionloop_deepfill",
        f"finder.initialiser.features.model={network}",
        f"painter.checkpoint={weights}",
        f"photos={photographs(tmp_path / 'photos')}",
        "size=64",
        "grow=default",
    )
    assert code == 0, err
    assert "IoU" not in out
    (scene,) = (tmp_path / "outputs/peel").glob("*/scenes/photo0")
    tree = json.loads((scene / "tree.json").read_text())
    assert tree["rounds"][0]["region"] == 1
    found = read_labels(scene / "labels.png")[20:44, 12:36] == 1
    assert found.float().mean() > 0.9
    with Image.open(scene / "rounds/01_picture.jpg") as seen, Image.open(scene / "rounds/01_painted.jpg") as painted:
        assert np.abs(np.asarray(seen, dtype=float) - np.asarray(painted, dtype=float))[20:44, 12:36].mean() > 10


def test_with_a_network_and_controlnet_for_each_prompt(run, tmp_path):
    from references.tiny_models import tiny_vit
    from references.tiny_painters import tiny_controlnet

    network = tiny_vit(tmp_path / "vit", positions=False)
    tiny_controlnet(tmp_path / "tiny")
    code, _, err = run(
        "experiment=visionloop_controlnet",
        f"finder.initialiser.features.model={network}",
        f"painter.base={tmp_path / 'tiny/stable_diffusion'}",
        f"painter.controlnet={tmp_path / 'tiny/control'}",
        f"photos={photographs(tmp_path / 'photos')}",
        "size=64",
        "grow=default",
        "painter.steps=2",
        "painter.size=32",
        "max_rounds=1",
        "painter.added_prompt='','absolutely zero creativity, zero imagination'",
    )
    assert code == 0, err
    (sweep,) = (tmp_path / "outputs/sweeps").glob("visionloop_controlnet-*")
    jobs = [json.loads(path.read_text()) for path in sweep.glob("*/result.json")]
    assert {job["settings"]["painter"]["added_prompt"] for job in jobs} == {
        "",
        "absolutely zero creativity, zero imagination",
    }
    painted = [path.read_bytes() for path in sweep.glob("*/scenes/photo0/rounds/01_painted.jpg")]
    assert len(painted) == len(set(painted)) == 2, "another prompt must paint something else"


def test_the_published_settings_of_the_loop():
    """J. Wan's visionloop.py, as far as it says so."""
    jobs = [task_settings(job.config) for job in composed("experiment=visionloop_controlnet").jobs]
    assert [job["painter"]["added_prompt"] for job in jobs] == [
        "absolutely zero creativity, zero imagination",
        "",
        "No Creativity",
        "Clear",
        "Transparent Object",
        "Blend In",
    ]
    one = jobs[0]
    assert (one["max_rounds"], one["min_area"], one["mode"], one["parts"], one["test"]) == (5, 0.05, "paint", False, {})
    cut = one["finder"]["initialiser"]
    assert (cut["tau"], cut["size"], cut["features"]["model"]) == (0.2, [256, 256], "facebook/dino-vits16")
    assert one["painter"].items() >= {"steps": 50, "guidance": 7.0, "seed": 12345, "eta": 1.0, "size": 512}.items()
    solver = {"sigma_spatial": 16, "sigma_luma": 16, "sigma_chroma": 8, "lam": 256}
    assert one["refiner"].items() >= solver.items()
    pixel = torch.zeros(1, 1, 300, 300)
    pixel[..., 150, 150] = 1
    hole = Parts().make(one["grow"], "grow")(torch.zeros(1, 3, 300, 300), pixel)
    assert int(hole.sum()) == 96 * 96


def test_measures_agree_with_other_implementations(run, tmp_path):
    code, _, err = run(*SMALL, *QUICK)
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


def test_planted_scenes_are_held_against_their_labels(run, tmp_path):
    code, out, err = run("experiment=planted_flat", "dataset.count=4", "dataset.size=48", "size=48", *QUICK)
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


@pytest.mark.parametrize(("finder", "right"), [(None, 1.0), (Shrinking([0.3, 0.3]), 0.0)])
def test_an_empty_scene_has_the_right_number_if_nothing_is_found(finder, right):
    (sample,) = Planted(count=1, size=48, style="empty")
    settings = task_settings(next(iter(composed("experiment=planted_empty").jobs)).config)
    peeler = made(settings, Parts())
    if finder is not None:
        peeler = replace(peeler, finder=finder, test=None, joint=False, parts=False, max_rounds=2)
    tree = peeler(sample.image)
    found = measure(tree, tree.labels(), sample, "exclude")
    assert (found["right_number"], found["true_regions"]) == (right, 1)


def test_the_first_region_beside_segment(run, tmp_path):
    """The same number as experiments/segment.py gives for the same pictures."""
    samples = Samples(only=["flower", "coffee"], size=48)
    for sample in samples:
        for folder, values in (("images", sample.image), ("masks", sample.truth.expand(-1, 3, -1, -1))):
            (tmp_path / "set" / folder).mkdir(parents=True, exist_ok=True)
            pixels = (255 * values[0].permute(1, 2, 0)).round().to(torch.uint8).numpy()
            Image.fromarray(pixels).save(tmp_path / "set" / folder / f"{sample.name}.png")
    code, out, err = run("experiment=ecssd_regions", f"dataset.root={tmp_path / 'set'}", "size=32", *QUICK[1:])
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


def test_an_interrupted_run_goes_on_where_it_stopped(run, tmp_path, monkeypatch):
    whole, count = peel_run.peel_and_measure, []

    def killed(scene, *arguments, **settings):
        if len(count) == 1:
            raise KeyboardInterrupt
        count.append(scene.name)
        return whole(scene, *arguments, **settings)

    monkeypatch.setattr(peel_run, "peel_and_measure", killed)
    code, _, err = run(*SMALL, *QUICK)
    assert (code, err.splitlines()[-1]) == (130, "interrupted; the same command goes on where it stopped")
    monkeypatch.setattr(peel_run, "peel_and_measure", whole)
    code, _, err = run(*SMALL, *QUICK)
    assert code == 0
    assert "1 kept from an earlier run" in err
    (path,) = (tmp_path / "outputs/peel").glob("*/result.json")
    resumed = json.loads(path.read_text())
    assert run(*SMALL, *QUICK, "skip_finished=false")[0] == 0
    anew = json.loads(path.read_text())
    for row in (*resumed["rows"], *anew["rows"]):
        row.pop("seconds")
    assert resumed["rows"] == anew["rows"]


def test_photographs_that_cannot_be_read_are_named(run, tmp_path):
    folder = photographs(tmp_path / "photos", 2)
    (folder / "bad.png").write_bytes(b"nonsense")
    code, out, err = run(f"photos={folder}", *QUICK, "size=32", "tracker=jsonl")
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
        ("painter=controlnet", "painter.controlnet: expected a ControlNet for Stable Diffusion 1.5, got lllyasviel"),
        ("finder=tokencut_dino finder.initialiser.features.model=./nowhere", "found no folder ./nowhere"),
    ],
)
def test_refused_in_one_sentence_before_any_work(run, tmp_path, monkeypatch, line, message):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, out, err = run(*line.split())
    assert (code, out) == (1, "")
    assert message in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_weights_that_the_hub_has_not_are_missed_before_any_work(run, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    model = f"finder.initialiser.features.model={folder}"
    code, _, err = run("experiment=visionloop_classical", "finder=tokencut_dino", model)
    assert code == 1
    assert err.startswith("finder.")
    assert err.count("\n") == 1
    assert not (tmp_path / "outputs").exists()


GROUPS = ("finder", "refiner", "test", "grow", "painter", "dataset", "tracker")


@pytest.mark.parametrize(
    ("group", "choice"), [(g, path.stem) for g in GROUPS for path in sorted((CONF / g).glob("*.yaml"))]
)
def test_every_choice_fits_its_class(group, choice):
    for found in composed(f"{group}={choice}").jobs:
        settings = OmegaConf.to_container(found.config, resolve=True)[group]
        for key in ("root", "checkpoint"):
            if settings.get(key) == "???":
                settings[key] = "somewhere"
        check_part(settings, group)


EXPERIMENTS = [path.stem for path in (CONF / "experiment").glob("*.yaml") if "override /finder" in path.read_text()]


def test_experiments_of_this_program_compose():
    titles = set()
    for name in EXPERIMENTS:
        jobs = list(composed(f"experiment={name}").jobs)
        titles.add(jobs[0].config.title)
        assert len(jobs) == (6 if name == "visionloop_controlnet" else 1)
    assert len(titles) == len(EXPERIMENTS) == 7


def test_without_overrides_all_is_as_in_python():
    settings = task_settings(next(iter(composed().jobs)).config)
    assert describe(made(settings, Parts())) == describe(Peeler())
    for name in ("finder", "test", "grow"):  # a setting that is not listed could not be found by --help
        listed = {each.name for each in fields(getattr(Peeler(), name))}
        assert set(settings[name]) == {"_target_", *listed}
