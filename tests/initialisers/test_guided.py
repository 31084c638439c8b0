"""Where a guide is large: its threshold, and what is done where that parts nothing."""

import pytest
import torch

from iem.initialisers import Guided, Square
from iem.prompts import Box
from iem.segmenters import Answered, PromptedIEM


def image_of(*rows):
    return torch.tensor([[list(rows)]]).expand(1, 3, len(rows), len(rows[0]))


def green(image):
    return image[:, 1:2]


def test_each_picture_is_cut_by_itself():
    images = torch.cat(
        [image_of([0.1, 0.6], [0.5, 0.9]), image_of([0.1, 0.2], [0.3, 0.4]), image_of([0.9] * 2, [0.7] * 2)]
    )
    found = Guided(green)(images)
    assert found[0, 0].tolist() == [[0, 1], [1, 1]]
    assert found[1, 0].tolist() == [[0, 0], [1, 1]]  # nowhere above: halfway between 0.1 and 0.4
    assert found[2, 0].tolist() == [[1, 1], [0, 0]]  # everywhere above
    assert Guided(green, threshold=0.2)(images)[0, 0].tolist() == [[0, 1], [1, 1]]


@pytest.mark.parametrize("value", [0.0, 1.0, float("nan")])
def test_a_map_without_two_sides_gives_the_square(value):
    image = torch.rand(2, 3, 8, 9)
    found = Guided(lambda image: torch.full_like(image[:, :1], value))(image)
    assert (found == Square()(image)).all()
    assert 0 < found.sum() < found.numel()


def test_neither_empty_nor_full_for_two_neighbouring_numbers():
    low = torch.tensor(0.5)
    high = torch.nextafter(low, torch.tensor(1.0))
    found = Guided(lambda image: torch.stack([low, high]).view(1, 1, 1, 2), threshold=0.9)(torch.zeros(1, 3, 1, 2))
    assert found.flatten().tolist() == [0, 1]


def test_a_segmenter_is_a_guide():
    image = torch.full((2, 3, 32, 32), 0.2)
    image[0, :, 8:20, 8:20] = 0.9
    found = Answered(PromptedIEM(), (Box(4, 4, 24, 24),))(image)
    assert ((found[0, 0] > 0.5) == (image[0, 0] > 0.5)).all()
    assert found[1].sum() == 0  # of a flat picture there is no proposal
    assert (Guided(Answered(PromptedIEM(), (Box(4, 4, 24, 24),)))(image)[1:] == Square()(image[1:])).all()


def test_wrong_maps_are_one_sentence():
    with pytest.raises(ValueError, match=r"^guide: expected one channel, got 3; give a map of the object alone$"):
        Guided(lambda image: image)(torch.rand(1, 3, 4, 4))
    with pytest.raises(ValueError, match=r"^threshold: expected a finite number"):
        Guided(green, threshold=float("nan"))
