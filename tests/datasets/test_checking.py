import pytest
from references import dataset_trees as trees

from iem.datasets import DatasetError
from iem.datasets.checking import check, count_pictures


def test_flowers(tmp_path):
    root = trees.flowers(tmp_path)
    report = check("flowers", root)
    assert (report.usable, report.expected, report.whole) == (6, 8189, False)
    assert dict(report.splits) == {"train": 3, "val": 1, "test": 2}
    assert report.problems == ()
    (root / "setid.mat").unlink()
    assert "only split=all can be used" in check("flowers", root).notes[0]
    assert count_pictures("flowers", root) == 6


def test_birds(tmp_path):
    root = trees.birds(tmp_path)
    report = check("cub", tmp_path)
    assert (report.usable, dict(report.splits)) == (3, {"train": 1, "val": 0, "test": 2})
    assert report.notes == (
        "1 mask all background or all foreground, such as 001.Albatross__A_01: kept by protocol=paper, a problem for "
        "the others",
    )
    (root / "train_val_test_split.txt").unlink()
    assert "no train_val_test_split.txt" in check("cub", root, quick=True).notes[0]
    assert count_pictures("cub", root) == 3


def test_a_whole_folder_and_one_that_is_not(tmp_path):
    trees.salient(tmp_path, masks="masks")
    assert check("image_mask_folder", tmp_path).whole
    picture = tmp_path / "images" / "0001.jpg"
    picture.write_bytes(picture.read_bytes()[:-100])
    assert check("image_mask_folder", tmp_path, quick=True).whole
    report = check("image_mask_folder", tmp_path)
    assert not report.whole
    assert [(each.name, each.reason[:37]) for each in report.problems] == [
        ("0001", "0001.jpg: the file is truncated; copy")
    ]


def test_saliency_counts(tmp_path):
    trees.salient(tmp_path)
    shown = []
    report = check("ecssd", tmp_path, on_picture=lambda done, total: shown.append((done, total)))
    assert (report.usable, report.expected) == (3, 1000)
    assert shown == [(1, 3), (2, 3), (3, 3)]
    assert report.as_dict()["whole"] is False


def test_cars(tmp_path):
    keys = trees.cars(tmp_path)
    (tmp_path / "masks" / f"{keys[0]}.png").unlink()
    report = check("lsun_car", tmp_path)
    assert report.whole
    assert report.notes == ("1 of the first 4 pictures have no mask",)
    assert count_pictures("lsun_car", tmp_path) == 4


def test_nothing_there(tmp_path):
    for name in ("flowers", "cub", "lsun_car", "ecssd"):
        assert count_pictures(name, tmp_path) is None
        with pytest.raises(DatasetError, match=f"get.* iem data get {name}"):
            check(name, tmp_path)
    with pytest.raises(ValueError, match="expected one of flowers"):
        check("voc", tmp_path)
