"""The published loop as experiments: for real without weights, with tiny random weights where it needs some."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from iem.images import read_labels
from iem.runner.naming import task_settings
from iem.runner.peel_experiment import made
from iem.runner.peel_run import PeelRun
from iem.runner.scenes import Scene
from iem.runner.schema.parts import Parts

SMALL = ("dataset.only=[flower,coffee]", "dataset.size=48", "size=32")


def test_the_loop_without_weights_records_every_round(run_peel, tmp_path):
    code, out, err = run_peel("experiment=visionloop_classical", *SMALL)
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
    again = run_peel("experiment=visionloop_classical", *SMALL)
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
def test_the_loop_stops_below_five_per_cent_and_at_five_rounds(compose_peel, shares, regions, reason):
    settings = task_settings(next(iter(compose_peel("experiment=visionloop_classical").jobs)).config)
    finder = Shrinking(shares)
    peeler = replace(made(settings, Parts()), finder=finder, refiner=None, grow=None)
    tree = peeler(torch.rand(1, 3, 100, 40, generator=torch.Generator().manual_seed(0)))
    assert (len(tree.regions) - 1, str(tree.reason)) == (regions, reason)
    assert len(finder.seen) == (3 if reason == "too_small" else 5)
    # Each round sees what the one before painted.
    for before, after in zip(tree.rounds[:-1], tree.rounds[1:], strict=True):
        assert torch.equal(before.painted, after.picture)


def test_the_loop_may_find_the_same_place_again(compose_peel, tmp_path):
    """As the published one may; what owns no pixel is written all the same."""
    settings = task_settings(next(iter(compose_peel("experiment=visionloop_classical").jobs)).config)

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


def test_with_a_network_and_deepfill(run_peel, photographs, tmp_path):
    from references.tiny_models import tiny_vit
    from references.tiny_painters import tiny_deepfill

    network = tiny_vit(tmp_path / "vit", positions=False)
    tiny_deepfill(tmp_path / "deepfill")
    (weights,) = (tmp_path / "deepfill").glob("*.pth")
    code, out, err = run_peel(
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


def test_with_a_network_and_controlnet_for_each_prompt(run_peel, photographs, tmp_path):
    from references.tiny_models import tiny_vit
    from references.tiny_painters import tiny_controlnet

    network = tiny_vit(tmp_path / "vit", positions=False)
    tiny_controlnet(tmp_path / "tiny")
    code, _, err = run_peel(
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


def test_the_published_settings_of_the_loop(compose_peel):
    """J. Wan's visionloop.py, as far as it says so."""
    jobs = [task_settings(job.config) for job in compose_peel("experiment=visionloop_controlnet").jobs]
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


def test_weights_that_the_hub_has_not_are_missed_before_any_work(run_peel, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    model = f"finder.initialiser.features.model={folder}"
    code, _, err = run_peel("experiment=visionloop_classical", "finder=tokencut_dino", model)
    assert code == 1
    assert err.startswith("finder.")
    assert err.count("\n") == 1
    assert not (tmp_path / "outputs").exists()
