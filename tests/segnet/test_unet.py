import pytest
import torch
from torch.nn import functional

from iem.segnet import UNet


def network(width=4, levels=3):
    torch.manual_seed(0)
    return UNet(width, levels).eval()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 16), (33, 20)])
def test_any_size(size):
    assert network()(torch.rand(2, 3, *size)).shape == (2, 1, *size)


def test_batch_is_a_loop():
    image = torch.rand(3, 3, 13, 18, generator=torch.Generator().manual_seed(1))
    unet = network()
    apart = torch.cat([unet(image[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(unet(image), apart)


def test_padding_is_the_edge_repeated():
    unet = network(levels=1)  # one level pads nothing: the deeper network's outermost answer must not depend on it
    image = torch.rand(1, 3, 10, 10)
    assert torch.equal(unet(image), unet(functional.pad(image, (0, 0, 0, 0))))


def test_it_knows_where_pixels_are():
    flat = torch.full((1, 3, 64, 64), 0.5)
    values = network(levels=1)(flat)[0, 0]
    assert (values[8] - values[32]).abs().max() > 1e-3
    corners = values[[8, 8, -9, -9], [8, -9, 8, -9]]
    assert corners.unique().numel() > 1


def test_parameters_of_the_default():
    assert 450_000 < sum(p.numel() for p in UNet().parameters()) < 550_000


@pytest.mark.parametrize(("width", "levels"), [(0, 3), (4, 0), (4, 9), (2.5, 3)])
def test_refuses_impossible_shapes(width, levels):
    with pytest.raises(ValueError, match="expected a whole number"):
        UNet(width, levels)


def test_refuses_what_is_no_picture():
    with pytest.raises(ValueError, match="convert to RGB"):
        network()(torch.rand(1, 1, 8, 8))
