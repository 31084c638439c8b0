"""``iem models list | get | verify | where``."""

import io
import json
import os

import pytest
import torch
from references.fake_hub import cached_repository, serve_hub
from references.moody_server import serve

from iem.cli import main
from iem.weights import catalogue, hub_folders
from iem.weights.checkpoint import PICKLE, Checkpoint


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("IEM_WEIGHTS", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache" / "iem" / "weights"


@pytest.fixture
def server(monkeypatch):
    """A table of three: free, non-commercial, and to be opened by hand."""
    buffer = io.BytesIO()
    torch.save({"weight": torch.arange(1000.0)}, buffer)
    with serve() as moods:
        moods.files["/tiny.pth"] = buffer.getvalue()
        address, size = f"{moods.address}/tiny.pth", len(buffer.getvalue())
        entries = (
            Checkpoint("tiny", "tests", "MIT", "file", address, size, PICKLE, "tiny.pth"),
            Checkpoint("closed", "tests", "CC BY-NC", "file", address, size, PICKLE, "c.pth", needs_agreement=True),
            Checkpoint("by-hand", "tests", "MIT", "page", "https://drive.example/1", None, PICKLE, "states.pth"),
        )
        monkeypatch.setattr(catalogue, "_TABLE", entries)
        yield moods


def run(capsys, *command) -> tuple[int, str, str]:
    code = main(["models", *map(str, command)])
    out, err = capsys.readouterr()
    return code, out, err


def rows(out: str) -> list[dict]:
    return [json.loads(line) for line in out.splitlines()]


def test_list_shows_terms_and_what_is_here(capsys, folder):
    code, out, _ = run(capsys, "list")
    assert code == 0
    for words in ("big-lama", "381 MB", "about 4.26 GB", "CC BY-NC 4.0, non-commercial (to be agreed to); sum unv",
                  "https://huggingface.co/facebook/dino-vits16", f"Files are kept in {folder}"):  # fmt: skip
        assert words in out
    assert "yes" not in out.split()
    cached_repository(hub_folders()[0], "facebook/dino-vits16", {"config.json": b"{}", "model.safetensors": b"x"})
    assert "yes" in run(capsys, "list")[1].split()
    found = {row["name"]: row for row in rows(run(capsys, "list", "--json")[1])}
    assert found["dino-vits16"]["ready"] is True
    assert found["dino-vits16"]["path"].endswith("0123456789abcdef0123456789abcdef01234567")
    assert (found["big-lama"]["ready"], found["big-lama"]["path"], found["big-lama"]["bytes"]) == (
        False,
        None,
        381428720,
    )
    assert found["dinov3-vits16"]["gated"]


def test_get_where_verify(server, capsys, folder):
    assert run(capsys, "where", "tiny") == (2, "", "iem: tiny is not here; fetch it with: iem models get tiny\n")
    assert run(capsys, "verify") == (0, "", "nothing is fetched yet; see: iem models list\n")
    code, out, err = run(capsys, "get", "tiny", "--json")
    assert code == 0
    place = str(folder / "tiny" / "tiny.pth")
    (row,) = rows(out)
    assert (row["name"], row["ready"], row["path"], row["trust"], row["error"]) == ("tiny", True, place, "first", None)
    lines = err.splitlines()
    assert lines[:2] == ["tiny: tests", "licence: MIT"]
    assert lines[2].endswith(f"kB into {folder}")
    assert "unverified: nobody states its sum" in lines[3]
    assert "which nobody states: kept, and the file is compared with it before every use" in lines[-1]
    assert run(capsys, "where", "tiny")[:2] == (0, f"{place}\n")
    code, out, _ = run(capsys, "verify")
    assert (code, out) == (0, f"tiny: whole: sha256 {row['sha256']}, as of the first download\n")
    assert "there already" in run(capsys, "get", "tiny")[2]
    assert len(server.requests) == 1


def test_verify_finds_what_was_spoilt(server, capsys, folder):
    run(capsys, "get", "tiny")
    path = folder / "tiny" / "tiny.pth"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"!")
    code, out, err = run(capsys, "verify")
    assert code == 2
    assert out.startswith("tiny: altered: sha256 ")
    assert f"remove {path} and fetch it anew with: iem models get tiny" in err
    path.write_bytes(whole[:-1])
    code, out, _ = run(capsys, "verify", "tiny", "--json")
    assert (code, rows(out)[0]["state"]) == (2, "truncated")
    (path.parent / "record.json").unlink()
    code, out, _ = run(capsys, "verify")
    assert (code, out.split(": ")[1]) == (0, "unverified")
    assert run(capsys, "verify", "closed")[0] == 2, "what is asked for has to be there"


