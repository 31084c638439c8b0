"""Holes have the area that was asked for, whatever their kind and the picture's size."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from iem.masks.holes import Placement, blob_hole, box_hole, object_hole, soften, thin_hole


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("make", [thin_hole, blob_hole])
@pytest.mark.parametrize("size", [(1, 1), (7, 40), (64, 48)])
@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 1.0])
def test_strokes_and_blobs_have_the_exact_area(make, size, share):
    hole = make(size, share, seeded())
    assert hole.shape == (1, 1, *size)
    assert set(hole.unique().tolist()) <= {0.0, 1.0}
    assert int(hole.sum()) == max(1, round(share * size[0] * size[1]))
    assert torch.equal(hole, make(size, share, seeded()))


@given(height=st.integers(1, 70), width=st.integers(1, 70), share=st.floats(0.01, 1), seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_boxes_are_right_to_half_a_side(height, width, share, seed):
    hole = box_hole((height, width), share, seeded(seed))[0, 0]
    rows, columns = hole.any(1).sum(), hole.any(0).sum()
    assert hole.sum() == rows * columns  # one box, wholly inside
    assert abs(int(hole.sum()) - max(1, round(share * height * width))) <= max(rows, columns) / 2 + 0.5


def test_strokes_are_thin_and_blobs_are_not():
    size = (128, 128)
    depth = {
        make: ndimage.distance_transform_edt(make(size, 0.15, seeded(1))[0, 0].numpy()).max()
        for make in (thin_hole, blob_hole, box_hole)
    }
    assert depth[thin_hole] < 5
    assert min(depth[blob_hole], depth[box_hole]) > 10


def test_other_seeds_give_other_holes():
    for make in (thin_hole, blob_hole, box_hole):
        assert not torch.equal(make((40, 40), 0.2, seeded(0)), make((40, 40), 0.2, seeded(1)))


def disc(size=60, radius=12, centre=(20, 30)):
    rows, columns = np.mgrid[:size, :size]
    inside = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2
    return torch.from_numpy(inside.astype(np.float32))[None, None]


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("size", [(64, 64), (40, 90)])
def test_objects_have_the_exact_area_and_lie_inside(share, size):
    hole, placement = object_hole(disc(), size, share, seeded(3))
    assert int(hole.sum()) == round(share * size[0] * size[1])
    assert placement.canvas == size
    # As long as it fits the shape is kept: the mask on the canvas and the hole are the same but for the last pixels.
    if share <= 0.2 and size == (64, 64):
        placed = placement(disc())[0, 0] > 0.5
        assert (placed ^ (hole[0, 0] > 0.5)).sum() < 0.05 * hole.sum()
        rows, columns = hole[0, 0].any(1).sum(), hole[0, 0].any(0).sum()
        assert abs(int(rows) - int(columns)) <= 2
        assert not hole[0, 0, [0, -1]].all()


def test_an_object_at_the_frame_of_its_picture_does_not_go_on_beyond_it():
    shape = torch.zeros(1, 1, 20, 20)
    shape[..., :6, 8:12] = 1
    hole, _ = object_hole(shape, (50, 50), 0.02, seeded(0))
    rows, columns = hole[0, 0].any(1).sum(), hole[0, 0].any(0).sum()
    assert rows == pytest.approx(1.5 * columns, abs=2)


@given(top=st.integers(-9, 9), left=st.integers(-9, 9))
@settings(max_examples=20, deadline=None)
def test_a_placement_shows_each_pixel_where_it_lies(top, left):
    picture = torch.arange(20.0).view(1, 1, 4, 5)
    canvas = Placement((8, 9), (4, 5), top, left)(picture)
    for row in range(8):
        for column in range(9):
            y, x = min(max(row - top, 0), 3), min(max(column - left, 0), 4)
            assert canvas[0, 0, row, column] == picture[0, 0, y, x]


def test_soft_edges():
    mask = disc()
    assert soften(mask, 0) is mask
    soft = soften(mask, 2.0)
    assert soft.sum().item() == pytest.approx(mask.sum().item(), rel=1e-2)
    assert (soft[mask == 0].max() > 0.3).item()
    assert (soft[..., 20, 30], soft[..., 50, 5]) == (1, 0)
    assert set(soft[(soft > 0) & (soft < 1)].tolist()) & {0.0, 1.0} == set()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: box_hole((8, 8), 0.0, seeded()), "share: expected a number above 0, got 0"),
        (lambda: thin_hole((8, 8), 1.5, seeded()), "share: expected a finite number from 0 to 1, got 1.5"),
        (lambda: blob_hole((0, 8), 0.5, seeded()), "height: expected a whole number of at least 1, got 0"),
        (lambda: object_hole(torch.zeros(1, 1, 4, 4), (8, 8), 0.5, seeded()), "shape: expected .* with an object"),
        (lambda: soften(torch.zeros(1, 1, 4, 4), -1.0), "sigma: expected"),
    ],
)
def test_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
