"""Folders of photographs with prompts: what is read, and what is refused by name."""

import json

import numpy as np
import pytest
from PIL import Image

from iem.images import ImageError
from iem.prompts import Box, Points, Text
from iem.runner.pairs import PairsError, about, open_pairs, prompts_of


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    Image.fromarray(np.full((20, 30, 3), 90, dtype=np.uint8)).save(tmp_path / "photos" / "street.png")
    Image.fromarray(np.full((20, 30), 255, dtype=np.uint8)).save(tmp_path / "mask.png")
    return tmp_path


def write(folder, told, name="prompts.json"):
    (folder / name).write_text(told if isinstance(told, str) else json.dumps(told))
    return folder


def test_all_prompts_and_the_truth_are_read(folder):
    told = {"text": "green bin", "click": [3, 4], "box": [1, 2, 10, 12], "truth": "mask.png"}
    (pair,) = open_pairs(write(folder, {"street.png": told}))
    assert pair.name == "street"
    assert pair.prompts == {"text": Text("green bin"), "click": Points([(3, 4)]), "box": Box(1, 2, 10, 12)}
    image, truth = pair.read()
    assert image.shape == (1, 3, 20, 30)
    assert truth.sum() == 600
    assert prompts_of(about(pair.prompts)) == pair.prompts


def test_yaml_and_several_clicks(folder):
    (pair,) = open_pairs(write(folder, "street.png:\n  click: [[3, 4], [5, 6.5]]\n", "prompts.yaml"))
    assert pair.prompts == {"click": Points([(3, 4), (5, 6.5)])}
    assert pair.read()[1] is None


def test_the_built_in_photographs_have_all_prompts_and_a_truth():
    for pair in open_pairs(None):
        image, truth = pair.read()
        assert set(pair.prompts) == {"text", "click", "box"}
        assert 0 < truth.mean() < 1
        assert truth.shape[2:] == image.shape[2:]
        (x, y), *_ = pair.prompts["click"].xy
        assert truth[0, 0, int(y), int(x)] == 1


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("{", r"prompts.json: expected prompts, got a file that cannot be read"),
        ("[]", r"prompts.json: expected a file name for each photograph with its prompts, got none"),
        ({"road.png": {"text": "a"}}, r"road.png: expected this photograph in the folder"),
        ({"../street.png": {"text": "a"}}, r"street.png: expected the name of a photograph in the folder"),
        ({"street.png": {}}, "expected at least one of text, click and box, got none"),
        ({"street.png": {"txt": "a"}}, r"expected text, click, box or truth, got txt; did you mean text\?"),
        ({"street.png": {"text": " "}}, "street.png: text: expected words"),
        ({"street.png": {"click": [1]}}, r"street.png: click: expected \[x, y\] or a list of such, got \[1\]"),
        ({"street.png": {"click": "1,2"}}, "street.png: click: expected a list of numbers, got '1,2'"),
        ({"street.png": {"box": [1, 2, 3]}}, r"box: expected \[left, top, right, bottom\], got \[1, 2, 3\]"),
        ({"street.png": {"box": [9, 2, 3, 4]}}, "street.png: right: "),
        ({"street.png": {"text": "a", "truth": "no.png"}}, "truth: expected a mask below the folder, found no no.png"),
        ({"street.png": {"text": "a", "truth": "/etc/passwd"}}, "truth: expected a mask below the folder"),
        ({"street.png": "bin"}, "street.png: expected text, click or box, got str"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(folder, told, message):
    with pytest.raises(PairsError, match=message):
        open_pairs(write(folder, told))


def test_a_folder_without_prompts_or_none_at_all(folder, tmp_path):
    with pytest.raises(PairsError, match=r"expected prompts.json or prompts.yaml in .*, found neither"):
        open_pairs(folder)
    with pytest.raises(PairsError, match="expected a folder, found none called"):
        open_pairs(tmp_path / "nowhere")


def test_a_click_beside_the_photograph_is_named_when_it_is_read(folder):
    (pair,) = open_pairs(write(folder, {"street.png": {"click": [30, 4]}}))
    with pytest.raises(ImageError, match=r"street.png.*its click is not in it"):
        pair.read()
