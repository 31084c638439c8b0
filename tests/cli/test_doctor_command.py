"""``iem doctor``, with everything in place and with things missing."""

import importlib.metadata
import json
import os
import sys

import pytest

from iem.cli import main
from iem.runner import doctor


def findings(section):
    return {each.name: each for each in doctor.diagnose()[section]}


def test_all_is_well(capsys):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert out.rstrip().endswith("All is well.")
    for name in ("torch", "threads", "CUDA devices", "kornia", "current folder", "a synthetic picture"):
        assert name in out
    assert importlib.metadata.version("kornia") in out


def test_json(capsys):
    assert main(["doctor", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["well"] is True
    packages = {each["name"]: each["value"] for each in content["needed packages"]}
    assert packages["torch"] == importlib.metadata.version("torch")
    assert {"hydra-core", "jaxtyping", "rich", "typer"} <= packages.keys()
    assert "pytest" not in packages


def test_missing_and_old_packages(monkeypatch, capsys):
    version = importlib.metadata.version

    def fewer(name):
        if name == "kornia":
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.1" if name == "scipy" else version(name)

    monkeypatch.setattr(importlib.metadata, "version", fewer)
    found = findings("needed packages")
    assert (found["kornia"].value, found["kornia"].good) == ("missing", False)
    assert found["kornia"].advice.startswith("pip install 'kornia>=")
    assert found["scipy"].value.startswith("0.1, needed is >=")
    assert found["numpy"].good
    assert main(["doctor"]) == 2
    assert "2 to look at, marked with !" in capsys.readouterr().out


def test_run_from_source(monkeypatch):
    def nothing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", nothing)
    monkeypatch.setattr(importlib.metadata, "requires", nothing)
    assert "source" in findings("program")["iem"].value
    assert "unknown" in findings("needed packages")


def test_without_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert not findings("PyTorch")["torch"].good
    test = findings("self-test")["a synthetic picture"]
    assert not test.good
    assert "torch" in test.value


def test_wrong_mask_is_noticed(monkeypatch):
    def empty(*arguments, **keywords):
        solution = segment(*arguments, **keywords)
        return type(solution)(solution.mask * 0, solution.score, solution.steps, solution.status, {})

    module = sys.modules["iem.segmentation"]
    segment = module.segment
    monkeypatch.setattr(module, "segment", empty)
    test = findings("self-test")["a synthetic picture"]
    assert (test.good, test.value) == (False, "found with an IoU of 0.00, expected 0.9")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_forbidden_folder(tmp_path, monkeypatch):
    tmp_path.chmod(0o500)
    monkeypatch.chdir(tmp_path)
    assert not findings("places")["current folder"].good


def test_folder_that_was_removed(tmp_path, monkeypatch):
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert not findings("places")["current folder"].good
    os.chdir(tmp_path)


def test_painters_say_whether_they_are_ready_and_none_is_a_trouble(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("IEM_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    found = findings("painters")
    assert next(iter(found)) == "harmonic"
    assert len(found) == 14
    assert found["harmonic"].value.startswith("ready: ")
    assert found["lama"].value == "needs weights: iem models get big-lama"
    assert all(each.good for each in found.values())
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "needs weights: iem models get stable-diffusion-v1-5 controlnet-inpaint" in out
    assert f"{tmp_path / 'weights'} (none yet; see iem models list)" in out


def test_painters_of_half_an_installation(monkeypatch):
    monkeypatch.setitem(sys.modules, "iem.weights", None)
    found = findings("painters")
    assert found["mean"].value.startswith("ready")
    assert found["lama"].value.startswith("cannot tell: ")
    assert findings("places")["weights that were fetched"].value
