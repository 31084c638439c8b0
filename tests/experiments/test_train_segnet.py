"""The training as a user starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("preset=paper", "segnet=quick", "size=32", "train_size=32", "max_steps=20", "threads=1", "segnet.patience=2")


def start(folder: Path, script: str, *overrides: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "experiments" / script), *overrides]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=280, check=False, env=environment
    )


@pytest.mark.slow
def test_train_then_segment(tmp_path):
    arguments = ("dataset=samples", "dataset.size=48", *SMALL)
    ended = start(tmp_path, "train_segnet.py", *arguments)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("mean IoU")
    assert [line.split()[0] for line in lines[1:4]] == ["teacher", "network", "segnet"]
    checkpoint = Path(lines[-1].removeprefix("checkpoint: "))
    result = json.loads((checkpoint.parent / "result.json").read_text())
    assert len(result["rows"]["learned"]) == 5
    assert len(result["rows"]["others"]) == 4
    names = {row["name"] for row in result["rows"]["others"]}
    card = json.loads(checkpoint.with_suffix(".json").read_text())
    assert names.isdisjoint(card["data"]["names"])
    assert card["sha256"] == result["checkpoint"]["sha256"]
    assert (checkpoint.parent / "masks.png").exists()

    again = start(tmp_path, "train_segnet.py", *arguments)
    assert again.stdout == ended.stdout, "a second run must find the first one's network"
    assert "epoch" not in again.stderr

    used = start(
        tmp_path, "segment.py", "preset=segnet", f"initialiser.checkpoint={checkpoint}", "dataset.only=[cat]", "size=48"
    )
    assert used.returncode == 0, used.stderr
    assert "cat" in used.stdout


@pytest.mark.slow
def test_photographs_without_truth(tmp_path):
    for i in range(4):
        values = np.full((40, 50, 3), 30 + i, dtype=np.uint8)
        values[10:30, 15:35] = 200
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.fromarray(values).save(tmp_path / "photos" / f"{i}.png")
    ended = start(tmp_path, "train_segnet.py", "photos=photos", "split=none", *SMALL)
    assert ended.returncode == 0, ended.stderr
    assert "IoU" not in ended.stdout
    assert "checkpoint: " in ended.stdout


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("segnet.epochs=0", "segnet.epochs: expected a whole number of at least 1, got 0"),
        ("segnet.epoch=3", "segnet.epoch"),
        ("split=third", "split: expected one of half, none, got 'third'"),
        ("devices.precision=8", "devices.precision: expected"),
        ("photos=nowhere", "photos: expected a folder, found none at nowhere"),
    ],
)
@pytest.mark.slow
def test_wrong_setting_is_one_sentence(override, message, tmp_path):
    ended = start(tmp_path, "train_segnet.py", override)
    assert ended.returncode == 1
    assert message in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "outputs").exists()
