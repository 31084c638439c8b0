"""experiments/mask_generators.py: masks, painted pictures and numbers, resumed, refused, and handed on to a study."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from iem.images import read, read_mask
from iem.interfaces import Proposal
from iem.prompts import Box, Points, Text
from iem.runner.application import Application, start
from iem.runner.mask_experiment import check, try_generators
from iem.runner.mask_memory import memory_of_segmenting
from iem.runner.mask_run import MaskRun, Method, companions
from iem.runner.naming import register_resolvers
from iem.runner.pairs import open_pairs
from iem.runner.schema.command import understand
from iem.runner.schema.mask_generators import store
from iem.runner.study_build import build_study

CONF = Path(__file__).resolve().parents[2] / "conf"
QUICK = ["pairs=pairs", "size=48", "only=[iem_box]", "segmenters.iem_box.size=32", "memory=false"]


class Drawn:
    """Takes what the prompt draws, and counts how often it is asked."""

    def __init__(self, *answers):
        self.answers = answers
        self.asked = []

    def __call__(self, image, prompts):
        self.asked.append(prompts)
        size = image.shape[2:]
        if isinstance(prompts[0], Text):
            return []
        mask = prompts[0].to_mask(size) if isinstance(prompts[0], Box) else prompts[0].to_mask(size, radius=4)
        return [Proposal(mask, 0.5)]


@pytest.fixture
def folder(tmp_path):
    """A red square on grey, its truth, and prompts; the second photograph has no click."""
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    told = {}
    for name in ("one", "two"):
        values = np.random.default_rng(3).integers(90, 110, (96, 120, 3), dtype=np.uint8)
        truth = np.zeros((96, 120), dtype=np.uint8)
        values[20:60, 40:80] = (220, 40, 30)
        truth[20:60, 40:80] = 255
        Image.fromarray(values).save(pairs / f"{name}.jpg", quality=95)
        Image.fromarray(truth).save(pairs / f"{name}_truth.png")
        told[f"{name}.jpg"] = {"text": "red square", "box": [40, 20, 80, 60], "truth": f"{name}_truth.png"}
    told["one.jpg"]["click"] = [60, 40]
    (pairs / "prompts.json").write_text(json.dumps(told))
    return pairs


@pytest.fixture
def run(monkeypatch, tmp_path, capfd):
    def call(*overrides: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["mask_generators.py", *overrides])
        capfd.readouterr()
        code = start(Application(try_generators, CONF, "mask_generators", store, check))
        shown = capfd.readouterr()
        return code, shown.out, shown.err

    return call


def mask_run(folder, tmp_path, *methods, **settings):
    return MaskRun(tmp_path / "run", methods, lambda image, hole: image * (1 - hole) + 0.5 * hole, {"_target_": "grey"},
                   size=48, measure_memory=False, **settings)  # fmt: skip


def test_masks_painted_pictures_and_numbers(folder, tmp_path):
    box, click, words = Drawn(Points, Box), Drawn(Points, Box), Drawn(Text)
    made = mask_run(folder, tmp_path, Method("box", {"a": 1}, box, "box"), Method("click", {"a": 1}, click),
                    Method("words", {"a": 2}, words), grow=0, feather=0)  # fmt: skip
    rows = made(open_pairs(folder))
    assert [(row["method"], row["name"], row["given"]) for row in rows] == [
        ("box", "one", "box"), ("box", "two", "box"), ("click", "one", "click"), ("words", "one", "text"),
        ("words", "two", "text"),
    ]  # fmt: skip
    assert made.failures == ["click, two: there is no click for this photograph"]
    assert box.asked[0] == [Box(20, 10, 40, 30)]  # of the picture at half its size
    assert click.asked[0] == [Points([(30, 20)])]
    first = rows[0]
    assert (first["iou"], first["left"], first["outside"]) == (1, 0, 0)
    assert first["area"] == pytest.approx(400 / 48 / 60)
    assert rows[2]["iou"] < 0.5 < rows[2]["left"]
    nothing = rows[3]
    assert (nothing["proposals"], nothing["area"], nothing["iou"], nothing["left"]) == (0, 0, 0, 1)
    painted, photo = made.painted("box", "one"), made.photo("one")
    assert photo.shape == (1, 3, 48, 60)
    assert torch.allclose(painted[..., 10:30, 20:40], torch.tensor(0.5), atol=0.01)
    assert torch.equal(painted[..., :10, :], photo[..., :10, :])
    assert torch.equal(made.painted("words", "one"), photo)
    assert read_mask(tmp_path / "run/masks/box/one.png").sum() == 400


def test_what_is_finished_is_kept_and_what_changes_is_done_anew(folder, tmp_path):
    pairs, drawn = open_pairs(folder), Drawn(Box)
    mask_run(folder, tmp_path, Method("box", {"a": 1}, drawn))(pairs)
    again = mask_run(folder, tmp_path, Method("box", {"a": 1}, drawn))(pairs)
    assert len(drawn.asked) == len(again) == 2
    mask_run(folder, tmp_path, Method("box", {"a": 2}, drawn))(pairs)
    assert len(drawn.asked) == 4
    (tmp_path / "run/painted/box/one.png").unlink()
    mask_run(folder, tmp_path, Method("box", {"a": 2}, drawn))(pairs)
    assert len(drawn.asked) == 5
    mask_run(folder, tmp_path, Method("box", {"a": 2}, drawn), grow=3)(pairs)
    assert len(drawn.asked) == 7
    mask_run(folder, tmp_path, Method("box", {"a": 2}, drawn), grow=3, skip_finished=False)(pairs)
    assert len(drawn.asked) == 9


def test_a_method_that_fails_does_not_end_the_run(folder, tmp_path):
    class Broken:
        answers = (Box,)

        def __call__(self, image, prompts):
            raise ValueError("out of\nluck")

    class All:
        answers = (Box,)

        def __call__(self, image, prompts):
            return [Proposal(torch.ones_like(image[:, :1]), 1.0)]

    drawn = Drawn(Box)
    made = mask_run(
        folder, tmp_path, Method("broken", {}, Broken()), Method("all", {}, All()), Method("box", {}, drawn)
    )
    assert [row["method"] for row in made(open_pairs(folder))] == ["box", "box"]
    assert made.failures[0] == "broken, one: out of luck"
    assert "all, one: hole: expected something left" in made.failures[2]


def test_companions_count_what_is_left_and_what_changed():
    photo = torch.full((1, 3, 1, 4), 0.5)
    truth, mask = torch.tensor([[[[1.0, 1, 0, 0]]]]), torch.tensor([[[[0.0, 1, 1, 0]]]])
    hole = torch.tensor([[[[0.5, 1, 1, 0]]]])
    found = companions(photo, torch.where(mask > 0, 0.7, photo), mask, hole, truth)
    assert found == {"iou": pytest.approx(1 / 3), "left": 0.25, "outside": pytest.approx(255 * 0.2 / 2)}


def test_the_command_and_the_study_that_is_built_of_it(run, folder, tmp_path):
    code, out, err = run(*QUICK)
    assert code == 0, err
    made = tmp_path / "outputs/mask_generators/masks"
    assert "iem_box" in out
    (line,) = csv.DictReader((made / "table.csv").read_text().splitlines())
    assert line["method"] == "iem_box"
    assert float(line["iou"]) > 0.8
    assert "| Method | Given | Mask, s |" in (made / "table.md").read_text()
    assert read(made / "sheet.png").image.shape[3] > 500
    study = build_study(made, tmp_path / "study")
    assert (study.pictures, study.results, study.missing) == (2, 2, ())
    assert json.loads(study.key.read_text())["companions"]["iem_box"]["iou"] > 0.8


def test_segmenters_that_are_not_ready_are_named_and_left_out_or_refused(run, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("IEM_CACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    code, _, err = run(*QUICK[:2], "memory=false", "+segmenter@segmenters.clipseg=clipseg", "only=[clipseg]")
    assert code != 0
    assert "left out: segmenters.clipseg: model: " in err
    assert "iem models get clipseg" in err
    assert "expected at least one that is ready" in err


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["pairs=nowhere"], "pairs: expected a folder, found none called nowhere"),
        (["only=[iem_bo]"], "only: there is no segmenter iem_bo; did you mean iem_box?"),
        (["given.iem_box=text"], "given.iem_box: expected one of click, box, which it understands, got text"),
        (["given.iem_box=words"], "given.iem_box: expected one of text, click, box, all, got 'words'"),
        (["+given.sam=click"], "given: there is no segmenter sam"),
        (["segmenters.iem_box.sise=3"], "did you mean size?"),
        (["unready=ignore"], "unready: expected one of leave_out, refuse"),
    ],
)
def test_settings_that_cannot_be_are_refused(run, overrides, message):
    code, _, err = run(*overrides)
    assert code == 1
    assert message in err


def test_the_experiment_composes():
    store()
    register_resolvers()
    asked = understand(["experiment=mask_generators"], folder=CONF, name="mask_generators", multirun=False, extra=None)
    config = next(iter(asked.jobs)).config
    assert list(config.segmenters) == ["iem_click", "iem_box", "sam", "clipseg", "segclip", "diffedit"]
    assert (config.grow, config.given.sam, config.given.iem_box) == (0, "click", "box")


@pytest.mark.slow
def test_memory_is_measured_in_a_process_of_its_own(folder):
    settings = {"_target_": "iem.segmenters.PromptedIEM", "size": 64}
    found = memory_of_segmenting(settings, folder / "one.jpg", {"box": [40, 20, 80, 60]})
    assert 0 < found < 2000
    with pytest.raises(RuntimeError, match="800"):
        memory_of_segmenting(settings, folder / "one.jpg", {"box": [40, 20, 800, 60]})
