import time

import numpy as np
import pytest
import torch
from references.pictures import hard_mask, noise
from scipy import ndimage

from iem.refiners import Grow


def picture(mask: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(mask), 3, *mask.shape[2:]).to(mask)


def disc(radius: float) -> np.ndarray:
    reach = int(radius)
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return rows**2 + columns**2 <= radius**2


@pytest.mark.parametrize("radius", [0, 0.9, 1, 1.5, 2.3, 5, 30])
@pytest.mark.parametrize("iterations", [1, 3])
def test_a_disc_is_scipy_s_dilation(radius, iterations):
    mask = hard_mask(1, 1, 23, 40)
    mask[0, 0, 0, 39] = 1
    grown = Grow(radius, unit="pixels", iterations=iterations)(picture(mask), mask)
    expected = ndimage.binary_dilation(mask[0, 0].numpy(), disc(radius), iterations=iterations)
    assert (grown[0, 0].numpy() == expected).all()


@pytest.mark.parametrize("radius", [1, 2.3, 6])
def test_a_soft_mask_takes_the_largest_value_near(radius):
    mask = noise(1, 1, 1, 17, 22)
    grown = Grow(radius, unit="pixels")(picture(mask), mask)
    expected = ndimage.grey_dilation(mask[0, 0].numpy(), footprint=disc(radius), mode="constant", cval=0)
    assert (grown[0, 0].numpy() == expected).all()


@pytest.mark.parametrize("side", [1, 2, 3, 8, 20])
@pytest.mark.parametrize("iterations", [1, 2, 5])
def test_a_square_is_opencv_s(side, iterations):
    cv2 = pytest.importorskip("cv2")
    mask = hard_mask(4, 1, 61, 83, dtype=torch.float32)
    mask[0, 0, 30, 41] = 1
    grow = Grow((side - 1) / 2, unit="pixels", shape="square", iterations=iterations)
    for values in (mask, mask * noise(5, 1, 1, 61, 83, dtype=torch.float32)):
        expected = cv2.dilate(values[0, 0].numpy(), np.ones((side, side), np.float32), iterations=iterations)
        assert (grow(picture(values), values)[0, 0].numpy() == expected).all()


def test_one_pixel_and_the_published_loop_s_kernel():
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 128, 128] = 1
    rows = Grow(9.5, unit="pixels", shape="square", iterations=5)(picture(mask), mask)[0, 0].any(1).nonzero().flatten()
    assert (int(rows.min()), int(rows.max())) == (128 - 45, 128 + 50)


@pytest.mark.parametrize(("shape", "height", "expected"), [("disc", 100, 13), ("square", 100, 25), ("square", 64, 9)])
def test_a_share_of_the_short_side(shape, height, expected):
    """0.02 of 100 pixels is 2; 0.02 of 64 is 1.28, for a square 1."""
    mask = torch.zeros(1, 1, height, 150)
    mask[..., 40, 60] = 1
    assert Grow(0.02, shape=shape)(picture(mask), mask).sum() == expected


def test_the_default_on_a_photograph_of_512_pixels_takes_little_time():
    mask = hard_mask(1, 1, 512, 512, dtype=torch.float32)
    image = picture(mask)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        Grow()(image, mask)
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.1  # about 4 ms where nothing else runs


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"radius": -1.0}, "radius: expected a finite number from 0 to 1, got -1"),
        ({"radius": 15}, "radius: expected a finite number from 0 to 1, got 15"),
        ({"radius": 1.3, "unit": "pixels", "shape": "square"}, "radius: expected whole or half pixels for a square"),
        ({"unit": "cm"}, "unit: expected one of short_side, pixels, got 'cm'"),
        ({"shape": "star"}, "shape: expected one of disc, square, got 'star'"),
        ({"iterations": 0}, "iterations: expected a whole number of at least 1, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message, unchecked):
    with pytest.raises(ValueError, match="^" + message):
        unchecked("iem.refiners").Grow(**settings)
