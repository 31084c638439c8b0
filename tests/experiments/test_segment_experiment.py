"""The experiment as a user starts it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "experiments/segment.py"), *overrides]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


def test_quickstart_ends_with_a_table_and_a_report(tmp_path):
    arguments = ("experiment=quickstart", "preset=paper", "dataset.only=[flower]", "write_pictures=false", "threads=1")
    ended = start(tmp_path, *arguments)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["photo", "IoU", "fixed", "IoU", "oracle", "score", "steps", "status", "seconds"]
    assert lines[1].startswith("flower")
    assert lines[3].startswith("mean")
    report = Path(lines[-1].removeprefix("report: "))
    assert report.exists()
    result = json.loads((report.parent / "result.json").read_text())
    assert result["rows"][0]["iou_fixed"] > 0.85

    again = start(tmp_path, *arguments)
    assert again.stdout == ended.stdout, "a second run must find the first one's results"
    assert "1 kept from an earlier run" in again.stderr


@pytest.mark.slow
def test_other_settings_have_another_folder(tmp_path):
    small = ("dataset.only=[flower]", "write_pictures=false", "size=32", "threads=1")
    assert start(tmp_path, "preset=paper", *small).returncode == 0
    assert start(tmp_path, "preset=paper", "optimiser.threshold=5", *small).returncode == 0
    assert len(list((tmp_path / "outputs/segment").iterdir())) == 2


def test_wrong_setting_is_one_sentence(tmp_path):
    ended = start(tmp_path, "preset=paper", "inpainter.kernel_size=4")
    assert ended.returncode == 1
    assert "kernel_size: expected an odd whole number of at least 1, got 4" in ended.stderr
    assert not list(tmp_path.rglob("result.json"))
