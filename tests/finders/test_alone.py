"""An initialiser as a finder: what it is shown, and what becomes of its mask."""

import pytest
import torch
from references.pictures import noise

from iem.finders import Alone
from iem.images import resize
from iem.initialisers import Otsu


class Shown:
    """Gives the left half, and keeps the pictures it was shown."""

    def __init__(self):
        self.pictures = []

    def __call__(self, image):
        self.pictures.append(image)
        mask = torch.zeros_like(image[:, :1])
        mask[..., : image.shape[-1] // 2] = 1
        return mask


def everything(image):
    return torch.ones_like(image[:, :1])


def test_a_whole_picture_is_shown_as_it_is():
    image, shown = noise(1, 1, 3, 12, 20), Shown()
    mask = Alone(shown)(image, everything(image))
    assert torch.equal(shown.pictures[0], image)
    assert torch.equal(mask, Shown()(image))


def test_outside_the_region_is_its_mean_colour():
    image, shown = noise(2, 1, 3, 12, 20), Shown()
    within = torch.zeros_like(image[:, :1])
    within[..., 2:8, 3:15] = 1
    mask = Alone(shown)(image, within)
    inside = image[..., 2:8, 3:15]
    assert torch.equal(shown.pictures[0][..., 2:8, 3:15], inside)
    outside = shown.pictures[0].flatten(2)[:, :, within.flatten() == 0]
    torch.testing.assert_close(outside, inside.mean((2, 3))[..., None].expand_as(outside))
    assert torch.equal(mask, Shown()(image) * within)


@pytest.mark.parametrize(
    ("size", "square", "expected"),
    [(None, False, (12, 20)), (8, False, (8, 13)), (8, True, (8, 8)), (50, False, (12, 20))],
)
def test_the_picture_is_reduced_and_the_mask_brought_back(size, square, expected):
    image, shown = noise(3, 1, 3, 12, 20), Shown()
    mask = Alone(shown, size, square)(image, everything(image))
    assert shown.pictures[0].shape[2:] == expected
    torch.testing.assert_close(shown.pictures[0], resize(image, expected))
    assert mask.shape == (1, 1, 12, 20)
    assert torch.equal(mask[..., :9], torch.ones(1, 1, 12, 9).double())
    assert torch.equal(mask[..., 11:], torch.zeros(1, 1, 12, 9).double())


def test_nowhere_to_look_is_nothing_to_propose():
    image, shown = noise(4, 1, 3, 12, 20), Shown()
    assert not Alone(shown)(image, 0 * everything(image)).any()
    assert shown.pictures == []


def test_a_real_one_finds_the_part_of_a_region():
    """To Otsu's threshold the region's own part would be lost beside the white around it."""
    image = torch.ones(1, 3, 40, 40)
    image[..., 5:35, 5:35] = 0.2
    image[..., 10:20, 12:24] = 0.4
    within = (image[:, :1] < 0.9).float()
    part = (image[:, :1] == 0.4).float()
    assert torch.equal(Alone(Otsu())(image, within), part)
    assert not torch.equal(Alone(Otsu())(image, everything(image)), part)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 4}, "size: expected a whole number of at least 8, got 4"),
        ({"square": True}, "size: expected the side of the square in pixels, got None; give it, or square=False"),
    ],
)
def test_wrong_settings_are_named(options, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Alone(Otsu(), **options)
