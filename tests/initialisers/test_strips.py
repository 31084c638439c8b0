"""Upright strips."""

import pytest
import torch

from iem.initialisers import Strips


@pytest.mark.parametrize(("count", "width"), [(2, 8), (3, 8), (4, 17), (5, 5)])
def test_strips_stand_in_order_and_are_about_as_wide(count, width):
    strips = Strips(count)(torch.zeros(2, 3, 4, width))
    assert strips.shape == (2, count, 4, width)
    assert (strips.sum(1) == 1).all()
    label = strips.argmax(1)[0, 0]
    assert (label.diff() >= 0).all()
    widths = torch.bincount(label, minlength=count)
    assert widths.max() - widths.min() <= 1


def test_each_picture_has_strips_of_its_own():
    strips = Strips(2)(torch.zeros(2, 3, 4, 4))
    strips[0] = 0
    assert (strips[1].sum(0) == 1).all()


def test_one_strip_is_no_partition(unchecked):
    with pytest.raises(ValueError, match=r"^count: expected a whole number of at least 2, got 1"):
        unchecked("iem.initialisers").Strips(1)


def test_more_strips_than_columns_are_refused(unchecked):
    with pytest.raises(ValueError, match=r"^image: expected at least 3 columns for 3 strips, got 2$"):
        unchecked("iem.initialisers").Strips(3)(torch.zeros(1, 3, 8, 2))
