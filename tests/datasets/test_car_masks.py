import json

import pytest
import torch
from references import dataset_trees as trees

from iem.datasets import DatasetError, LsunCar
from iem.datasets.car_masks import CarRule, make_masks
from iem.datasets.detectors import Instance


def instance(label="car", score=0.9, rows=20):
    mask = torch.zeros(1, 1, 30, 40)
    mask[..., :rows, :] = 1
    return Instance(label, score, mask)


def area(mask):
    return None if mask is None else int(mask.sum()) // 40


def test_the_largest_car_wins():
    assert area(CarRule()([instance(rows=10, score=0.99), instance(rows=20), instance("bus", rows=30)])) == 20
    tie = instance(rows=20, score=0.95)
    assert CarRule()([instance(rows=20), tie]) is tie.mask
    assert area(CarRule(labels=("car", "bus"))([instance(), instance("bus", rows=25)])) == 25


def test_what_is_no_car():
    assert CarRule()([]) is None
    assert CarRule()([instance("dog")]) is None
    assert CarRule(min_score=0.95)([instance()]) is None
    assert CarRule(min_area=0.7)([instance()]) is None
    assert CarRule(min_area=0)([instance(rows=0)]) is None
    for settings in ({"min_score": 2}, {"min_area": float("nan")}, {"labels": ()}):
        with pytest.raises(ValueError, match="expected"):
            CarRule(**settings)


class Segmenter:
    """Finds a car in every second picture, and counts how often it is asked."""

    def __init__(self):
        self.asked = 0

    def __call__(self, image):
        assert image.shape == (1, 3, 30, 40)
        self.asked += 1
        return [instance()] if self.asked % 2 else [instance("person")]


def make(root, segmenter, **settings):
    return {each.key: each.outcome for each in make_masks(root, segmenter, described="ours", **settings)}


def test_masks_are_made_once(tmp_path):
    keys = trees.cars(tmp_path, masks=False)
    segmenter = Segmenter()
    made = make(tmp_path, segmenter, number=3)
    assert made == dict(zip(keys, ["written", "without car", "written"], strict=False))
    assert set(make(tmp_path, segmenter, number=3).values()) == {"there already"}
    assert segmenter.asked == 3
    assert make(tmp_path, segmenter)[keys[3]] == "without car"
    assert (tmp_path / "masks" / "without_car.txt").read_text().split() == [keys[1], keys[3]]
    dataset = LsunCar(tmp_path)
    assert dataset.names == (keys[0], keys[2])
    assert dataset.without_mask == (keys[1], keys[3])
    assert LsunCar(tmp_path, protocol="fixed")[0].truth.mean() == pytest.approx(20 / 30)


def test_stopped_in_the_middle_it_goes_on(tmp_path):
    keys = trees.cars(tmp_path, masks=False)
    making = make_masks(tmp_path, Segmenter(), described="ours")
    next(making)
    making.close()
    with (tmp_path / "masks" / "without_car.txt").open("w") as file:
        file.write(keys[1][:7])  # a kill in the middle of a line
    segmenter = Segmenter()
    assert make(tmp_path, segmenter) == dict(
        zip(keys, ["there already", *["written", "without car"] * 2], strict=False)
    )


def test_masks_of_two_segmenters_are_not_mixed(tmp_path):
    trees.cars(tmp_path, masks=False)
    make(tmp_path, Segmenter())
    assert json.loads((tmp_path / "masks" / "made_by.json").read_text())["detector"] == "ours"
    with pytest.raises(DatasetError, match="write to another folder with --masks"):
        make(tmp_path, Segmenter(), rule=CarRule(min_score=0.8))
    make(tmp_path, Segmenter(), rule=CarRule(min_score=0.8), folder=tmp_path / "others")
    trees.cars(tmp_path / "b")
    with pytest.raises(DatasetError, match="expected no masks of unknown origin"):
        make(tmp_path / "b", Segmenter())


def test_a_picture_that_cannot_be_read_is_named(tmp_path):
    import lmdb

    (key,) = trees.cars(tmp_path, count=1, masks=False)
    with lmdb.open(str(tmp_path / "car")) as opened, opened.begin(write=True) as transaction:
        transaction.put(key.encode(), b"no picture")
    (made,) = make_masks(tmp_path, Segmenter(), described="ours")
    assert made.outcome == "failed"
    assert "not a picture" in made.error
