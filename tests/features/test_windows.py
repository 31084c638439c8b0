"""Means over windows against SciPy, and against plain slices at the frame."""

import numpy as np
import pytest
import torch
from references.pictures import noise
from scipy import ndimage

from iem.features import RGB, Lab, Mean


@pytest.mark.parametrize("radius", [1, 3])
def test_inside_it_is_the_uniform_filter(radius):
    image = noise(1, 2, 3, 15, 18)
    expected = ndimage.uniform_filter(image.numpy(), size=(1, 1, 2 * radius + 1, 2 * radius + 1))
    inside = (..., slice(radius, -radius), slice(radius, -radius))
    np.testing.assert_allclose(Mean(RGB(), radius)(image)[inside], expected[inside], atol=1e-12)


@pytest.mark.parametrize("radius", [2, 20])
def test_at_the_frame_only_what_lies_inside_counts(radius):
    image = noise(2, 1, 3, 9, 11)
    features, mean = Lab()(image)[0], Mean(Lab(), radius)(image)[0]
    for y, x in [(0, 0), (0, 5), (4, 10), (8, 10)]:
        window = features[:, max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
        torch.testing.assert_close(mean[:, y, x], window.mean((1, 2)))


def test_wrong_settings_are_named(unchecked):
    features = unchecked("iem.features")
    with pytest.raises(ValueError, match=r"^radius: expected a whole number of at least 1, got 0$"):
        features.Mean(features.RGB(), 0)
