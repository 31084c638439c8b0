"""The paper's square, at its size and at others."""

import pytest
import torch
from references import published_rule

from iem.initialisers import Square


def test_rows_and_columns_25_to_102_of_128():
    mask = Square()(torch.zeros(1, 3, 128, 128))[0, 0]
    expected = torch.zeros(128, 128)
    expected[25:103, 25:103] = 1
    assert (mask == expected).all()


@pytest.mark.parametrize("size", [(128, 128), (97, 128), (40, 56), (5, 5), (6, 31)])
def test_is_the_published_start(size):
    image = torch.zeros(2, 3, *size)
    assert (Square()(image) == published_rule.start(image)).all()


@pytest.mark.parametrize("inset", [3, 4, 8])
def test_inset(inset):
    rows = Square(inset)(torch.zeros(1, 3, 24, 48))[0, 0].nonzero()
    assert rows.amin(0).tolist() == [24 // inset, 48 // inset]
    assert rows.amax(0).tolist() == [23 - 24 // inset, 47 - 48 // inset]


@pytest.mark.parametrize("inset", [0, 2, 2.5])
def test_an_inset_that_leaves_nothing_is_refused(inset, unchecked):
    with pytest.raises(ValueError, match=f"^inset: expected a whole number of at least 3, got {inset}"):
        unchecked("iem.initialisers").Square(inset)


@pytest.mark.parametrize(("size", "area"), [((3, 3), 1), ((4, 3), 2), ((4, 9), 14), ((1, 9), 7)])
def test_tiny_pictures_keep_a_background(size, area):
    assert Square()(torch.zeros(1, 3, *size)).sum() == area
