"""The painters by name: what each needs, how it is made, and what is said where it cannot be."""

import importlib.util
import inspect

import pytest
import torch

from iem import inpainters
from iem.runner import painters
from iem.runner.painters import KINDS, OPTIONS, PainterName, ignored_options, make_painter, readiness

CLASSICAL = [name.value for name, kind in KINDS.items() if not kind.takes_weights]
NETWORKS = [name.value for name, kind in KINDS.items() if kind.takes_weights]


@pytest.fixture(autouse=True)
def _no_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("IEM_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def test_every_name_is_known_and_every_class_there():
    assert set(KINDS) == set(PainterName)
    assert [each.value for each in PainterName][:2] == ["harmonic", "biharmonic"]
    for kind in KINDS.values():
        assert hasattr(inpainters, kind.factory)
        assert set(kind.options) <= set(OPTIONS)
    assert {option for kind in KINDS.values() for option in kind.options} == set(OPTIONS)


def test_options_are_keywords_of_their_class():
    for kind in KINDS.values():
        named = set(inspect.signature(getattr(inpainters, kind.factory)).parameters)
        assert {*kind.options, *(["on_step"] if kind.tells_steps else [])} <= named, kind


@pytest.mark.parametrize("name", CLASSICAL)
def test_painters_without_weights_are_ready_and_paint(name):
    if name in ("telea", "navier_stokes"):
        pytest.importorskip("cv2")
    assert readiness(name).ready
    painted = make_painter(name)(torch.rand(1, 3, 16, 16), torch.zeros(1, 1, 16, 16))
    assert painted.shape == (1, 3, 16, 16)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_without_weights_say_what_they_need(name):
    found = readiness(name)
    assert not found.ready
    assert "\n" not in found.needs
    assert ("give it with --weights" if name in ("mat", "external") else "iem models get ") in found.needs


def test_weights_in_their_place_make_ready(monkeypatch):
    there = {"stable-diffusion-v1-5"}
    monkeypatch.setattr("iem.weights.is_ready", lambda name: name in there)
    assert readiness("controlnet").needs == "needs weights: iem models get controlnet-inpaint"
    there.add("controlnet-inpaint")
    assert readiness("controlnet").ready


def test_weights_are_looked_up_under_names_of_the_table():
    from iem.weights import is_ready

    for kind in KINDS.values():
        for name in kind.weights:
            assert is_ready(name) is False


@pytest.mark.parametrize(
    ("package", "name", "extra"), [("cv2", "telea", "opencv"), ("diffusers", "repaint", "diffusion")]
)
def test_missing_packages_name_the_extra(package, name, extra, monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda each: None if each == package else there(each))
    assert readiness(name).needs == f'needs {package}: pip install "iem[{extra}]"'
    with pytest.raises(ImportError, match=rf'^{name}: needs {package}: pip install "iem\[{extra}\]"$'):
        make_painter(name)


def test_a_half_removed_package_is_missing(monkeypatch):
    def torn(name):
        raise ValueError(f"{name}.__spec__ is None")

    monkeypatch.setattr(painters.importlib.util, "find_spec", torn)
    assert not readiness("telea").ready


def test_wrong_names_and_weights_are_one_sentence():
    with pytest.raises(ValueError, match=r"^painter: expected one of harmonic, .*, external, got magic; check the"):
        make_painter("magic")
    with pytest.raises(ValueError, match=r"^weights: the painter mean has none, got x; leave them out, or take one of"):
        make_painter("mean", "x")
    with pytest.raises(
        ValueError, match=r"^weights: the painter mat needs a function that runs MAT .*, got none; give it"
    ):
        make_painter("mat")
    with pytest.raises(ValueError, match=r"^base: .* found no folder x/base"):
        make_painter("controlnet", "x")


def test_options_go_to_the_painter(tmp_path):
    pytest.importorskip("diffusers")
    made = make_painter("stable_diffusion", tmp_path, prompt="sky", steps=3, guidance=2.0, seed=9)
    assert (made.prompt, made.steps, made.guidance, made.seed, made.model) == ("sky", 3, 2.0, 9, tmp_path)
    (tmp_path / "base").mkdir()
    (tmp_path / "controlnet").mkdir()
    control = make_painter("controlnet", str(tmp_path), negative_prompt="text")
    assert (control.base, control.controlnet) == (tmp_path / "base", tmp_path / "controlnet")
    assert make_painter("repaint").model == "ddpm-celebahq-256"


def test_options_without_effect_are_found():
    assert ignored_options("harmonic", ["prompt", "seed"]) == ["prompt", "seed"]
    assert ignored_options("stable_diffusion", OPTIONS) == ["refine_steps"]
