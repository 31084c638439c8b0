"""The table as a user makes it."""

import csv
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("size=48", "samples=200", "photographs=2")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Six bright blobs on dark grounds."""
    root, generator = tmp_path_factory.mktemp("data") / "blobs", np.random.default_rng(0)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    rows, columns = np.mgrid[:48, :56]
    for i in range(6):
        inside = (rows - 20 - i) ** 2 + (columns - 30 + i) ** 2 < (10 + i) ** 2
        picture = np.where(inside[..., None], [220, 180, 60], [40, 60, 90]) + generator.normal(0, 8, (48, 56, 3))
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(root / "images" / f"{i}.png")
        Image.fromarray((255 * inside).astype(np.uint8)).save(root / "masks" / f"{i}.png")
    return root


def start(folder, *overrides, **environment):
    command = [sys.executable, str(ROOT / "experiments/table.py"), *overrides]
    environment = {**os.environ, **environment}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False
    )


@pytest.mark.slow
def test_a_table_that_keeps_what_is_finished(tmp_path, pictures):
    arguments = (f"data.blobs={pictures}", "methods=[square_alone,otsu]", "students=[]", *QUICK)
    ended = start(tmp_path, *arguments)
    assert ended.returncode == 0, ended.stderr
    folder = tmp_path / "outputs/table/methods"
    assert {path.name for path in folder.iterdir()} >= {"table.md", "table.csv", "table.html", "sheet-blobs.png"}
    assert ended.stdout.startswith((folder / "table.md").read_text())
    with (folder / "table.csv").open() as file:
        entries = list(csv.DictReader(file))
    assert [(each["method"], each["part"], each["pictures"]) for each in entries] == [
        ("square_alone", "all", "6"),
        ("otsu", "all", "6"),
    ]
    assert float(entries[1]["iou_fixed"]) > 0.95
    logs = {path: path.stat().st_mtime_ns for path in folder.rglob("metrics.jsonl")}
    assert len(logs) == 2

    again = start(tmp_path, *arguments)
    assert again.stdout == ended.stdout
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("metrics.jsonl")} == logs


@pytest.mark.slow
def test_a_method_that_fails_does_not_lose_the_others(tmp_path, pictures):
    (tmp_path / "cv2.py").write_text("raise ImportError('no OpenCV here')\n")
    arguments = (f"data.blobs={pictures}", "methods=[grabcut,otsu]", "students=[]", *QUICK)
    ended = start(tmp_path, *arguments, PYTHONPATH=str(tmp_path))
    assert ended.returncode == 1
    assert "blobs: GrabCut failed: " in ended.stderr
    assert 'pip install "iem[opencv]"' in ended.stderr
    assert "1 of the methods failed" in ended.stderr
    text = (tmp_path / "outputs/table/methods/table.md").read_text()
    assert "| Otsu " in text
    assert "GrabCut has no numbers" in text
    (tmp_path / "cv2.py").unlink()
    mended = start(tmp_path, *arguments)
    assert mended.returncode == 0, mended.stderr
    assert "| GrabCut " in mended.stdout
    assert not (tmp_path / "outputs/table/methods/failure.json").exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((), "data: expected at least one dataset, got none; give data.NAME=FOLDER"),
        (("data.a=nowhere",), "expected the folders images and masks in nowhere"),
        (("data.a=DATA", "methods=[papr]"), "preset: expected one of"),
        (("data.a=DATA", "methods=[otsu,otsu]"), "methods: expected each preset once"),
        (("data.a=DATA", "sizee=3"), "sizee: there is no such setting"),
        (("data.a=DATA", "size=2"), "size: expected a whole number of at least 8, got 2"),
        (("data.a=DATA", "segnet.epochs=0"), "epochs: expected a whole number of at least 1, got 0"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_before_any_work(
    tmp_path, pictures, overrides, message, monkeypatch, capsys
):
    program = ROOT / "experiments/table.py"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(program), *(each.replace("DATA", str(pictures)) for each in overrides)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(program), run_name="__main__")
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "outputs").exists()


@pytest.mark.slow
def test_a_network_is_measured_beside_its_teacher(tmp_path, pictures):
    arguments = (f"data.blobs={pictures}", "methods=[paper]", "students=[paper]", "segnet=quick", *QUICK)
    ended = start(tmp_path, *arguments, "train_size=16")
    assert ended.returncode == 0, ended.stderr
    assert "### All 6 pictures, oracle polarity" in ended.stdout
    assert "### The 3 held-out pictures, oracle polarity" in ended.stdout
    assert "| SegNet from paper, oracle | IEM, paper |" in ended.stdout
    assert start(tmp_path, *arguments, "train_size=16").stdout == ended.stdout
