"""Settings as plain data: complete, ready for JSON, and told apart by one number."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from iem.inpainters import GaussianInpainter
from iem.optimisers import BoundaryAscent, GradientAscent
from iem.presets import PRESETS, paper
from iem.runner.settings import describe, fingerprint


@dataclasses.dataclass(frozen=True)
class Anything:
    value: Any


def test_preset_is_described_down_to_the_last_number():
    described = describe(paper())
    assert described["class"] == "iem.presets.Preset"
    optimiser = described["optimiser"]
    assert optimiser["class"] == "iem.optimisers.boundary_ascent.BoundaryAscent"
    assert (optimiser["threshold"], optimiser["frame"]) == (4, "open")
    assert set(optimiser) == {"class", *(each.name for each in dataclasses.fields(BoundaryAscent))}
    error = described["objective"]["terms"]["inpainting_error"]
    assert error["inpainter"]["sigma"] == 5.0
    assert error["features"] == {"class": "iem.features.colour.RGB", "low": -1.0, "high": 1.0}
    assert described["objective"]["weights"] == {"inpainting_error": 1.0, "diversity": 16.384}


def test_description_survives_json():
    for make in PRESETS.values():
        described = describe(make())
        assert json.loads(json.dumps(described, allow_nan=False)) == described


def test_every_change_shows():
    base = paper()
    changed = [
        base,
        PRESETS["best"](),
        dataclasses.replace(base, max_steps=149),
        dataclasses.replace(base, optimiser=BoundaryAscent(threshold=5)),
        dataclasses.replace(base, optimiser=GradientAscent(optimiser=partial(torch.optim.SGD, lr=1.0))),
        dataclasses.replace(base, optimiser=GradientAscent(optimiser=partial(torch.optim.SGD, lr=2.0))),
        dataclasses.replace(base, optimiser=GradientAscent(optimiser=partial(torch.optim.Adam, lr=2.0))),
    ]
    assert len({fingerprint(describe(each)) for each in changed}) == len(changed)


def test_whole_numbers_and_order_do_not_count():
    assert fingerprint(describe(GaussianInpainter(sigma=5))) == fingerprint(describe(GaussianInpainter(sigma=5.0)))
    assert fingerprint({"a": 1, "b": [2.5]}) == fingerprint({"b": (2.5,), "a": 1.0})
    assert fingerprint({"a": 1}) != fingerprint({"a": 1.5})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})
    assert fingerprint({"a": [1, 2]}) != fingerprint({"a": [2, 1]})
    assert fingerprint({"a": None}) != fingerprint({})


def test_fingerprint_is_the_sha256_of_canonical_json():
    assert fingerprint({"b": 0.1, "a": "é"}) == hashlib.sha256(b'{"a":"\\u00e9","b":0.1}').hexdigest()


def test_odd_values():
    described = describe(Anything([float("inf"), Path("a/b"), torch.float64, torch.device("cpu"), torch.relu, max]))
    assert described["value"][:4] == ["inf", "a/b", "torch.float64", "cpu"]
    assert described["value"][5] == "builtins.max"


@pytest.mark.parametrize("value", [lambda x: x, torch.zeros(2), object(), {1: "a"}, {"a", "b"}])
def test_what_cannot_be_described_is_refused(value):
    with pytest.raises(TypeError, match=r"settings\.value: expected"):
        describe(Anything(value))


def test_only_dataclasses_are_described():
    with pytest.raises(TypeError, match="expected a dataclass, got dict; give a preset"):
        describe({"a": 1})


@pytest.mark.slow
def test_fingerprint_is_the_same_in_another_process():
    code = "import iem; from iem.runner.settings import *; print(fingerprint(describe(iem.presets.best())))"
    environment = {**os.environ, "PYTHONHASHSEED": "123"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.strip() == fingerprint(describe(PRESETS["best"]()))
