"""Repositories of the hub, fetched by the hub's own library from a hub on this machine."""

import importlib
import sys

import pytest
from references.fake_hub import cached_repository, serve_hub, sum_of

from iem.weights import find, find_folder, hub_folders, is_ready
from iem.weights.fetching import FetchError, fetch
from iem.weights.hub import HubError, chosen, download_repository, entry_of
from iem.weights.verification import verify

VIT = {
    "README.md": b"hello",
    "config.json": b"{}",
    "pytorch_model.bin": b"x" * 5000,
    "tf_model.h5": b"y" * 5000,
}


@pytest.fixture
def hub(monkeypatch):
    with serve_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        hub.repositories["facebook/dino-vits16"] = VIT
        yield hub


def refused(name, match) -> None:
    with pytest.raises(FetchError, match=match) as caught:
        fetch(find(name))
    assert "\n" not in str(caught.value)


def test_what_is_needed_is_fetched_and_nothing_else(hub, capfd):
    got = fetch(find("dino-vits16"))
    assert sorted(path.name for path in got.path.iterdir()) == ["config.json", "pytorch_model.bin"]
    assert sorted(hub.fetched()) == ["config.json", "pytorch_model.bin"]
    assert got.trust == "hub"
    assert find_folder("facebook/dino-vits16", key="model", wanted="DINO") == got.path
    assert is_ready("dino-vits16")
    assert verify(find("dino-vits16")).state == "whole"
    assert capfd.readouterr() == ("", "")
    before = len(hub.requests)
    assert fetch(find("dino-vits16")).trust == "there already"
    assert len(hub.requests) == before


def test_safe_weights_are_preferred(hub):
    hub.repositories["facebook/dino-vits16"] = VIT | {"model.safetensors": b"z" * 3000}
    fetch(find("dino-vits16"))
    assert sorted(hub.fetched()) == ["config.json", "model.safetensors"]


def test_one_variable_moves_repositories_too(hub, monkeypatch, tmp_path):
    monkeypatch.setenv("IEM_WEIGHTS", str(tmp_path / "own"))
    assert (tmp_path / "own" / "hub") in fetch(find("dino-vits16")).path.parents


def test_another_file_than_the_hub_states_is_found(hub):
    folder = fetch(find("dino-vits16")).path
    (folder / "pytorch_model.bin").resolve().write_bytes(b"x" * 4999 + b"!")
    verdict = verify(find("dino-vits16"))
    assert (verdict.state, verdict.words) == ("altered", "pytorch_model.bin is altered or truncated")
    refused("dino-vits16", r"pytorch_model.bin is altered or truncated; remove .*models--facebook--dino-vits16 and run")
    (folder / "pytorch_model.bin").resolve().write_bytes(VIT["pytorch_model.bin"])
    (folder / "config.json").resolve().write_bytes(b"[]")
    assert verify(find("dino-vits16")).words == "config.json is altered or truncated"


def test_what_has_no_sum_is_unverified(folders):
    folder = cached_repository(hub_folders()[0], "facebook/dino-vits16", VIT)
    assert verify(find("dino-vits16")).state == "whole"
    (folder / "config.json").unlink()
    (folder / "config.json").write_bytes(b"{}")  # as on systems without links
    verdict = verify(find("dino-vits16"))
    assert (verdict.state, verdict.words) == ("unverified", "1 of 4 files have no sum, config.json first")


def test_what_is_missing_is_named(hub, folders):
    assert verify(find("dino-vits8")).words == "it is not fetched"
    cached_repository(hub_folders()[0], "facebook/dino-vits8", {"config.json": b"{}"})
    assert verify(find("dino-vits8")).words == "model.safetensors is missing"
    hub.repositories["facebook/dino-vits8"] = {"config.json": b"{}", "flax_model.msgpack": b"x" * 2000}
    refused(
        "dino-vits8", r"^dino-vits8: https://huggingface.co/facebook/dino-vits8 lacks model.safetensors, which is need"
    )
    assert hub.fetched() == []


def test_a_hub_that_refuses(hub):
    refused("dino-vitb8", "the hub has no repository facebook/dino-vitb8, or shows it to its members alone")
    name = "facebook/dinov3-vits16-pretrain-lvd1689m"
    hub.repositories[name] = {"config.json": b"{}", "model.safetensors": b"x" * 2000}
    hub.gated.add(name)
    refused("dinov3-vits16", rf"accept it on https://huggingface.co/{name} and log in with: hf auth login")


def test_no_connection_and_offline_are_sentences(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    refused("dino-vits16", r"the hub cannot be reached \(\w+\); check the network and run the same command again")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    refused("dino-vits16", "HF_HUB_OFFLINE forbids to ask the hub; unset it")


def test_without_the_hubs_library_the_extra_is_named(monkeypatch):
    def missing(name, *_):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    refused("dino-vits16", r'needs huggingface_hub, which is not installed; pip install "iem\[features\]"$')


def test_a_full_disk_is_found_before(hub, monkeypatch):
    monkeypatch.setattr("iem.weights.hub.shutil.disk_usage", lambda path: type("Usage", (), {"free": 10}))
    refused("dino-vits16", r"expected 5 kB of free space for dino-vits16, found 10 bytes; free some, or choose another")


def test_repositories_that_the_table_does_not_list(hub):
    hub.repositories["me/mine"] = {"config.json": b"{}", "model.safetensors": b"z" * 2000, "model.bin": b"y" * 2000}
    entry = entry_of("me/mine")
    assert entry.needs_agreement
    folder = download_repository(entry)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert find_folder("me/mine", key="model", wanted="a network") == folder
    hub.repositories["me/data"] = {"data.csv": b"1"}
    with pytest.raises(HubError, match=r"https://huggingface.co/me/data lacks config.json"):
        download_repository(entry_of("me/data"))


def test_the_parts_of_a_pipeline():
    names = ["model_index.json", "unet/a.safetensors", "unet/a.fp16.safetensors", "unet/a.bin", "all.safetensors",
             "vae/b.bin", "vae/b.non_ema.bin", "README.md", "tokenizer/merges.txt"]  # fmt: skip
    assert chosen(names) == ["model_index.json", "unet/a.safetensors", "vae/b.bin", "tokenizer/merges.txt"]
    files = find("stable-diffusion-inpainting").files
    plain = [each.rstrip("?").split("|")[-1] for each in files]
    assert chosen([*plain, "safety_checker/model.safetensors"], files) == plain


def test_a_sum_is_gits_or_sha256():
    assert sum_of(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a", "git hash-object says so"
    assert "huggingface_hub" in sys.modules
