"""``features=dino`` and its kin, as a user gives them, with tiny networks in a folder."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from references.tiny_models import tiny_clip, tiny_dinov2, tiny_dinov3, tiny_vit

from iem import segment
from iem.runner.experiment import preset
from iem.runner.naming import register_resolvers, task_settings
from iem.runner.schema.command import understand
from iem.runner.schema.parts import Parts
from iem.runner.schema.segment import store

ROOT = Path(__file__).resolve().parents[2]
NETWORK = "features.features.features.features"
MAKERS = {
    "dino": lambda folder: tiny_vit(folder, positions=False),
    "dinov2": tiny_dinov2,
    "dinov3": tiny_dinov3,
    "clip": tiny_clip,
}


@pytest.mark.parametrize("name", ["best", "paper"])
@pytest.mark.parametrize("features", MAKERS)
def test_the_settings_make_a_segmenter(tmp_path, features, name):
    store()
    register_resolvers()
    overrides = (f"preset={name}", f"features={features}", f"{NETWORK}.model={MAKERS[features](tmp_path)}")
    overrides += (f"{NETWORK}.size=224",)
    asked = understand(overrides, folder=ROOT / "conf", name="segment", multirun=False, extra=None)
    settings = task_settings(next(iter(asked.jobs)).config)
    image = torch.full((2, 3, 48, 64), 0.3)
    image[:, 0, 14:34, 18:44] = 0.9
    image[1] = 0.5  # nothing there
    solution = segment(image, preset(settings, name, Parts()), size=48)
    assert solution.mask.shape == (2, 1, 48, 64)
    assert solution.score.isfinite().all()
    truth, found = image[0, 0] > 0.5, solution.mask[0, 0] > 0.5
    assert (truth & found).sum() / (truth | found).sum() > 0.6


@pytest.mark.slow
def test_the_program_runs_and_a_wrong_folder_is_one_sentence(tmp_path):
    def start(*overrides: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "experiments/segment.py"), "preset=best", "features=dino", *overrides]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)

    refused = start(f"{NETWORK}.model=./nowhere")
    assert refused.returncode == 1
    assert (
        refused.stderr
        == f"{NETWORK}.model: expected a folder with a checkpoint, found no folder ./nowhere; check the name\n"
    )
    ended = start(
        f"{NETWORK}.model={MAKERS['dino'](tmp_path / 'dino')}", "dataset.only=[flower]", "write_pictures=false"
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.splitlines()[0].startswith("flower: converged"), "transformers must be silent"
    (result,) = tmp_path.glob("outputs/segment/*/result.json")
    assert json.loads(result.read_text())["rows"][0]["iou_fixed"] > 0.8
