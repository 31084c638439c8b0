"""Boundary and vote against plain loops over pixels, and the patterns on which their options differ."""

import itertools

import numpy as np
import pytest
import torch
from references import published_rule
from references.pictures import noise
from scipy import ndimage

from iem.masks import boundary, majority

SIZES = [(1, 1), (1, 5), (4, 1), (2, 2), (3, 3), (9, 7)]


def neighbours(mask, row, column, offsets):
    height, width = mask.shape
    for down, across in offsets:
        if 0 <= row + down < height and 0 <= column + across < width:
            yield bool(mask[row + down, column + across])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("frame", [True, False])
def test_boundary_equals_a_loop(size, frame):
    masks = noise(1, 8, 1, *size) > 0.5
    expected = torch.zeros_like(masks)
    cross = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    for i, row, column in itertools.product(range(8), *map(range, size)):
        mask = masks[i, 0]
        around = list(neighbours(mask, row, column, cross))
        on_frame = frame and len(around) < 4
        expected[i, 0, row, column] = on_frame or any(side != bool(mask[row, column]) for side in around)
    assert (boundary(masks, frame=frame) == expected).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("threshold", [1, 4, 5, 9])
def test_majority_equals_a_loop(size, threshold):
    masks = noise(1, 8, 1, *size) > 0.5
    square = list(itertools.product((-1, 0, 1), repeat=2))
    for i, row, column in itertools.product(range(8), *map(range, size)):
        votes = sum(neighbours(masks[i, 0], row, column, square))
        assert bool(majority(masks, threshold)[i, 0, row, column]) == (votes >= threshold)


@pytest.mark.parametrize("size", [(20, 17), (3, 4), (1, 6)])
@pytest.mark.parametrize(("window", "threshold"), [(1, 1), (5, 13), (9, 41), (15, 200)])
def test_majority_of_a_wide_window_equals_scipy(size, window, threshold):
    mask = noise(1, 1, 1, *size) > 0.1
    votes = ndimage.convolve(mask[0, 0].int().numpy(), np.ones((window, window), int), mode="constant")
    assert (majority(mask, threshold, window=window)[0, 0].numpy() == (votes >= threshold)).all()


@pytest.mark.parametrize("size", [(9, 7), (3, 3), (1, 5)])
def test_the_open_frame_is_the_published_edge(size):
    mask = (noise(1, 8, 1, *size) > 0.5).float()
    expected = published_rule.edge(mask) | published_rule.edge(1 - mask)
    assert (boundary(mask.bool(), frame=True) == expected).all()


def picture(text):
    return torch.tensor([[character == "#" for character in line] for line in text.split()])[None, None]


@pytest.mark.parametrize(
    ("pattern", "pixel", "votes"),
    [
        ("..... .##.. .##.. ..... .....", (2, 1), 4),
        ("..... .##.. .##.. ..#.. .....", (2, 2), 5),
        ("####. ..... ..... ..... .....", (0, 1), 3),  # the frame has six votes
        ("####. #.... ..... ..... .....", (0, 1), 4),
        ("###.. ##... ..... ..... .....", (0, 1), 5),
        ("##... #.... ..... ..... .....", (0, 0), 3),  # a corner has four
        ("##... ##... ..... ..... .....", (0, 0), 4),
    ],
)
def test_four_and_five_votes(pattern, pixel, votes):
    mask = picture(pattern)
    for threshold in range(1, 10):
        assert bool(majority(mask, threshold)[(0, 0, *pixel)]) == (votes >= threshold)


def test_the_default_is_the_papers_four():
    mask = picture("..... .##.. .##.. ..... .....")
    assert (majority(mask) == mask).all()
    assert not majority(mask, 5).any()


def test_neither_writes_into_the_mask():
    mask = noise(1, 1, 1, 9, 7) > 0.5
    copy = mask.clone()
    boundary(mask)
    majority(mask)
    assert (mask == copy).all()
