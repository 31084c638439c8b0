"""A region alone: what lies around it neither shows nor counts. Opened masks, against SciPy."""

import numpy as np
import pytest
import torch
from references.pictures import hard_mask, noise, smooth
from scipy import ndimage

from iem.finders.views import alone, facing_inwards, opened


def box(top, bottom, left, right, h=24, w=24):
    mask = torch.zeros(1, 1, h, w)
    mask[..., top:bottom, left:right] = 1
    return mask


def test_what_lies_outside_has_no_influence():
    within = hard_mask(1, 1, 30, 37)
    one, other = smooth(2, 1, 3, 30, 37), noise(3, 1, 3, 30, 37)
    first, second = (alone(torch.where(within > 0, one, outside), within) for outside in (other, 1 - other))
    assert torch.equal(first, second)


def test_inside_stays_but_for_the_pixels_at_the_rim():
    within, image = box(5, 20, 4, 18), smooth(4, 1, 3, 24, 24, dtype=torch.float32)
    seen = alone(image, within)
    assert torch.equal(seen[..., 6:19, 5:17], image[..., 6:19, 5:17])
    assert not torch.equal(seen[..., 5, 5:17], image[..., 5, 5:17])


def test_no_edge_of_the_region_shows():
    """Not even one that is blurred over two pixels, as edges of photographs are."""
    within = box(6, 18, 5, 20)
    image = 0.2 + 0.6 * torch.from_numpy(ndimage.uniform_filter(within.numpy(), size=(1, 1, 3, 3))).expand(
        -1, 3, -1, -1
    )
    seen = alone(image, within)
    torch.testing.assert_close(seen, torch.full_like(seen, 0.8), atol=1e-4, rtol=0)


def test_a_thin_region_keeps_the_pixels_it_has():
    within, image = box(10, 12, 0, 24), noise(5, 1, 3, 24, 24, dtype=torch.float32)
    assert torch.equal(alone(image, within)[..., 10:12, :], image[..., 10:12, :])


def test_a_whole_picture_stays():
    image = noise(6, 1, 3, 24, 24)
    assert torch.equal(alone(image, torch.ones_like(image[:, :1])), image)


@pytest.mark.parametrize("radius", [0, 1, 3])
def test_opening_is_scipy_s_with_the_mask_going_on_beyond_the_frame(radius):
    mask = hard_mask(7, 1, 40, 46) * (noise(8, 1, 1, 40, 46) > 0.01)
    square = np.ones((2 * radius + 1, 2 * radius + 1))
    core = ndimage.binary_erosion(mask[0, 0], square, border_value=1)
    expected = ndimage.binary_dilation(core, square) & mask[0, 0].bool().numpy()
    assert expected.sum() > 0
    np.testing.assert_array_equal(opened(mask, radius)[0, 0].bool(), expected)


@pytest.mark.parametrize("side", [0, 1])
def test_what_lies_on_the_region_faces_inwards(side):
    within, part = box(4, 20, 4, 20), box(6, 18, 6, 18)  # the larger part of it
    cut = (part, within - part)[side]
    assert torch.equal(facing_inwards(cut, within), part)


def test_the_frame_is_part_of_the_rim():
    within, part = box(0, 24, 0, 24), box(3, 22, 3, 22)
    assert torch.equal(facing_inwards(within - part, within), part)


@pytest.mark.parametrize("side", [0, 1])
def test_of_two_that_hold_as_much_of_the_rim_it_is_the_smaller(side):
    within = box(4, 20, 4, 20)
    smaller = box(4, 20, 4, 12) - box(8, 16, 8, 12)
    cut = (smaller, within - smaller)[side]
    assert torch.equal(facing_inwards(cut, within), smaller)
