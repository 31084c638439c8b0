"""What every inpainter promises. Add a new one to the list."""

import re
from dataclasses import fields

import pytest
import torch
from references.pictures import hard_mask, noise, soft_mask

from iem.inpainters import Biharmonic, GaussianInpainter, Harmonic, Mean, NavierStokes, Nearest, Telea
from iem.interfaces import Inpainter
from iem.objectives import InpaintingError

try:
    import cv2
except ImportError:
    cv2 = None

BLURS = [
    GaussianInpainter(),
    GaussianInpainter(far_field="zero"),
    GaussianInpainter(sigma=2.5, kernel_size=7, scale_factor=2),
]
INPAINTERS = [
    *BLURS,
    Harmonic(),
    Harmonic(tolerance=1e-10),
    Mean(),
    Nearest(),
    Biharmonic(),
    *([Telea(), NavierStokes()] if cv2 else []),
]
DIFFERENTIABLE = [*BLURS, Harmonic(tolerance=1e-12), Mean()]  # at a precision that finite differences can see
OTHERS = [each for each in INPAINTERS if not each.differentiable]
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


@pytest.mark.parametrize("inpainter", DIFFERENTIABLE, ids=str)
@pytest.mark.parametrize("size", [(6, 5), (1, 7)])
def test_derivatives_are_those_of_finite_differences(inpainter, size):
    image, hole = noise(1, 1, 2, *size), soft_mask(2, 1, 1, *size)
    assert torch.autograd.gradcheck(inpainter, (image.requires_grad_(), hole.requires_grad_()))


@pytest.mark.parametrize("inpainter", DIFFERENTIABLE, ids=str)
def test_derivatives_of_a_hard_hole_are_one_sided(inpainter):
    """Hiding a known pixel a little, and showing a hidden one a little."""
    image, hole = noise(1, 1, 3, 9, 9), torch.zeros(1, 1, 9, 9).double()
    hole[..., 3:7, 2:6] = 1
    weights = noise(2, 1, 3, 9, 9)
    value = lambda hole: (inpainter(image, hole) * weights).sum()  # noqa: E731
    free = hole.clone().requires_grad_()
    (slope,) = torch.autograd.grad(value(free), free)
    known, hidden, step = (0, 0, 4, 7), (0, 0, 4, 4), 1e-6
    for place, side in ((hidden, -step), *(((known, step),) if not isinstance(inpainter, GaussianInpainter) else ())):
        nudged = hole.clone()
        nudged[place] += side
        expected = (value(nudged) - value(hole)) / side
        torch.testing.assert_close(slope[place], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("inpainter", OTHERS, ids=str)
def test_without_gradients_masks_are_scored_and_not_moved(inpainter):
    image, mask = noise(1, 1, 3, 12, 12), hard_mask(2, 1, 12, 12)
    assert InpaintingError(inpainter)(image, mask).isfinite().all()
    message = f"expected one that gradients flow through, got {type(inpainter).__name__}; use it to score masks"
    with pytest.raises(ValueError, match=re.escape(message)):
        InpaintingError(inpainter).value_and_gradient(image, mask)


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


@every_inpainter
def test_a_red_frame_stays_red_and_fills_the_hole(inpainter):
    """What is painted is the hole, not the picture around it; and the channels are in order."""
    image = torch.zeros(1, 3, 24, 24)
    image[:, 0], image[:, 2] = 0.9, 0.1
    hole = torch.zeros(1, 1, 24, 24)
    hole[..., 8:16, 8:16] = 1
    painted = inpainter(torch.where(hole == 1, 1 - image, image), hole)
    torch.testing.assert_close(painted, image, rtol=0, atol=1e-5)


@pytest.mark.parametrize("inpainter", [each for each in INPAINTERS if each not in BLURS], ids=str)
@pytest.mark.parametrize("size", [(1, 7), (17, 23)])
def test_hidden_pixels_may_be_anything_at_all(inpainter, size):
    image, hole = noise(1, 1, 3, *size).float(), random_hole(2, 1, 1, *size)
    expected = inpainter(image, hole)
    for anything in (torch.nan, torch.inf, -torch.inf, 1e30):
        assert (inpainter(torch.where(hole == 1, anything, image), hole) == expected).all()


@every_inpainter
def test_a_soft_hole_lies_between_the_picture_and_its_paint(inpainter):
    """A black picture with a white stripe in the hole: the more is hidden, the less is seen."""
    image, hole = torch.zeros(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)
    image[..., 7:9, :] = 1
    seen = []
    for hidden in (0, 0.25, 0.5, 0.75, 1):
        hole[..., 7:9, :] = hidden
        seen.append(inpainter(image, hole)[..., 7:9, :].mean().item())
    assert seen[0] == 1
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] < 1e-5


@every_inpainter
def test_a_hole_that_hides_everything_a_little_is_painted(inpainter):
    image, hole = noise(1, 1, 3, 16, 16).float(), torch.full((1, 1, 16, 16), 0.9)
    hole[..., 4:12, 4:12] = 1
    painted = inpainter(image, hole)
    assert painted.isfinite().all()
    assert (painted[..., 4:12, 4:12] > 0).all()


@every_inpainter
@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (2, 0, 8, 8)])
def test_an_empty_batch_is_none(inpainter, shape):
    assert inpainter(torch.zeros(shape), torch.zeros(shape[0], 1, 8, 8)).shape == shape


@every_inpainter
def test_a_hole_of_another_size_is_refused(inpainter, unchecked):
    with pytest.raises(ValueError, match=r"^hole: expected shape \[1, k, 8, 8\], got \[1, 1, 4, 4\]; resize it"):
        plain(inpainter, unchecked)(torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 4, 4))


def plain(inpainter, unchecked):
    """The same inpainter without the type checker's messages."""
    settings = {field.name: getattr(inpainter, field.name) for field in fields(inpainter)}
    return getattr(unchecked("iem.inpainters"), type(inpainter).__name__)(**settings)
