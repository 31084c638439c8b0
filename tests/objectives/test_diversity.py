"""Against a plain transcription and the published rule."""

import pytest
import torch
from references import blurring, published_rule
from references.derivatives import relative_error
from references.pictures import hard_mask, noise, soft_mask

from iem.features import RGB, Lab
from iem.objectives import Diversity


@pytest.mark.parametrize("mask", [hard_mask(3, 2, 37, 41), soft_mask(4, 2, 1, 37, 41)], ids=["hard", "soft"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_is_minus_the_published_sum_per_pixel(mask, dtype, tolerance):
    image, mask = noise(1, 2, 3, 37, 41, dtype=dtype), mask.to(dtype)
    score, gradient = Diversity(RGB(-1.0, 1.0)).value_and_gradient(image, mask)
    free = mask.clone().requires_grad_()
    value = published_rule.diversity(image * 2 - 1, free) / (37 * 41)
    (slope,) = torch.autograd.grad(value.sum(), free)
    torch.testing.assert_close(score, -value.detach(), rtol=tolerance, atol=0)
    assert relative_error(gradient, -slope) < tolerance


@pytest.mark.parametrize("regions", [2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_k_regions_of_any_features(regions, channels):
    image, mask, feature_map = noise(1, 2, 3, 9, 14), soft_mask(2, 2, regions, 9, 14), noise(3, 2, channels, 9, 14)
    score = Diversity(lambda image: feature_map)(image, mask)
    torch.testing.assert_close(score, blurring.diversity(feature_map, mask), rtol=1e-10, atol=0)


def test_by_hand():
    image = torch.tensor([0.0, 0.0, 1.0, 0.5]).view(1, 1, 1, 4).expand(1, 3, 1, 4)
    mask = torch.tensor([0.0, 0.0, 1.0, 1.0]).view(1, 1, 1, 4)
    # Two pixels, each 0.25 from the mean 0.75, in three channels, over four pixels.
    assert Diversity()(image, mask).item() == pytest.approx(-2 * 3 * 0.25**2 / 4)


def test_features_are_looked_at():
    image, mask = noise(1, 1, 3, 9, 14), soft_mask(2, 1, 1, 9, 14)
    expected = blurring.diversity(Lab()(image), torch.cat([mask, 1 - mask], dim=1))
    torch.testing.assert_close(Diversity(Lab())(image, mask), expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_empty_or_full_mask_leaves_the_spread_of_the_whole_picture(value):
    image = noise(1, 1, 3, 9, 14)
    score = Diversity()(image, torch.full((1, 1, 9, 14), value).double())
    torch.testing.assert_close(score, -image.var((2, 3), unbiased=False).sum(1))
