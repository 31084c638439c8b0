"""What every inpainter promises. Add a new one to the list."""

import pytest
import torch
from references.pictures import hard_mask, noise, soft_mask

from iem.inpainters import GaussianInpainter, Harmonic
from iem.interfaces import Inpainter

INPAINTERS = [
    Harmonic(),
    GaussianInpainter(),
    GaussianInpainter(far_field="zero"),
    GaussianInpainter(sigma=2.5, kernel_size=7, scale_factor=2),
]
SIZES = [(1, 1), (1, 7), (9, 1), (2, 2), (17, 23), (40, 31)]

every_inpainter = pytest.mark.parametrize("inpainter", INPAINTERS, ids=str)
every_size = pytest.mark.parametrize("size", SIZES)


def random_hole(seed, *shape):
    return (noise(seed, *shape) > 0.5).float()


@every_inpainter
def test_says_whether_gradients_flow(inpainter):
    assert isinstance(inpainter, Inpainter)
    assert isinstance(inpainter.differentiable, bool)
    hole = soft_mask(1, 1, 1, 8, 8, dtype=torch.float32).requires_grad_()
    assert inpainter(noise(2, 1, 3, 8, 8).float(), hole).requires_grad == inpainter.differentiable


@every_inpainter
@every_size
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_known_pixels_come_back_to_the_bit(inpainter, size, dtype):
    image, hole = noise(1, 2, 3, *size).to(dtype), random_hole(2, 2, 1, *size).to(dtype)
    painted = inpainter(image, hole)
    assert painted.shape == image.shape
    assert painted.dtype == dtype
    assert painted.isfinite().all()
    assert (painted == image)[hole.expand_as(image) == 0].all()


@every_inpainter
@every_size
def test_the_answer_does_not_depend_on_hidden_pixels(inpainter, size):
    image, hole = noise(1, 2, 3, *size).float(), random_hole(2, 2, 1, *size)
    other = torch.where(hole == 1, 1e3 * noise(3, 2, 3, *size).float(), image)
    assert (inpainter(other, hole) == inpainter(image, hole))[hole.expand_as(image) == 1].all()


@every_inpainter
def test_it_does_depend_on_known_pixels(inpainter):
    image, hole = noise(1, 1, 3, 16, 16).float(), torch.zeros(1, 1, 16, 16)
    hole[..., 6:10, 6:10] = 1
    other = torch.where(hole == 1, image, 1 - image)
    assert ((inpainter(other, hole) - inpainter(image, hole)).abs() > 0.01)[hole.expand_as(image) == 1].any()


@every_inpainter
@every_size
def test_an_empty_hole_returns_the_picture_and_a_full_one_something_finite(inpainter, size):
    image = noise(1, 2, 3, *size).float()
    hole = torch.zeros(2, 1, *size)
    assert (inpainter(image, hole) == image).all()
    assert inpainter(image, hole + 1).isfinite().all()


@every_inpainter
@every_size
def test_a_batch_equals_a_loop(inpainter, size):
    image, hole = noise(1, 3, 3, *size), random_hole(2, 3, 1, *size).double()
    loop = [inpainter(image[i : i + 1], hole[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(inpainter(image, hole), torch.cat(loop), rtol=1e-12, atol=1e-12)


@every_inpainter
def test_non_finite_values_stay_in_their_picture(inpainter):
    image, hole = noise(1, 2, 3, 12, 12), random_hole(2, 2, 1, 12, 12).double()
    alone = inpainter(image[1:], hole[1:])
    image[0, :, 3] = torch.nan
    torch.testing.assert_close(inpainter(image, hole)[1:], alone, rtol=1e-12, atol=1e-12)


@every_inpainter
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_features_and_twice_the_same(inpainter, channels):
    image, hole = noise(1, 1, channels, 20, 15).float(), hard_mask(2, 1, 20, 15).float()
    copies = image.clone(), hole.clone()
    painted = inpainter(image, hole)
    assert painted.shape == image.shape
    assert (painted == inpainter(image, hole)).all()
    assert (image == copies[0]).all()
    assert (hole == copies[1]).all()


@every_inpainter
def test_a_constant_picture_is_painted_with_its_colour(inpainter):
    image = torch.full((1, 3, 20, 20), 0.25)
    hole = torch.zeros(1, 1, 20, 20)
    hole[..., 8:12, 8:12] = 1
    torch.testing.assert_close(inpainter(image, hole), image, rtol=0, atol=1e-5)
