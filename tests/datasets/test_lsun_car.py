import pickle
import sys

import numpy as np
import pytest
import torch
from references import dataset_trees as trees

from iem.datasets import DatasetError, LsunCar
from iem.images import ImageError


@pytest.mark.parametrize("environment", ["car", "car_lmdb", "."])
def test_pictures_and_masks(tmp_path, environment):
    keys = trees.cars(tmp_path, environment=environment)
    dataset = LsunCar(tmp_path, protocol="fixed")
    assert dataset.names == tuple(keys)
    assert [sample.name for sample in dataset] == keys
    assert dataset[1].image.shape == (1, 3, 30, 40)
    assert torch.equal(dataset[1].truth[0, 0], torch.from_numpy(trees.disc(30, 40)).float() / 255)
    assert (dataset[1].image[0].permute(1, 2, 0) * 255 - torch.from_numpy(trees.colours(30, 40, 1))).abs().mean() < 60
    assert LsunCar(tmp_path)[0].image.shape == (1, 3, 128, 128)


def test_number_and_limit(tmp_path):
    keys = trees.cars(tmp_path, count=8)
    (tmp_path / "masks" / f"{keys[1]}.png").unlink()
    dataset = LsunCar(tmp_path, number=5)
    assert dataset.names == (keys[0], *keys[2:5])
    assert dataset.without_mask == (keys[1],)
    assert LsunCar(tmp_path, number=5, limit=2).names == (keys[0], keys[3])


def test_it_can_be_copied_and_read_by_threads(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    trees.cars(tmp_path)
    dataset = pickle.loads(pickle.dumps(LsunCar(tmp_path)))
    with ThreadPoolExecutor(4) as pool:
        assert [sample.name for sample in pool.map(dataset.__getitem__, range(4))] == list(dataset.names)


def test_problems(tmp_path):
    keys = trees.cars(tmp_path)
    (tmp_path / "masks" / f"{keys[0]}.png").write_bytes(b"")
    trees.save(tmp_path / "masks" / f"{keys[1]}.png", np.zeros((30, 40), np.uint8))
    trees.save(tmp_path / "masks" / f"{keys[2]}.png", trees.disc(30, 41))
    found = {each.name: each.reason for each in LsunCar(tmp_path, strict=False, protocol="fixed").problems}
    assert found[keys[0]].startswith(f"masks/{keys[0]}.png cannot be read: the file is empty")
    assert found[keys[1]] == "the mask is all background; nothing can be measured"
    with pytest.raises(DatasetError, match="go on with the 2 pictures that are fine"):
        LsunCar(tmp_path, protocol="fixed")
    with pytest.raises(ImageError, match="the mask is 41 x 30 pixels, its picture 40 x 30"):
        LsunCar(tmp_path, strict=False, protocol="fixed")[0]


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(DatasetError, match=r"expected an LMDB environment .*, found none; get it with iem data"):
        LsunCar(tmp_path)
    trees.cars(tmp_path, masks=False)
    with pytest.raises(DatasetError, match=r"expected masks/<key>.png in .*, found none; make them with: iem"):
        LsunCar(tmp_path)
    trees.save(tmp_path / "masks" / "other.png", trees.disc(30, 40))
    with pytest.raises(DatasetError, match="none of the first 10000 keys has a mask"):
        LsunCar(tmp_path)


def test_a_damaged_environment(tmp_path):
    trees.cars(tmp_path)
    (tmp_path / "car" / "data.mdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(DatasetError, match=r"expected an LMDB environment in .*, but it cannot be read"):
        LsunCar(tmp_path)


def test_without_lmdb(tmp_path, monkeypatch):
    trees.cars(tmp_path)
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'iem\[data\]'"):
        LsunCar(tmp_path)
