"""Functions, and a tiny Mask2Former with random weights."""

import sys
import types

import pytest
import torch
from references.pictures import noise

from iem.datasets.detectors import load_detector


@pytest.fixture
def own(monkeypatch):
    """A module of the user's; the test says what its function returns."""
    module = types.ModuleType("own_segmenter")
    module.answer = []
    module.find = lambda image: module.answer
    monkeypatch.setitem(sys.modules, "own_segmenter", module)
    return module


def picture():
    return noise(0, 1, 3, 20, 30, dtype=torch.float32)


def test_a_function_with_objects_or_mappings(own):
    mask = torch.zeros(20, 30)
    mask[:10] = 0.7
    own.answer = [
        {"label": "car", "score": 0.5, "mask": mask},
        types.SimpleNamespace(label="bus", score=1, mask=mask.numpy() > 0.5),
    ]
    car, bus = load_detector("own_segmenter:find")(picture())
    assert (car.label, car.score, bus.label, bus.score) == ("car", 0.5, "bus", 1.0)
    assert car.mask.shape == (1, 1, 20, 30)
    assert torch.equal(car.mask, bus.mask)
    assert car.mask.sum() == 300


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "expected a list of instances, got NoneType"),
        ([{"label": "car", "score": 1.0}], "got dict without mask"),
        (
            [{"label": "car", "score": 1.0, "mask": torch.zeros(5, 5)}],
            r"expected a mask of shape \[20, 30\], got \[5, 5\]",
        ),
    ],
)
def test_wrong_answers_are_named(own, answer, message):
    own.answer = answer
    with pytest.raises(ValueError, match=message):
        load_detector("own_segmenter:find")(picture())


@pytest.mark.parametrize("name", ["no_such_module:find", "json:find", "own_segmenter:answer", " "])
def test_what_is_no_function(own, name):
    with pytest.raises(ValueError, match="detector: expected"):
        load_detector(name)


def test_no_such_folder(tmp_path):
    with pytest.raises(ValueError, match="found no folder"):
        load_detector(str(tmp_path / "nothing"))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="expected a checkpoint for instance segmentation") as caught:
        load_detector(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_without_transformers(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'iem\[detector\]'"):
        load_detector(str(tmp_path))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("mask2former")
    backbone = transformers.SwinConfig(
        image_size=32,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 1, 1],
        window_size=2,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = transformers.Mask2FormerConfig(
        backbone_config=backbone,
        hidden_dim=32,
        feature_size=32,
        mask_feature_size=32,
        encoder_feedforward_dim=16,
        encoder_layers=1,
        decoder_layers=2,
        dim_feedforward=16,
        num_attention_heads=2,
        num_queries=5,
        id2label={0: "car", 1: "person"},
        label2id={"car": 0, "person": 1},
    )
    torch.manual_seed(0)
    transformers.Mask2FormerForUniversalSegmentation(config).save_pretrained(folder)
    transformers.Mask2FormerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_a_checkpoint_finds_instances_of_the_pictures_size(checkpoint):
    found = load_detector(str(checkpoint))(picture())
    assert found
    assert {each.label for each in found} <= {"car", "person"}
    for each in found:
        assert each.mask.shape == (1, 1, 20, 30)
        assert set(each.mask.unique().tolist()) <= {0.0, 1.0}
        assert 0 <= each.score <= 1
    again = load_detector(str(checkpoint))(picture())
    assert [each.score for each in again] == [each.score for each in found]
