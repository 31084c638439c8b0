import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from references import dataset_trees as trees

from iem.datasets import CUB, DatasetError, EvaluationProtocol

OWN_SIZE = EvaluationProtocol("own size", keeps_empty=True, stored_values=True)


def test_splits_are_those_of_redo(tmp_path):
    root = trees.birds(tmp_path)
    assert CUB(root).names == ("001.Albatross__A_02", "002.Auklet__B_01")
    assert CUB(root, split="train").names == ("001.Albatross__A_01",)
    assert len(CUB(root, split="all")) == 3
    assert CUB(tmp_path).names == CUB(root).names
    with pytest.raises(DatasetError, match="no usable pair"):
        CUB(root, split="val")


def test_the_truth_is_the_first_channel_above_one_half(tmp_path):
    root = trees.birds(tmp_path)
    first, second, third = CUB(root, split="all", protocol=OWN_SIZE)
    inside = torch.zeros(30, 40)
    inside[10:20, 10:30] = 1
    assert first.truth.sum() == 0  # 127 / 255 is below one half
    assert torch.equal(second.truth[0, 0], inside)
    assert torch.equal(third.truth[0, 0], inside)  # its second channel is the complement


def test_grey_pictures_get_three_channels(tmp_path):
    root = trees.birds(tmp_path)
    grey = np.array(Image.open(root / "images/001.Albatross/A_02.jpg"))
    assert grey.ndim == 2
    image = CUB(root, protocol=OWN_SIZE)[0].image
    assert torch.equal(image[0] * 255, torch.from_numpy(grey).float().expand(3, -1, -1))


def test_segmentations_may_lie_beside(tmp_path):
    assert len(CUB(trees.birds(tmp_path, segmentations="segmentations"))) == 2


def test_what_is_missing_is_said(tmp_path):
    root = trees.birds(tmp_path, split=False)
    assert len(CUB(root, split="all")) == 3
    with pytest.raises(DatasetError, match=r"train_val_test_split.txt with the split 'test' of ReDO .*, found no such"):
        CUB(root)
    (root / "train_val_test_split.txt").write_text("1 0\n2 2\n")
    with pytest.raises(DatasetError, match=r"expected 0, 1 or 2 for every id .*, got None for the id 3"):
        CUB(root)
    (root / "train_val_test_split.txt").write_text("1 0\n2 2 2\n")
    with pytest.raises(DatasetError, match="on line 2 of"):
        CUB(root)
    (root / "images.txt").unlink()
    with pytest.raises(DatasetError, match=r"found no images\.txt; get the data set with: iem data get cub"):
        CUB(root)


def test_problems_are_listed_up_front(tmp_path):
    root = trees.birds(tmp_path)
    (root / "segmentations/001.Albatross/A_02.png").unlink()
    (root / "images/002.Auklet/B_01.jpg").unlink()
    with pytest.raises(DatasetError) as caught:
        CUB(root)
    assert str(caught.value).splitlines()[1:] == [
        "  001.Albatross__A_02: no mask; expected segmentations/001.Albatross/A_02.png",
        "  002.Auklet__B_01: no picture; expected images/002.Auklet/B_01.jpg",
    ]


def test_no_segmentations(tmp_path):
    root = trees.birds(tmp_path)
    shutil.rmtree(root / "segmentations")
    with pytest.raises(DatasetError, match=r"expected the folder segmentations in .* or beside it, found none"):
        CUB(root)
