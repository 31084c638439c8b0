"""``find_file``, ``find_folder`` and ``is_ready``: names of the table, the hub's cache, and what is damaged."""

import socket
from pathlib import Path

import pytest
from huggingface_hub import snapshot_download
from references.fake_hub import cached_repository, sum_of

from iem.weights import Checkpoint, cache_folder, digest, find_file, find_folder, hub_folders, is_ready
from iem.weights.fetching import fetch

VIT = {"config.json": b"{}", "model.safetensors": b"x" * 5000}


@pytest.fixture(autouse=True)
def no_connection(monkeypatch):
    real = socket.socket.connect

    def connect(self, address):
        assert address[0] == "127.0.0.1", f"a question to {address}"
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


def file_refused(source) -> str:
    with pytest.raises(ValueError, match=r"^checkpoint: expected weights of X") as caught:
        find_file(source, key="checkpoint", wanted="weights of X")
    return sentence(caught)


def folder_refused(source) -> str:
    with pytest.raises(ValueError, match=r"^base: expected a network") as caught:
        find_folder(source, key="base", wanted="a network")
    return sentence(caught)


def sentence(caught) -> str:
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 400
    return text


def test_a_path_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("big-lama").write_bytes(b"mine")
    assert find_file("big-lama", key="checkpoint", wanted="weights of X") == Path("big-lama")
    Path("facebook/dino-vits16").mkdir(parents=True)
    assert find_folder("facebook/dino-vits16", key="base", wanted="a network") == Path("facebook/dino-vits16")


def test_names_that_are_not_fetched_say_how(folders):
    assert "is not fetched yet; fetch it with `iem models get big-lama` (381 MB, Apache-2.0)" in file_refused(
        "big-lama"
    )
    text = file_refused("deepfillv2-places2")
    assert "download states_pt_places2.pth in a browser from https://drive.google.com/" in text
    assert "`iem models get deepfillv2-places2 --from FILE` (size unknown, CC BY-NC 4.0, non-commercial)" in text
    for name in ("dino-vits16", "facebook/dino-vits16"):
        text = folder_refused(name)
        assert "fetch it with `iem models get dino-vits16` (about 87 MB, Apache-2.0), or give a folder" in text
        assert str(folders / "huggingface" / "hub") in text
    assert "fetch it with `iem models get me/mine`, or give a folder" in folder_refused("me/mine")


def test_what_cannot_be_meant_is_refused():
    assert "got none; give a file, or a name of `iem models list`" in file_refused(None)
    assert "got an empty name" in file_refused(" ")
    assert "got a path where nothing is: biglama; did you mean big-lama?" in file_refused("biglama")
    assert "got a folder: .; give a file" in file_refused(".")
    assert "dino-vits16, which is a whole folder of weights" in file_refused("dino-vits16")
    assert "big-lama, which is a single file" in folder_refused("big-lama")
    assert "found no folder ./nowhere; check the path" in folder_refused("./nowhere")
    assert "neither a folder nor weights of the name dinov2-smal; did you mean dinov2-small?" in folder_refused(
        "dinov2-smal"
    )
    assert "neither a folder nor weights of the name a/b/c; give a folder" in folder_refused("a/b/c")
    assert "got nothing" in folder_refused("")
    with pytest.raises(ValueError, match="did you mean dinov2-small"):
        is_ready("dinov2-smal")


def test_a_fetched_file_is_found(entry, folders):
    assert not is_ready("tiny")
    fetch(entry)
    found = find_file("tiny", key="checkpoint", wanted="weights of X")
    assert found == folders / "iem" / "weights" / "tiny" / "tiny.pth"
    assert is_ready("tiny")


def test_a_truncated_file_is_refused(entry, weights):
    path = fetch(entry).path
    path.write_bytes(weights[:-10])
    assert f"got a truncated file ({len(weights) - 10:,} of {len(weights):,} bytes)" in (text := file_refused("tiny"))
    assert f"{path}; remove it and fetch it anew with `iem models get tiny`" in text
    assert not is_ready("tiny")


def test_an_altered_file_is_refused(entry, weights):
    path = fetch(entry).path
    path.write_bytes(weights[:-1] + b"!")
    assert f"got {digest(path)[:12]}...: {path}; it is altered or truncated" in file_refused("tiny")


def test_a_file_that_was_copied_there_is_compared_with_the_table(listed, weights, tmp_path):
    source = tmp_path / "right"
    source.write_bytes(weights)
    listed(
        Checkpoint("tiny", "tests", "MIT", "page", "https://x", file="w.pth", sha256=digest(source), sha256_from="us")
    )
    path = cache_folder() / "tiny" / "w.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(weights)
    assert find_file("tiny", key="checkpoint", wanted="weights of X") == path
    path.write_bytes(weights[:-1] + b"!")
    assert "altered or truncated" in file_refused("tiny")


def test_the_hubs_cache_is_read_as_its_library_does(folders):
    folder = cached_repository(folders / "huggingface" / "hub", "facebook/dino-vits16", VIT)
    theirs = snapshot_download("facebook/dino-vits16", cache_dir=hub_folders()[0], local_files_only=True)
    for name in ("dino-vits16", "facebook/dino-vits16"):
        assert find_folder(name, key="base", wanted="a network") == Path(theirs) == folder
        assert is_ready(name)
    assert (folder / "model.safetensors").read_bytes() == VIT["model.safetensors"]


@pytest.mark.parametrize(
    ("variable", "below"),
    [("HF_HUB_CACHE", ""), ("HF_HOME", "hub"), ("XDG_CACHE_HOME", "huggingface/hub"), ("IEM_WEIGHTS", "hub")],
)
def test_the_variables_of_the_hub_are_obeyed(tmp_path, monkeypatch, variable, below):
    folder = cached_repository(tmp_path / "there" / below, "me/mine", {"config.json": b"{}"})
    assert not is_ready("me/mine")
    monkeypatch.setenv(variable, str(tmp_path / "there"))
    assert find_folder("me/mine", key="base", wanted="a network") == folder


def test_half_a_repository_is_none(folders):
    cache = folders / "huggingface" / "hub"
    cached_repository(cache, "facebook/dino-vits16", {"config.json": b"{}"})
    assert "dino-vits16, of which model.safetensors is missing in" in folder_refused("dino-vits16")
    assert not is_ready("dino-vits16")
    whole = cached_repository(cache, "facebook/dinov2-base", {"config.json": b"{}", "pytorch_model.bin": b"x" * 2000})
    assert find_folder("dinov2-base", key="base", wanted="a network") == whole
    (cache / "models--facebook--dinov2-base" / "blobs" / sum_of(b"x" * 2000)).unlink()
    assert "model.safetensors is missing" in folder_refused("dinov2-base"), "the link leads nowhere"


def test_where_files_are_kept(monkeypatch, tmp_path, folders):
    assert cache_folder() == folders / "iem" / "weights"
    assert hub_folders() == (folders / "huggingface" / "hub",)
    monkeypatch.setenv("IEM_WEIGHTS", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    assert hub_folders() == (tmp_path / "own" / "hub", folders / "huggingface" / "hub")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("IEM_WEIGHTS")
    assert cache_folder() == Path("~/.cache/iem/weights").expanduser()
