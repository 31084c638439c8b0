"""``iem evaluate`` within this process."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from iem.cli import main


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def mask(path, columns, width=8):
    """Foreground in the first ``columns``."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros((4, width), np.uint8)
    values[:, :columns] = 255
    Image.fromarray(values).save(path)


def rows(out):
    """score -> cells of the printed table"""
    lines = (line.split() for line in out.splitlines())
    return {line[0]: line[1:] for line in lines if line and line[0] in ("IoU", "mIoU", "Dice", "Accuracy")}


def test_table_names_both_polarities(capsys):
    mask("truth/a.png", 4)
    mask("truth/b.png", 4)
    mask("found/masks/a.png", 2)  # IoU 1/2
    mask("found/masks/b.png", 7)  # IoU 4/7; its complement's is 0
    assert main(["evaluate", "found", "truth"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "Mean over 2 of 2 pictures" in out
    assert "fixed polarity" in out
    assert "oracle polarity" in out
    assert rows(out)["IoU"] == [f"{(1 / 2 + 4 / 7) / 2:.4f}"] * 2 + ["0"]
    assert rows(out)["Accuracy"][0] == f"{(6 / 8 + 5 / 8) / 2:.4f}"


def test_complement_counts_with_oracle_polarity_alone(capsys):
    mask("truth/a.png", 4)
    mask("found/a.png", 4)
    Image.fromarray(255 - np.asarray(Image.open("found/a.png").convert("L"))).save("found/a.png")
    assert main(["evaluate", "found", "truth"]) == 0
    assert rows(capsys.readouterr().out)["IoU"] == ["0.0000", "1.0000", "0"]


def test_what_was_not_scored_is_listed(capsys):
    for name in ("a", "missing", "mismatched"):
        mask(f"truth/{name}.png", 4)
    mask("found/a.png", 4)
    mask("found/mismatched.png", 4, width=16)
    mask("found/extra.png", 4)
    assert main(["evaluate", "found", "truth"]) == 2
    out, err = capsys.readouterr()
    assert "Mean over 1 of 3 pictures" in out
    assert "1 without a prediction:\n  missing\n" in err
    assert "1 could not be scored:\n  mismatched: prediction is 16 x 4 pixels" in err
    assert "1 without a true mask, not scored:\n  extra\n" in err
    assert main(["evaluate", "found", "truth", "--resize"]) == 2
    assert "Mean over 2 of 3 pictures" in capsys.readouterr().out


def test_extra_predictions_are_no_failure(capsys):
    mask("truth/a.png", 4)
    mask("found/a.png", 4)
    mask("found/b.png", 4)
    assert main(["evaluate", "found", "truth"]) == 0
    assert "1 without a true mask" in capsys.readouterr().err


def test_ignore_and_json(capsys):
    mask("truth/a.png", 4)
    mask("found/a.png", 2)
    mask("void/a.png", 1)
    arguments = ["evaluate", "found", "truth", "--ignore", "void", "--json"]
    assert main(arguments) == 0
    excluded = json.loads(capsys.readouterr().out)
    assert excluded["means"]["iou_fixed"] == pytest.approx(1 / 3)
    assert excluded["complete"] is True
    assert main([*arguments, "--ignore-rule", "background"]) == 0
    background = json.loads(capsys.readouterr().out)
    assert background["means"]["iou_fixed"] == pytest.approx(1 / 4)


def test_undefined_scores_are_counted(capsys):
    mask("truth/a.png", 0)
    mask("found/a.png", 0)
    mask("truth/b.png", 4)
    mask("found/b.png", 4)
    assert main(["evaluate", "found", "truth"]) == 0
    out = capsys.readouterr().out
    assert rows(out)["IoU"] == ["1.0000", "1.0000", "1"]
    assert "undefined: pictures where the score is 0/0" in out


def test_wrong_folders_are_wrong_usage(capsys):
    mask("truth/a.png", 4)
    mask("found/b.png", 4)
    for arguments in (["nowhere", "truth"], ["found", "nowhere"], ["found", "truth"]):
        assert main(["evaluate", *arguments]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("iem: ")
        assert err.count("\n") == 1


def test_output_of_segment_is_evaluated(capsys):
    mask("photos/a.png", 3)
    mask("truth/a.png", 3)
    assert main(["segment", "photos", "-o", "out"]) == 0
    assert main(["evaluate", "out", "truth"]) == 0
    assert "Mean over 1 of 1 picture" in capsys.readouterr().out
