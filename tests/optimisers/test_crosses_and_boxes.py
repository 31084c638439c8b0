"""Crosses against SciPy's morphology, windows against arithmetic."""

import numpy as np
import pytest
import torch
from references.painting_by_hand import cross, grow, shrink
from references.pictures import noise
from scipy import ndimage

from iem.optimisers.boxes import around, pieces, window
from iem.optimisers.crosses import closed, dilated, eroded, opened, scaled_cross


@pytest.mark.parametrize(("arm", "times"), [(1, 1), (1, 4), (2, 1), (7, 1), (2, 3)])
def test_crosses_are_those_of_scipy(arm, times):
    mask = noise(arm, 2, 1, 30, 34) > 0.97
    mask[1] = noise(times, 1, 30, 34) > 0.1
    for i in range(2):
        plain, side = mask[i, 0].numpy(), 2 * arm + 1
        np.testing.assert_array_equal(dilated(mask, arm, times)[i, 0].numpy(), grow(plain, side, times))
        np.testing.assert_array_equal(eroded(mask, arm, times)[i, 0].numpy(), shrink(plain, side, times))
        expected = ndimage.binary_dilation(shrink(plain, side, times), cross(side), iterations=times)
        np.testing.assert_array_equal(opened(mask, arm, times)[i, 0].numpy(), expected)
        expected = shrink(grow(plain, side, times), side, times)
        np.testing.assert_array_equal(closed(mask, arm, times)[i, 0].numpy(), expected)


@pytest.mark.parametrize("scale", [0.05, 0.25, 0.5, 1.0, 2.0, 3.7])
def test_reach_is_proportional_to_the_picture(scale):
    for arm, times in ((1, 4), (2, 4), (7, 1), (2, 1), (12, 4)):
        length, again = scaled_cross(arm, times, scale)
        assert abs(length * again - arm * times * scale) <= max(0.5, length / 2)
    assert scaled_cross(7, 1, 1.0) == (7, 1)
    assert scaled_cross(1, 4, 1.0) == (1, 4)


def test_boxes_hold_their_masks_and_windows_stay_in_the_picture():
    mask = torch.zeros(3, 1, 8, 9, dtype=torch.bool)
    mask[0, 0, 2:5, 3:9] = mask[1, 0, 7, 0] = True
    assert around(mask).tolist() == [[2, 5, 3, 9], [7, 8, 0, 1], [0, 0, 0, 0]]
    assert window(around(mask)[0], 1.0, (8, 9)) == (slice(2, 5), slice(3, 9))
    assert window(around(mask)[0], 3.0, (8, 9)) == (slice(0, 8), slice(0, 9))
    for shift in (-99, 99):
        rows, columns = window(around(mask)[1], 1.0, (8, 9), shift)
        assert rows.stop - rows.start == columns.stop - columns.start == 1
        assert 0 <= rows.start < 8
    assert pieces(mask[0]).tolist() == [[3.0, 5.5]]
    assert pieces(mask[2]).shape == (0, 2)
