"""What all features promise. Add new ones to the list."""

import pytest
import torch
from references.pictures import noise

from iem.features import (
    RGB,
    Fourier,
    Gradients,
    Kuwahara,
    Lab,
    Mean,
    Palette,
    Principal,
    Stack,
    Texture,
    Upsampled,
    Whitening,
)
from iem.interfaces import Features

FEATURES = [
    RGB(),
    RGB(-1.0, 1.0),
    Lab(),
    Lab(lightness=0.5),
    Texture(),
    Stack((RGB(), Texture())),
    Whitening(Lab()),
    Palette(RGB(), colours=4),
    Gradients(),
    Mean(Lab(), radius=2),
    Kuwahara(Stack((RGB(), Texture())), radius=2),
    Principal(Lab(), components=2),
    Upsampled(RGB()),
    Fourier(Lab()),
]
all_features = pytest.mark.parametrize("features", FEATURES, ids=str)


@all_features
@pytest.mark.parametrize("size", [(1, 1), (7, 12)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_vector_per_pixel_of_the_same_type(features, size, dtype):
    assert isinstance(features, Features)
    image = noise(1, 2, 3, *size, dtype=dtype)
    copy = image.clone()
    values = features(image)
    assert values.shape[0] == 2
    assert values.shape[2:] == size
    assert values.dtype == dtype
    assert values.isfinite().all()
    assert (image == copy).all()


@all_features
@pytest.mark.parametrize("colour", [0.0, 1.0])
def test_black_and_white_are_finite(features, colour):
    assert features(torch.full((1, 3, 2, 2), colour)).isfinite().all()


@all_features
def test_a_batch_equals_a_loop(features):
    image = noise(1, 3, 3, 7, 12)
    torch.testing.assert_close(features(image), torch.cat([features(picture) for picture in image.split(1)]))


@pytest.mark.parametrize("features", [f for f in FEATURES if isinstance(f, RGB | Lab | Texture | Gradients)], ids=str)
def test_a_picture_of_one_channel_is_refused(features, unchecked):
    plain = getattr(unchecked("iem.features"), type(features).__name__)(*vars(features).values())
    with pytest.raises(ValueError, match=r"^image: expected shape \[b, 3, h, w\], got \[1, 1, 4, 4\]; convert to RGB"):
        plain(torch.zeros(1, 1, 4, 4))
