import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from references import dataset_trees as trees
from references.published_loader import flower_truth, resize_and_crop

from iem.datasets import DatasetError, Flowers
from iem.datasets.flowers import read_truth


def test_splits_are_swapped_as_in_redo(tmp_path):
    root = trees.flowers(tmp_path)
    assert Flowers(root).names == ("image_00005", "image_00002")
    assert Flowers(root, split="val").names == ("image_00001",)
    assert Flowers(root, split="train").names == ("image_00003", "image_00006", "image_00004")
    assert Flowers(root, split="all").names == tuple(f"image_{number:05}" for number in range(1, 7))
    assert Flowers(root, split="train", limit=2).names == ("image_00003", "image_00006")


def check_against_published(dataset, root, size):
    for sample in dataset:
        number = sample.name[-5:]
        picture = resize_and_crop(Image.open(root / "jpg" / f"image_{number}.jpg"), size)
        assert torch.equal(sample.image[0].permute(1, 2, 0) * 255, torch.from_numpy(np.array(picture)).float())
        segmented = np.array(Image.open(root / "segmim" / f"segmim_{number}.jpg"))
        assert np.array_equal(sample.truth[0, 0].numpy(), flower_truth(segmented, size))


def test_paper_is_the_published_loader_bit_for_bit(tmp_path):
    root = trees.flowers(tmp_path)
    dataset = Flowers(root, split="all", size=16)
    assert 0 < dataset[0].truth.mean() < 1
    check_against_published(dataset, root, 16)
    assert Flowers(root)[0].image.shape == (1, 3, 128, 128)


@pytest.mark.skipif("IEM_FLOWERS102" not in os.environ, reason="IEM_FLOWERS102 names no folder with official files")
def test_official_files():
    root = Path(os.environ["IEM_FLOWERS102"])
    dataset = Flowers(root, split="all", limit=20)
    check_against_published(dataset, root, 128)


@pytest.mark.parametrize(
    ("colour", "truth"),
    [((0, 9, 9), 0), ((9, 0, 9), 0), ((9, 9, 254), 0), ((9, 9, 255), 1), ((9, 9, 253), 1), ((1, 1, 0), 1)],
)
def test_the_rule_of_the_truth(tmp_path, colour, truth):
    Image.new("RGB", (3, 2), colour).save(tmp_path / "a.png")
    mask = read_truth(tmp_path / "a.png")
    assert mask.shape == (1, 1, 2, 3)
    assert mask.unique().tolist() == [truth]


def test_fixed_gives_whole_pictures(tmp_path):
    sample = Flowers(trees.flowers(tmp_path), protocol="fixed")[0]
    assert sample.image.shape[2:] == sample.truth.shape[2:] == (30, 40)


def test_without_setid_only_all(tmp_path):
    root = trees.flowers(tmp_path, splits=False)
    assert len(Flowers(root, split="all")) == 6
    with pytest.raises(DatasetError, match=r"setid\.mat with the numbers of the split 'test', found no such"):
        Flowers(root)
    (root / "setid.mat").write_bytes(b"MATLAB 5.0 and no more")
    with pytest.raises(DatasetError, match="the file is damaged"):
        Flowers(root)


def test_problems_are_listed_up_front(tmp_path):
    root = trees.flowers(tmp_path)
    (root / "jpg" / "image_00001.jpg").unlink()
    (root / "jpg" / "image_00002.jpg").unlink()
    (root / "segmim" / "segmim_00003.jpg").unlink()
    trees.save(root / "segmim" / "segmim_00004.jpg", trees.colours(30, 41))
    whole = (root / "segmim" / "segmim_00006.jpg").read_bytes()
    (root / "segmim" / "segmim_00006.jpg").write_bytes(whole[: len(whole) // 2])
    found = {each.name: each.reason for each in Flowers(root, split="all", strict=False).problems}
    assert found.pop("image_00003") == "no mask; expected segmim/segmim_00003.jpg"
    assert found.pop("image_00004").startswith("jpg/image_00004.jpg is 40 x 30 pixels, its mask 41 x 30")
    assert found.pop("image_00006").startswith("segmim/segmim_00006.jpg cannot be read: the file is truncated")
    assert found == {}
    with pytest.raises(DatasetError, match=r"1 problem in .*\n  image_00002: no picture; expected jpg/image_00002.jpg"):
        Flowers(root)
    assert "image_00006" in Flowers(root, split="train", strict=False, verify=False).names


def test_empty_masks_count_as_published_but_are_a_problem_elsewhere(tmp_path):
    root = trees.flowers(tmp_path)
    blue = np.broadcast_to(np.array([0, 0, 254], np.uint8), (30, 40, 3))
    trees.save(root / "segmim" / "segmim_00005.jpg", np.ascontiguousarray(blue))
    dataset = Flowers(root)
    assert len(dataset) == 2
    assert dataset[0].truth.sum() == 0
    with pytest.raises(DatasetError, match="image_00005: the mask is all background; nothing can be measured"):
        Flowers(root, protocol="fixed")


def test_other_layouts_and_settings_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="found no folder jpg; get the data set with: iem data get flowers"):
        Flowers(tmp_path)
    trees.flowers(tmp_path / "flowers-102")
    assert len(Flowers(tmp_path)) == 2
    for settings in ({"split": "trnid"}, {"limit": 0}, {"size": -1}, {"protocol": "strict"}):
        with pytest.raises(ValueError, match="expected"):
            Flowers(tmp_path, **settings)


def test_it_can_be_sent_to_another_process(tmp_path):
    dataset = Flowers(trees.flowers(tmp_path))
    assert torch.equal(pickle.loads(pickle.dumps(dataset))[1].image, dataset[1].image)
