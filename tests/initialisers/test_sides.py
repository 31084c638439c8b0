"""Which side of a cut is the object."""

import torch

from iem.initialisers import Square
from iem.initialisers.sides import object_side


def image(height, width):
    return torch.zeros(1, 3, height, width, dtype=torch.float64)


def test_the_side_with_less_of_the_frame_whichever_way_it_is_given():
    inner = torch.zeros(9, 12, dtype=torch.bool)
    inner[2:9, 4:7] = True  # it touches the frame with 3 pixels
    for side in (inner, ~inner):
        mask = object_side(image(9, 12), side)
        assert mask.shape == (1, 1, 9, 12)
        assert mask.dtype == torch.float64
        assert (mask[0, 0] == inner).all()


def test_frame_counts_not_area():
    large = torch.zeros(9, 9, dtype=torch.bool)
    large[1:-1, 1:-1] = True  # 49 of 81 pixels, none of them on the frame
    assert (object_side(image(9, 9), ~large)[0, 0] == large).all()


def test_the_smaller_side_if_both_hold_half_of_the_frame():
    left = torch.zeros(6, 6, dtype=torch.bool)
    left[:, :3] = True
    left[2, 3] = True
    for side in (left, ~left):
        assert (object_side(image(6, 6), side)[0, 0] == ~left).all()


def test_the_square_if_there_is_but_one_side():
    for side in (torch.zeros(10, 15, dtype=torch.bool), torch.ones(10, 15, dtype=torch.bool)):
        assert (object_side(image(10, 15), side) == Square()(image(10, 15))).all()
