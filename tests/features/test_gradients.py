"""Gradients by hand, in every direction."""

import numpy as np
import pytest
import torch
from references.pictures import noise
from skimage.color import rgb2lab

from iem.features import Gradients

MIDDLE = (0, slice(None), 12, 12)


def bars(across, size=24):
    """Two pixels dark, two light, changing along ``across`` (rows, columns)."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return ((across[0] * rows + across[1] * columns) % 4 < 2).double().expand(1, 3, -1, -1)


@pytest.mark.parametrize(
    ("across", "expected"),
    [
        ((0, 1), (1, 0, 0.5**0.5, 0.5**0.5)),
        ((1, 0), (0, 1, 0.5**0.5, 0.5**0.5)),
        # Along one diagonal nothing changes; two steps along the other lead across two bars, to the same again.
        ((1, -1), (1, 1, 0, 0)),
        ((1, 1), (1, 1, 0, 0)),
    ],
)
def test_bars_from_black_to_white_have_known_gradients(across, expected):
    """Their lightness is -1 and 1: a central difference is 1 wherever it meets both."""
    found = Gradients(3)(bars(across))[MIDDLE]
    torch.testing.assert_close(found, torch.tensor(expected).double(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("radius", [1, 4])
def test_it_is_the_root_mean_square_over_the_window(radius):
    image = noise(1, 1, 3, 9, 12)
    light = np.pad(rgb2lab(image[0].permute(1, 2, 0).numpy())[..., 0] / 50, 1, mode="edge")
    found = Gradients(radius)(image)[0]
    for y, x in [(0, 0), (4, 6), (8, 11), (0, 7), (5, 0)]:
        squares = []
        for i in range(max(0, y - radius), min(9, y + radius + 1)):
            for j in range(max(0, x - radius), min(12, x + radius + 1)):
                around = light[i : i + 3, j : j + 3]
                squares.append(
                    [
                        (around[1, 2] - around[1, 0]) ** 2 / 4,
                        (around[2, 1] - around[0, 1]) ** 2 / 4,
                        (around[2, 2] - around[0, 0]) ** 2 / 8,
                        (around[2, 0] - around[0, 2]) ** 2 / 8,
                    ]
                )
        np.testing.assert_allclose(found[:, y, x], np.sqrt(np.mean(squares, axis=0)), atol=1e-4)


@pytest.mark.parametrize(
    ("turn", "order"),
    [
        (lambda picture: picture.mT, [1, 0, 2, 3]),
        (lambda picture: picture.flip(-1), [0, 1, 3, 2]),
        (lambda picture: picture.flip(-2), [0, 1, 3, 2]),
        (lambda picture: picture.rot90(1, (-2, -1)), [1, 0, 3, 2]),
    ],
    ids=["transpose", "left-right", "up-down", "quarter turn"],
)
def test_directions_turn_with_the_picture(turn, order):
    image = noise(2, 2, 3, 10, 13)
    torch.testing.assert_close(Gradients(2)(turn(image)), turn(Gradients(2)(image))[:, order])


def test_a_flat_picture_has_none():
    assert (Gradients()(torch.full((1, 3, 8, 8), 0.3)) == 0).all()


def test_wrong_settings_are_named(unchecked):
    with pytest.raises(ValueError, match=r"^radius: expected a whole number of at least 1, got 0$"):
        unchecked("iem.features").Gradients(0)
