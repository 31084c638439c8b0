"""Each yaml of conf/dataset for the data sets of the literature, made from a tiny tree where iem data get puts it."""

import inspect
from pathlib import Path

import pytest
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf
from references import dataset_trees as trees

CONF = Path(__file__).resolve().parents[2] / "conf" / "dataset"
TREES = {
    "flowers": lambda root: trees.flowers(root / "flowers"),
    "cub": lambda root: trees.birds(root / "cub"),
    "lsun_car": lambda root: trees.cars(root / "lsun_car"),
    "ecssd": lambda root: trees.salient(root / "ecssd"),
    "duts_te": lambda root: trees.salient(root / "duts_te" / "DUTS-TE", "DUTS-TE-Image", "DUTS-TE-Mask"),
    "dut_omron": lambda root: trees.salient(root / "dut_omron", "DUT-OMRON-image", "pixelwiseGT-new-PNG"),
}


@pytest.mark.parametrize("name", TREES)
def test_the_yaml_makes_its_data_set(name, tmp_path, monkeypatch):
    TREES[name](tmp_path)
    monkeypatch.setenv("IEM_DATA", str(tmp_path))
    settings = OmegaConf.load(CONF / f"{name}.yaml")
    dataset = instantiate(settings, _convert_="all")
    assert len(dataset) in (2, 3, 4)
    assert dataset.protocol.name == settings.protocol
    assert dataset[0].truth.shape[2:] == dataset[0].image.shape[2:]
    own = instantiate(
        settings, protocol={"_target_": "iem.datasets.EvaluationProtocol", "name": "own", "size": 12}, _convert_="all"
    )
    assert own[0].image.shape == (1, 3, 12, 12)


@pytest.mark.parametrize("name", TREES)
def test_the_yaml_names_every_setting_with_its_default(name):
    settings = OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml"), resolve=False)
    parameters = inspect.signature(get_class(settings.pop("_target_"))).parameters
    assert settings.keys() == parameters.keys()
    for key, value in settings.items():
        if key not in ("root", "name"):
            assert value == parameters[key].default
