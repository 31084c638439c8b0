import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from references.pictures import noise
from skimage.transform import resize as skimage_resize

from iem.features import RGB, Upsampled


class Coarse:
    """One vector for each patch of 4 x 4 pixels, its channels side by side in memory."""

    def __call__(self, image):
        return F.avg_pool2d(image, 4).contiguous(memory_format=torch.channels_last)

    def __repr__(self):
        return "Coarse()"


@pytest.mark.parametrize("size", [(8, 12), (24, 40)])
def test_between_the_patches_centres_it_is_linear(size):
    image = noise(1, 2, 3, *size)
    coarse = Coarse()(image)
    expected = skimage_resize(coarse.numpy(), image.shape, order=1, mode="edge")
    torch.testing.assert_close(Upsampled(Coarse())(image), torch.from_numpy(expected))


@pytest.mark.parametrize("size", [(4, 4), (5, 7), (30, 17)])
def test_it_has_the_pictures_size_dtype_and_range(size):
    image = noise(2, 2, 3, *size)
    found = Upsampled(Coarse())(image)
    assert (found.shape, found.dtype) == (image.shape, image.dtype)
    assert found.min() >= 0
    assert found.max() <= 1
    assert (found == torch.cat([Upsampled(Coarse())(picture) for picture in image.split(1)])).all()


@pytest.mark.parametrize("size", [(6, 1), (1, 6), (3, 4)])
def test_features_finer_than_the_picture_are_averaged(size):
    image = noise(3, 1, 3, *size)

    def fine(picture):
        repeated = picture.repeat_interleave(4, dim=2).repeat_interleave(6, dim=3)
        return repeated + torch.tensor([-0.3, 0.3]).repeat(3 * size[1])

    torch.testing.assert_close(Upsampled(fine)(image), image)


def test_features_of_the_pictures_size_stay():
    image = noise(4, 1, 3, 6, 7)
    assert (Upsampled(RGB())(image) == image).all()
