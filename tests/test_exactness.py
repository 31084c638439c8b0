"""Pixel for pixel the published rule: the preset ``paper`` against a slow transcription after 150 steps."""

import pytest
import torch
from references import published_rule
from references.pictures import noise, smooth

from iem import maximise, presets


def ours(image):
    paper = presets.paper()
    return maximise(paper.objective, paper.optimiser, image, paper.initialiser(image), max_steps=paper.max_steps).mask


def published(image):
    """The paper's weight belongs to a sum over 128 x 128 pixels."""
    return published_rule.segment(image, weight=0.001 * 128**2 / image[0, 0].numel())


def differing(image):
    """Share of each picture's pixels that differ."""
    return (ours(image) != published(image)).double().flatten(1).mean(1)


@pytest.mark.parametrize(
    "image",
    [noise(1, 2, 3, 40, 56), smooth(2, 3, 3, 40, 56, scale=5), smooth(3, 2, 3, 57, 41, scale=12)],
    ids=["noise", "small blobs", "large blobs"],
)
def test_small_random_pictures_in_float64(image):
    assert (differing(image) == 0).all()


def test_small_random_pictures_in_float32():
    image = torch.cat([noise(1, 1, 3, 40, 56), smooth(2, 2, 3, 40, 56, scale=8)]).float()
    assert (differing(image) <= 0.001).all()


def test_masks_differ_between_pictures():
    """Or equality would prove little."""
    masks = ours(smooth(2, 3, 3, 40, 56, scale=5))
    assert ((masks[0] != masks[1]).double().mean(), (masks[0] != masks[2]).double().mean()) > (0.1, 0.1)


def fifty():
    """128 x 128: noise and blobs of all sizes."""
    scales = (2, 4, 8, 16, 32)
    blobs = [smooth(10 * i, 8, 3, 128, 128, scale=scale) for i, scale in enumerate(scales)]
    return torch.cat([noise(99, 10, 3, 128, 128), *blobs])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_random_pictures_in_float64():
    assert [float(differing(image)) for image in fifty().split(1)] == [0.0] * 50


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_random_pictures_in_float32():
    assert max(float(differing(image)) for image in fifty().float().split(1)) <= 0.001


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_every_pixel_of_every_real_photograph(dtype):
    from iem.datasets.samples import Samples

    samples = Samples(size=128)
    different = {}
    for index in range(len(samples)):
        sample = samples[index]
        different[sample.name] = int((differing(sample.image.to(dtype)) * 128 * 128).round())
    assert different == dict.fromkeys(different, 0)
    assert len(different) >= 9
