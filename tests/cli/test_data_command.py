"""``iem data list | get | check | masks``."""

import io
import json
import sys
import types
import zipfile

import pytest
import torch
from references import dataset_trees as trees
from references.moody_server import serve

from iem.cli import main
from iem.datasets import catalogue
from iem.datasets.catalogue import CatalogueEntry, RemoteFile


@pytest.fixture
def ecssd(monkeypatch, tmp_path):
    """The catalogue with an ECSSD of three pictures on a local server."""
    tree = trees.salient(tmp_path / "tree")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for path in tree.rglob("*.*"):
            opened.write(path, path.relative_to(tree))
    with serve() as server:
        server.files["/all.zip"] = buffer.getvalue()
        remote = RemoteFile(f"{server.address}/all.zip", len(buffer.getvalue()))
        entry = CatalogueEntry("ecssd", "a small ECSSD", 3, "for research", server.address, (remote,))
        monkeypatch.setattr(catalogue, "CATALOGUE", (entry,))
        monkeypatch.setenv("IEM_DATA", str(tmp_path / "data"))
        yield server


def test_list(tmp_path, capsys):
    trees.salient(tmp_path / "ecssd")
    assert main(["data", "list", "--root", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    for name in ("flowers", "cub", "lsun_car", "173 GB", "duts_te", "dut_omron", "robots.ox.ac.uk", "CC BY-NC 4.0"):
        assert name in out
    assert main(["data", "list", "--root", str(tmp_path), "--json"]) == 0
    rows = {row["name"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert rows["ecssd"]["on_disk"] == 3
    assert rows["flowers"]["on_disk"] is None


def test_get_and_check(ecssd, tmp_path, capsys):
    assert main(["data", "get", "ecssd"]) == 1
    err = capsys.readouterr().err
    assert "licence: for research" in err
    assert "agree to it with --accept-licence" in err
    assert ecssd.requests == []
    assert main(["data", "get", "ecssd", "--accept-licence", "--json"]) == 0
    captured = capsys.readouterr()
    folder = tmp_path / "data" / "ecssd"
    (file,) = json.loads(captured.out)["files"]
    assert file["trust"] == "first"
    assert "which nobody states: kept" in captured.err
    assert main(["data", "check", "ecssd"]) == 0
    assert capsys.readouterr().out == (
        f"ecssd in {folder}: 3 of 3 pictures are fine (every picture and mask opened)\nIt is whole.\n"
    )
    assert main(["data", "get", "ecssd", "--accept-licence"]) == 0
    assert len(ecssd.requests) == 1


def test_a_download_that_fails(ecssd, tmp_path, capsys):
    ecssd.files.clear()
    assert main(["data", "get", "ecssd", "--accept-licence", "-o", str(tmp_path / "x")]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("iem: http://127.0.0.1")
    assert "no such file (404)" in last


def test_check_names_what_is_wrong(tmp_path, capsys):
    trees.salient(tmp_path, masks="masks")
    (tmp_path / "masks" / "0001.png").unlink()
    assert main(["data", "check", "image-mask-folder", str(tmp_path)]) == 2
    assert "  0001: no mask; expected masks/0001.png\n" in capsys.readouterr().out
    assert main(["data", "check", "image_mask_folder", str(tmp_path), "--json", "--quick"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert (report["whole"], report["usable"], report["quick"]) == (False, 2, True)
    assert report["problems"] == [{"name": "0001", "reason": "no mask; expected masks/0001.png"}]
    assert main(["data", "check", "cub", str(tmp_path), "--json"]) == 2
    captured = capsys.readouterr()
    assert "found no images.txt" in json.loads(captured.out)["error"]
    assert captured.err.startswith("iem: cub: expected images.txt")


@pytest.mark.parametrize("command", [["get", "voc"], ["check", "voc"], ["masks", "cub", ".", "--detector", "a:b"]])
def test_unknown_names(command, capsys):
    assert main(["data", *command]) == 1
    assert "got 'voc'" in (err := capsys.readouterr().err) or "only lsun_car" in err


def test_masks(tmp_path, monkeypatch, capsys):
    keys = trees.cars(tmp_path, masks=False)
    module = types.ModuleType("own_cars")
    module.find = lambda image: [{"label": "car", "score": 0.9, "mask": torch.ones(30, 40) * (torch.arange(40) < 20)}]
    monkeypatch.setitem(sys.modules, "own_cars", module)
    command = ["data", "masks", "lsun_car", str(tmp_path), "--detector", "own_cars:find", "--number", "3", "--json"]
    assert main(command) == 0
    counts = json.loads(capsys.readouterr().out)
    assert (counts["written"], counts["without_car"]) == (3, 0)
    assert sorted(path.stem for path in (tmp_path / "masks").glob("*.png")) == keys[:3]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["there_already"] == 3
    assert main([*command, "--min-score", "0.7"]) == 1
    assert "write to another folder with --masks" in capsys.readouterr().err
    assert main(["data", "masks", "lsun_car", str(tmp_path), "--detector", "own_cars:lose"]) == 1
    assert "expected a function own_cars:lose" in capsys.readouterr().err
