"""Chance that depends on the picture and the seed alone."""

import pytest
import torch
from references.pictures import noise
from scipy import ndimage

from iem.initialisers import RandomSquares


def test_squares_lie_inside_and_have_the_side_asked_for():
    masks = RandomSquares(number=1, side=0.2)(noise(1, 40, 3, 20, 31))
    for mask in masks[:, 0].numpy():
        (rows, columns), *others = ndimage.find_objects(mask.astype(int))
        assert (rows.stop - rows.start, columns.stop - columns.start) == (4, 4)
        assert mask.sum() == 16
        assert not others


def test_every_place_is_as_likely():
    share = RandomSquares(number=1, side=0.5)(noise(2, 600, 3, 4, 8)).mean(0)[0]
    # A square of 2 x 2 in 4 x 8 has 3 x 7 places; the corner lies in one of them, the middle in 4.
    assert share[0, 0].item() == pytest.approx(1 / 21, abs=0.03)
    assert share[-1, -1].item() == pytest.approx(1 / 21, abs=0.03)
    assert share[1, 3].item() == pytest.approx(4 / 21, abs=0.06)


def test_number_of_squares():
    few, many = (RandomSquares(number=n, side=0.05)(noise(3, 5, 3, 80, 80)) for n in (1, 6))
    assert (few.flatten(1).sum(1) == 16).all()
    assert (many.flatten(1).sum(1) > 4 * 16).all()
    assert (many.flatten(1).sum(1) <= 6 * 16).all()


def test_a_picture_gets_the_same_squares_whatever_comes_with_it():
    images = noise(4, 6, 3, 30, 30)
    together = RandomSquares()(images)
    torch.manual_seed(123)
    for i in (5, 0, 3):
        assert (RandomSquares()(images[i : i + 1]) == together[i : i + 1]).all()
    assert (RandomSquares()(images.float().double()) == RandomSquares()(images.float())).all()


def test_other_pictures_and_other_seeds_get_other_squares():
    images = noise(5, 4, 3, 30, 30)
    masks = [*RandomSquares()(images), *RandomSquares(seed=1)(images)]
    for i in range(len(masks)):
        assert not any((masks[i] == other).all() for other in masks[:i])


def test_the_background_is_never_used_up():
    masks = RandomSquares(number=200, side=0.5)(noise(6, 10, 3, 6, 6))
    assert (masks.flatten(1).amin(1) == 0).all()


@pytest.mark.parametrize(("setting", "value"), [("number", 0), ("side", 0.0), ("side", 1.0), ("seed", -1)])
def test_ranges(setting, value, unchecked):
    with pytest.raises(ValueError, match=f"^{setting}: expected"):
        unchecked("iem.initialisers").RandomSquares(**{setting: value})
