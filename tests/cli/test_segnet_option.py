"""``iem segment --segnet``."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from iem.cli import main
from iem.segnet import UNet, save_checkpoint


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).integers(30, 50, (30, 40, 3), dtype=np.uint8)
    values[8:22, 12:30] += 150
    Image.fromarray(values).save("a.png")
    train(0)


def train(seed):
    torch.manual_seed(seed)
    save_checkpoint(Path("net.safetensors"), UNet(4, 2), size=16, card={})


def test_photo_in_mask_out(capsys):
    assert main(["segment", "a.png", "-o", "out", "--segnet", "net.safetensors", "--films"]) == 0
    assert "1 picture segmented" in capsys.readouterr().err
    with Image.open("out/masks/a.png") as mask:
        assert mask.size == (40, 30)
    assert Path("out/films/a.webp").exists()
    record = json.loads(Path("out/records/a.json").read_text())
    initialiser = record["settings"]["preset"]["initialiser"]
    assert initialiser["class"] == "iem.segnet.segnet.SegNet"
    assert len(initialiser["sha256"]) == 64


def test_another_network_under_the_same_name_is_asked_again(capsys):
    arguments = ["segment", "a.png", "-o", "out", "--segnet", "net.safetensors"]
    for words in ("1 picture segmented", "1 skipped"):
        assert main(arguments) == 0
        assert words in capsys.readouterr().err
    train(1)
    assert main(arguments) == 0
    assert "1 picture segmented" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--segnet", "nope.safetensors"], "iem: nope.safetensors: there is no such file; give the .safetensors file"),
        (["--segnet", "a.png"], "iem: a.png: its card a.json is missing; copy both files of the checkpoint"),
        (["--segnet", "net.safetensors", "--preset", "paper"], "--segnet takes the place of --preset; give one of"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments, message, capsys):
    assert main(["segment", "a.png", "-o", "out", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert not Path("out").exists()
