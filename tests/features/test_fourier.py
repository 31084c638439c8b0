"""Distances of random Fourier features against the kernel that they stand for."""

import pytest
import torch
from references.pictures import noise

from iem.features import RGB, Fourier, Lab, Stack, Texture
from iem.interfaces import Features


def test_distances_are_those_of_the_kernel():
    image = noise(1, 1, 3, 1, 60)
    mapped = Fourier(RGB(), width=0.4, frequencies=4096)(image)[0, :, 0].T
    plain = image[0, :, 0].T
    expected = 2 - 2 * torch.exp(-torch.cdist(plain, plain).square() / (2 * 0.4**2))
    torch.testing.assert_close(torch.cdist(mapped, mapped).square(), expected, rtol=0, atol=0.08)
    torch.testing.assert_close(mapped.square().sum(1), torch.ones(60).double())


def test_a_fixed_map_whatever_the_picture():
    first, second = noise(1, 1, 3, 4, 5).float(), noise(2, 1, 3, 4, 5).float()
    features = Fourier(Stack([Lab(), Texture(1)]), frequencies=10)
    assert isinstance(features, Features)
    assert features(first).shape == (1, 20, 4, 5)
    torch.testing.assert_close(features(torch.cat([first, second]))[1:], features(second))
    pixel = Fourier(Lab())
    torch.testing.assert_close(pixel(first)[..., 2:3, 3:4], pixel(first[..., 2:3, 3:4]))
    assert not torch.equal(Fourier(Lab(), seed=1)(first), pixel(first))


@pytest.mark.parametrize("wrong", [{"width": 0}, {"frequencies": 0}, {"seed": -1}])
def test_refusals(unchecked, wrong):
    plain = unchecked("iem.features")
    with pytest.raises(ValueError, match=rf"^{next(iter(wrong))}: expected"):
        plain.Fourier(plain.RGB(), **wrong)
