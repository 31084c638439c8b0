"""The segmenters by name: what each needs, how it is made, and what is said where it cannot be."""

import importlib.util
import inspect
from pathlib import Path

import pytest
import torch
import yaml
from hydra.utils import instantiate

from iem import prompts, segmenters
from iem.runner.segmenters import KINDS, SegmenterName, check_answers, make_segmenter, readiness, segmenters_for
from iem.weights import table

NETWORKS = [name.value for name, kind in KINDS.items() if kind.takes_weights]
TYPES = {"points": "Points", "box": "Box", "scribble": "Scribble", "mask": "CoarseMask", "text": "Text"}
CONF = Path(__file__).resolve().parents[2] / "conf" / "segmenter"


@pytest.fixture(autouse=True)
def _no_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("IEM_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.parametrize("name", list(SegmenterName))
def test_what_is_said_of_a_segmenter_is_true(name):
    kind = KINDS[name]
    factory = getattr(segmenters, kind.factory)
    assert set(kind.weights) <= set(inspect.signature(factory).parameters)
    made = make_segmenter(name.value)
    assert type(made).__name__ == kind.factory
    assert {each.__name__ for each in made.answers} == {TYPES[each] for each in kind.prompts}
    assert all(hasattr(prompts, each) for each in TYPES.values())
    for weights in kind.weights.values():
        assert weights in {entry.name for entry in table()}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_without_weights_say_what_they_need(name):
    found = readiness(name)
    assert not found.ready
    assert found.needs == "needs weights: iem models get " + " ".join(KINDS[SegmenterName(name)].weights.values())


def test_the_default_needs_nothing():
    assert next(iter(SegmenterName)) is SegmenterName.iem
    assert readiness("iem").ready
    assert make_segmenter("iem", size=32)(torch.rand(1, 3, 32, 32), [prompts.Points([(16, 16)])]) is not None


def test_weights_in_their_place_make_ready(monkeypatch):
    there = {"sam-vit-base"}
    monkeypatch.setattr("iem.weights.is_ready", lambda name: name in there)
    assert readiness("sam").ready
    assert readiness("grounded_sam").needs == "needs weights: iem models get grounding-dino-tiny"


def test_missing_packages_name_the_extra(monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda each: None if each == "transformers" else there(each))
    assert readiness("sam").needs == 'needs transformers: pip install "iem[features]"'
    with pytest.raises(ImportError, match=r'^clipseg: needs transformers: pip install "iem\[features\]"$'):
        make_segmenter("clipseg")


def test_weights_and_options_go_to_the_segmenter(tmp_path):
    for name in ("config.json", "detector/config.json", "segmenter/config.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert make_segmenter("sam", tmp_path, stroke_points=3).model == tmp_path
    both = make_segmenter("grounded_sam", str(tmp_path), threshold=0.1)
    assert (both.detector, both.segmenter.model) == (tmp_path / "detector", tmp_path / "segmenter")
    assert both.threshold == 0.1


def test_wrong_names_weights_and_options_are_one_sentence():
    with pytest.raises(
        ValueError, match=r"^segmenter: expected one of iem, sam, .*, diffedit, got magic; check the spel"
    ):
        make_segmenter("magic")
    with pytest.raises(
        ValueError, match=r"^weights: the segmenter iem has none, got x; leave them out, or take one of s"
    ):
        make_segmenter("iem", "x")
    with pytest.raises(
        ValueError, match=r"^thresold: expected a setting of clipseg, which are threshold, size, device; c"
    ):
        make_segmenter("clipseg", thresold=0.1)
    with pytest.raises(ValueError, match=r"^model: expected a folder with a checkpoint, found no folder \./x; check"):
        make_segmenter("sam", "./x")


def test_prompts_are_refused_before_anything_is_loaded():
    for name, kind in KINDS.items():
        for prompt in TYPES:
            if prompt in kind.prompts:
                check_answers(name.value, prompt)
                assert name in segmenters_for(prompt)
            else:
                with pytest.raises(ValueError, match=f"^{prompt}: the segmenter {name.value} ") as refused:
                    check_answers(name.value, prompt)
                assert prompt != "text" or "`iem models get clipseg`" in str(refused.value)
    assert {name.value for name in segmenters_for("everything")} == {"iem", "sam", "sam_hq", "mask2former"}


@pytest.mark.parametrize("name", ["sam", "sam_hq", "mask2former", "clipseg", "grounded_sam"])
def test_the_yaml_is_the_default(name):
    settings = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    assert instantiate(settings) == make_segmenter(name)
    parameters = set(inspect.signature(getattr(segmenters, KINDS[SegmenterName(name)].factory)).parameters)
    assert set(settings) - {"_target_"} == parameters - {"on_step"}
