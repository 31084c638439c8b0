"""``experiment=paintseg_box`` and its kin, as a user gives them."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from references.tiny_models import tiny_vit

from iem.runner.application import Application, start
from iem.runner.experiment import check, note, segment_dataset
from iem.runner.schema.segment import store

CONF = Path(__file__).resolve().parents[2] / "conf"


@pytest.fixture
def run_segment(monkeypatch, tmp_path, capfd):
    """Start it on one red disc on dark grain; returns its exit code, its result and what it said."""
    rows, columns = np.mgrid[:64, :80]
    disc = (rows - 30) ** 2 + (columns - 42) ** 2 < 18**2
    values = np.random.default_rng(0).integers(30, 50, (64, 80, 3), dtype=np.uint8)
    values[disc] = (220, 60, 40)
    for name, content in {"images": values, "masks": np.uint8(255 * disc)}.items():
        (tmp_path / "data" / name).mkdir(parents=True)
        Image.fromarray(content).save(tmp_path / "data" / name / "disc.png")

    def call(*overrides: str):
        monkeypatch.chdir(tmp_path)
        given = ["dataset=image_mask_folder", f"dataset.root={tmp_path / 'data'}", "write_pictures=false", *overrides]
        monkeypatch.setattr(sys, "argv", ["segment.py", *given])
        capfd.readouterr()
        code = start(Application(segment_dataset, CONF, "segment", store, check, note))
        results = list(tmp_path.glob("outputs/segment/*/result.json"))
        return code, json.loads(results[0].read_text()) if results else None, capfd.readouterr().err

    return call


slow = pytest.mark.slow


@pytest.mark.parametrize("kind", ["box", *(pytest.param(kind, marks=slow) for kind in ("coarse", "point", "paper"))])
def test_finds_the_disc(run_segment, kind):
    code, result, _ = run_segment(f"experiment=paintseg_{kind}")
    assert code == 0
    (row,) = result["rows"]
    assert row["steps"] == 5
    assert row["status"] == "max_steps"
    assert row["iou_fixed"] > 0.8


@slow
def test_a_stroke_on_one_colour_is_painted_over_without_a_trace(run_segment):
    """The harmonic painter sees the same colour around the stroke, so it has nothing to keep; that is no failure."""
    code, result, _ = run_segment("experiment=paintseg_scribble")
    assert code == 0
    assert result["rows"][0]["status"] in ("empty", "max_steps")


@slow
def test_runs_with_the_tokens_of_a_network(run_segment, tmp_path):
    network = f"features.model={tiny_vit(tmp_path / 'network', positions=False)}"
    code, result, _ = run_segment("experiment=paintseg_box", "features=dino_tokens", network, "features.size=64")
    assert code == 0
    assert result["settings"]["features"]["facet"] == "token"


@slow
def test_other_objectives_are_refused_in_one_sentence(run_segment):
    code, result, said = run_segment("experiment=paintseg_box", "objective=iem")
    assert code != 0
    assert result is None
    assert "objective: expected one that paints, got WeightedSum; use iem.objectives.Contrast" in said
