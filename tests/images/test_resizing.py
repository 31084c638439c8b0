import numpy as np
import pytest
import torch
from PIL import Image

from iem.images import centre_crop, resize, resize_mask, short_side, square, square_mask


def random_image(*shape, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def by_pillow(image, size, filter_):
    """Reference: Pillow's antialiased resizing of float pictures, channel by channel."""
    height, width = size
    planes = [Image.fromarray(plane.numpy()).resize((width, height), filter_) for plane in image[0]]
    return torch.from_numpy(np.stack([np.asarray(plane) for plane in planes]))[None]


@pytest.mark.parametrize("size", [(20, 30), (7, 5), (100, 90), (64, 1)])
@pytest.mark.parametrize(
    ("mode", "filter_"), [("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)]
)
def test_equals_pillow(size, mode, filter_):
    image = random_image(1, 3, 64, 48)
    expected = by_pillow(image, size, filter_).clamp(0, 1)
    assert torch.allclose(resize(image, size, mode=mode), expected, atol=1e-5)


def test_area_is_the_mean_of_what_a_pixel_covers():
    image = random_image(2, 3, 8, 12)
    expected = image.reshape(2, 3, 4, 2, 4, 3).mean((3, 5))
    assert torch.allclose(resize(image, (4, 4), mode="area"), expected)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "area"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [(5, 9), (41, 60), (1, 1)])
def test_dtype_and_range_are_kept(mode, dtype, size):
    image = random_image(1, 3, 20, 30, dtype=dtype).round()
    result = resize(image, size, mode=mode)
    assert result.dtype == dtype
    assert result.shape == (1, 3, *size)
    assert result.min() >= 0
    assert result.max() <= 1


def test_a_fine_pattern_does_not_alias():
    stripes = (torch.arange(512) % 2).float().expand(1, 3, 512, 512)
    assert (resize(stripes, (100, 100)) - 0.5).abs().max() < 0.1


def test_a_mask_is_sampled_at_pixel_centres():
    """A third of the size takes the middle of every 3 x 3 block; the legacy rule would take its top left corner."""
    mask = random_image(1, 1, 30, 60).round()
    assert torch.equal(resize_mask(mask, (10, 20)), mask[:, :, 1::3, 1::3])
    assert torch.equal(resize_mask(mask, (60, 120)), mask.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert resize_mask(mask.double(), (7, 11)).dtype == torch.float64


@pytest.mark.parametrize(
    ("shape", "size", "enlarge", "expected"),
    [
        ((300, 200), 128, True, (192, 128)),
        ((200, 300), 128, True, (128, 192)),
        ((50, 100), 128, True, (128, 256)),
        ((50, 100), 128, False, (50, 100)),
        ((50, 1000), 100, False, (20, 400)),
        ((1, 4000), 128, False, (1, 512)),
        ((4000, 1), 128, True, (512, 1)),
        ((1, 1), 128, True, (128, 128)),
    ],
)
def test_short_side(shape, size, enlarge, expected):
    assert short_side(torch.rand(1, 3, *shape), size, enlarge=enlarge).shape[2:] == expected


def test_centre_crop():
    image = random_image(1, 3, 9, 6)
    assert torch.equal(centre_crop(image, 5), image[:, :, 2:7, 0:5])
    with pytest.raises(ValueError, match="expected at least 7 x 7 pixels to crop, got 9 x 6"):
        centre_crop(image, 7)


def test_the_square_of_the_evaluation_protocol():
    """Reference: Pillow's resizing of the shorter side, then a crop by hand."""
    image = random_image(1, 3, 200, 300)
    expected = by_pillow(image, (128, 192), Image.Resampling.BILINEAR)[..., 32:160]
    assert torch.allclose(square(image, 128), expected, atol=1e-5)
    mask = random_image(1, 1, 256, 512).round()
    assert torch.equal(square_mask(mask, 128), mask[:, :, 1::2, 1::2][..., 64:192])


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 3), (127, 129), (128, 128), (333, 1000)])
def test_squares_of_any_picture(shape):
    image = random_image(1, 3, *shape)
    assert square(image, 128).shape == (1, 3, 128, 128)
    assert square_mask(image[:, :1], 128).shape == (1, 1, 128, 128)
    assert square(image, 1).shape == (1, 3, 1, 1)


def test_a_very_long_picture_is_squared_from_its_middle():
    image = torch.zeros(1, 3, 2, 4001)
    image[..., 1990:2011] = 1
    assert (square(image, 64) == 1).all()


def test_wrong_arguments():
    image = torch.zeros(1, 3, 4, 4)
    for call in (
        lambda: resize(image, (0, 4)),
        lambda: short_side(image, 0),
        lambda: square(image, -1),
        lambda: resize(image, (2, 2), mode="lanczos"),
        lambda: square_mask(image[0], 2),
    ):
        with pytest.raises(ValueError, match="expected"):
            call()
