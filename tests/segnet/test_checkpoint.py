import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from iem.segnet import CheckpointError, UNet, load_checkpoint, save_checkpoint


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "flowers.safetensors"
    return save_checkpoint(path, UNet(4, 2), size=32, threshold=0.6, card={"licence": "CC0-1.0"}), path


def test_there_and_back(saved):
    written, path = saved
    read = load_checkpoint(path)
    image = torch.rand(1, 3, 20, 24)
    assert torch.equal(read.network(image), written.network(image))
    assert (read.size, read.threshold, read.sha256) == (32, 0.6, written.sha256)
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["licence"] == "CC0-1.0"
    assert card["architecture"] == {"class": "UNet", "width": 4, "levels": 2}
    assert card["parameters"] == sum(p.numel() for p in UNet(4, 2).parameters())
    assert set(load_file(path)) == set(UNet(4, 2).state_dict())  # any other program can read it


def test_the_same_network_has_the_same_checksum(saved, tmp_path):
    torch.manual_seed(0)
    other = save_checkpoint(tmp_path / "b.safetensors", UNet(4, 2), size=32, threshold=0.6, card={})
    assert other.sha256 == saved[0].sha256
    coarser = save_checkpoint(tmp_path / "c.safetensors", other.network, size=33, threshold=0.6, card={})
    assert coarser.sha256 != other.sha256


def altered(path):
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [altered, truncated, emptied])
def test_harm_is_noticed(harm, saved):
    harm(saved[1])
    with pytest.raises(CheckpointError, match=r"flowers.safetensors: its checksum is not .* truncated or altered"):
        load_checkpoint(saved[1])


@pytest.mark.parametrize(
    ("card", "word"),
    [(None, "missing"), ("{", "damaged or of another kind"), ("[]", "damaged"), ("{}", "another kind")],
)
def test_card(card, word, saved):
    path = saved[1].with_suffix(".json")
    path.unlink() if card is None else path.write_text(card)
    with pytest.raises(CheckpointError, match=rf"its card flowers.json is .*{word}.*; copy both files"):
        load_checkpoint(saved[1])


def with_card(path):
    import hashlib

    card = {"format": "iem-segnet-1", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


def test_foreign_files_with_a_card(tmp_path):
    text = tmp_path / "text.safetensors"
    text.write_text("hello, I am no network")
    plain = tmp_path / "plain.safetensors"
    save_file({"weight": torch.zeros(3)}, plain)
    about = {"iem": '{"architecture": {"class": "UNet", "width": 4, "levels": 2}, "size": 32, "threshold": 0.5}'}
    other = tmp_path / "other.safetensors"
    save_file(
        {name: value[..., :1].contiguous() for name, value in UNet(4, 2).state_dict().items()}, other, metadata=about
    )
    for path in (text, plain, other):
        with pytest.raises(CheckpointError, match="expected the weights of a network of this kind, got something else"):
            load_checkpoint(with_card(path))


def test_not_a_number_in_the_weights(tmp_path):
    network = UNet(4, 2)
    with torch.no_grad():
        network.head.bias.fill_(torch.nan)
    path = tmp_path / "nan.safetensors"
    save_checkpoint(path, network, size=32, card={})
    with pytest.raises(CheckpointError, match="expected finite weights"):
        load_checkpoint(path)


def test_folder_and_ending(tmp_path):
    with pytest.raises(CheckpointError, match=r"it is a folder; give the \.safetensors file"):
        load_checkpoint(tmp_path)
    with pytest.raises(ValueError, match=r"expected a name that ends in \.safetensors, got a\.pt"):
        save_checkpoint(tmp_path / "a.pt", UNet(4, 2), size=32, card={})


def test_without_the_extra(saved, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "safetensors.torch", None)
    with pytest.raises(ImportError, match=r'expected the package safetensors.*pip install "iem\[segnet\]"'):
        load_checkpoint(saved[1])