def test_a_licence_that_is_not_accepted(server, capsys, folder):
    code, _, err = run(capsys, "get", "tiny", "closed")
    assert code == 1
    assert "licence: CC BY-NC\n" in err
    assert err.splitlines()[-1] == "iem: closed: read the licence above and agree to it with --accept-licence"
    assert server.requests == [], "nothing at all was fetched"
    assert run(capsys, "get", "closed", "--accept-licence")[0] == 0
    assert (folder / "closed" / "c.pth").is_file()


def test_by_hand(server, capsys, folder, tmp_path):
    code, _, err = run(capsys, "get", "by-hand")
    assert code == 2
    assert "open https://drive.example/1 in a browser, then: iem models get by-hand --from states.pth" in err
    (tmp_path / "mine.pth").write_bytes(server.files["/tiny.pth"])
    assert run(capsys, "get", "by-hand", "--from", tmp_path / "mine.pth")[0] == 0
    assert (folder / "by-hand" / "states.pth").is_file()
    assert run(capsys, "get", "by-hand", "tiny", "--from", tmp_path / "mine.pth")[0] == 1


def test_one_that_fails_does_not_stop_the_others(server, capsys, folder):
    code, out, err = run(capsys, "get", "by-hand", "tiny", "--json")
    assert code == 2
    assert [row["ready"] for row in rows(out)] == [False, True]
    assert rows(out)[0]["error"] in err


def test_another_folder(server, capsys, tmp_path):
    root = tmp_path / "disk"
    code, _, err = run(capsys, "get", "tiny", "--root", root)
    assert code == 0
    assert (root / "tiny" / "tiny.pth").is_file()
    assert f"to have it found: export IEM_WEIGHTS={root}" in err
    assert "IEM_WEIGHTS" not in os.environ
    assert run(capsys, "where", "tiny")[0] == 2
    assert run(capsys, "where", "tiny", "--root", root)[0] == 0
    out = run(capsys, "where", "--root", root)[1]
    assert f"files: {root}\nrepositories: {root / 'hub'}\n" in out
    assert json.loads(run(capsys, "where", "--json")[1])["repositories"] == [str(hub_folders()[0])]


@pytest.mark.parametrize("command", ["get", "where", "verify"])
def test_unknown_names(command, capsys):
    assert run(capsys, command, "biglama") == (
        1, "", "iem: expected a name of `iem models list`, got biglama; did you mean big-lama?\n")  # fmt: skip


def test_repositories(capsys, monkeypatch):
    with serve_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        files = {"config.json": b"{}", "model.safetensors": b"x" * 2000}
        hub.repositories |= {"facebook/dino-vits16": files, "me/mine": files}
        code, out, err = run(capsys, "get", "dino-vits16", "--json")
        assert (code, rows(out)[0]["trust"]) == (0, "hub")
        assert (
            "https://huggingface.co/facebook/dino-vits16 (folder of transformers; compared with the hub's own sums)"
            in err
        )
        code, _, err = run(capsys, "get", "me/mine")
        assert code == 1, "its terms are not known"
        assert "licence: not known here: read it on its page" in err
        assert run(capsys, "get", "me/mine", "--accept-licence")[0] == 0
    assert run(capsys, "where", "me/mine")[0] == 0
    assert run(capsys, "verify", "me/mine", "dino-vits16")[0] == 0


def test_offline_all_but_get_works(capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for command in (["list"], ["where"], ["verify"]):
        assert run(capsys, *command)[0] == 0
    code, _, err = run(capsys, "get", "dino-vits16")
    assert code == 2
    assert err.splitlines()[-1].startswith("iem: dino-vits16: HF_HUB_OFFLINE forbids to ask the hub; unset it")
