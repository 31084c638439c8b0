"""Files of tensors, and files that would run code."""

from pathlib import Path

import pytest
import torch

from iem.weights import read_tensors
from iem.weights.fetching import FetchError, register


class Dangerous:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def refused(path) -> str:
    with pytest.raises(ValueError, match=r"^checkpoint: expected weights, got ") as caught:
        read_tensors(path, key="checkpoint", wanted="weights")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_pickles_and_safetensors(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    tensors = {"weight": torch.arange(6.0).reshape(2, 3)}
    torch.save(tensors, tmp_path / "a.pth")
    safetensors.save_file(tensors, tmp_path / "a.safetensors")
    for name in ("a.pth", "a.safetensors"):
        read = read_tensors(tmp_path / name, key="checkpoint", wanted="weights")
        assert torch.equal(read["weight"], tensors["weight"])


def test_what_is_no_file_of_tensors(tmp_path):
    torch.save({"weight": torch.arange(1000.0)}, tmp_path / "whole.pth")
    whole = (tmp_path / "whole.pth").read_bytes()
    for name, content in (
        ("half.pth", whole[:900]),
        ("no.pth", b"hello"),
        ("no.safetensors", b"hello"),
        ("e.pth", b""),
    ):
        (tmp_path / name).write_bytes(content)
        assert f"truncated or holds no weights: {tmp_path / name}; download it anew" in refused(tmp_path / name)
    assert "cannot be read (No such file or directory)" in refused(tmp_path / "nowhere.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_runs_code_does_not(tmp_path, zipped, entry):
    evil = tmp_path / "evil.pth"
    torch.save({"weight": Dangerous(tmp_path / "ran")}, evil, _use_new_zipfile_serialization=zipped)
    assert "holds no weights" in refused(evil)
    with pytest.raises(FetchError, match="holds no weights; it was not kept"):
        register(entry, evil)
    assert not (tmp_path / "ran").exists()
    torch.load(evil, weights_only=False)
    assert (tmp_path / "ran").exists(), "read otherwise, it does"
