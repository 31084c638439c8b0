"""Colours against scikit-image and by hand."""

import numpy as np
import pytest
import torch
from references.pictures import noise
from skimage.color import rgb2lab

from iem.features import RGB, Lab


def test_lab_equals_scikit_image():
    image = noise(1, 2, 3, 16, 16)
    expected = np.stack([rgb2lab(picture.movedim(0, -1).numpy()) for picture in image])
    lab = Lab()(image).movedim(1, -1).numpy()
    np.testing.assert_allclose(lab, (expected - [50, 0, 0]) / 50, atol=2e-3)


@pytest.mark.parametrize(("grey", "lightness"), [(0.0, -1.0), (1.0, 1.0)])
def test_lab_of_black_and_white(grey, lightness):
    lab = Lab()(torch.full((1, 3, 1, 1), grey)).flatten()
    torch.testing.assert_close(lab, torch.tensor([lightness, 0.0, 0.0]), rtol=0, atol=2e-3)


def test_lightness_scales_the_first_channel_only():
    image = noise(1, 1, 3, 4, 4)
    full, half = Lab()(image), Lab(lightness=0.5)(image)
    torch.testing.assert_close(half, full * torch.tensor([0.5, 1, 1]).view(1, 3, 1, 1))
    assert (Lab(lightness=0)(image)[:, 0] == 0).all()


def test_rgb_is_an_affine_map():
    image = noise(1, 1, 3, 4, 4)
    assert (RGB()(image) == image).all()
    torch.testing.assert_close(RGB(-1.0, 1.0)(image), image * 2 - 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda colour: colour.RGB(1.0, 0.0), "high: expected a finite number of at least 1, got 0.0"),
        (lambda colour: colour.Lab(-1.0), "lightness: expected a finite number of at least 0, got -1.0"),
        (lambda colour: colour.RGB(float("nan")), "low: expected a finite number, got nan"),
    ],
)
def test_wrong_settings_are_named(make, message, unchecked):
    with pytest.raises(ValueError, match=f"^{message}$"):
        make(unchecked("iem.features"))
