"""Local contrast against a plain window."""

import pytest
import torch
from references.pictures import noise

from iem.features import Lab, Texture


@pytest.mark.parametrize("radius", [1, 3])
def test_it_is_the_standard_deviation_inside_the_window(radius):
    image = noise(1, 1, 3, 9, 11)
    lightness, texture = Lab()(image)[0, 0], Texture(radius)(image)[0, 0]
    for y, x in [(0, 0), (4, 5), (8, 10), (0, 7)]:
        window = lightness[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
        torch.testing.assert_close(texture[y, x], window.std(correction=0))


def test_hue_without_lightness_is_smooth():
    assert Texture()(torch.full((1, 3, 8, 8), 0.3)).max() < 1e-3


def test_wrong_settings_are_named(unchecked):
    with pytest.raises(ValueError, match=r"^radius: expected a whole number of at least 1, got 0$"):
        unchecked("iem.features").Texture(0)
