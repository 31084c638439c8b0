"""Prompts are drawn where they are, follow a picture to another size, and are refused in one sentence."""

import math

import pytest
import torch

from iem.prompts import Box, CoarseMask, Points, Scribble


def test_points_are_discs_and_negative_ones_take_away():
    mask = Points([(3, 2), (9.9, 7.2)]).to_mask((10, 12), radius=1.5)[0, 0]
    for i in range(10):
        for j in range(12):
            near = min(math.dist((i, j), (2, 3)), math.dist((i, j), (7, 9)))
            assert mask[i, j] == (near <= 1.5)
    less = Points([(3, 2), (4, 2)], [True, False]).to_mask((10, 12), radius=1)[0, 0]
    assert less[2].tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert Points([(3, 2)]).positive == (True,)


def test_a_box_covers_the_pixels_whose_centres_are_in_it():
    mask = Box(1.4, 2.6, 4.6, 5.0).to_mask((6, 7))[0, 0]
    for i in range(6):
        for j in range(7):
            assert mask[i, j] == (1.4 <= j + 0.5 < 4.6 and 2.6 <= i + 0.5 < 5.0)
    assert Box(2.1, 1.1, 2.2, 1.2).to_mask((6, 7))[0, 0].nonzero().tolist() == [[1, 2]]
    assert Box(0, 0, 7, 6).to_mask((6, 7)).all()


def test_a_scribble_is_as_wide_as_it_says():
    mask = Scribble([(4, 10), (16, 10), (16, 16)], width=4).to_mask((20, 24))[0, 0]
    assert mask[:, 8].nonzero().flatten().tolist() == [8, 9, 10, 11]
    assert mask[14].nonzero().flatten().tolist() == [14, 15, 16, 17]
    assert Scribble([(0.2, 0.9)], width=0.1).to_mask((2, 2)).flatten().tolist() == [1, 0, 0, 0]


def test_prompts_follow_the_picture():
    assert Points([(10, 4)], [False]).rescaled((20, 40), (10, 10)) == Points([(2.5, 2)], [False])
    assert Box(4, 2, 40, 20).rescaled((20, 40), (10, 10)) == Box(1, 1, 10, 10)
    scribble = Scribble([(10, 4)], width=8).rescaled((20, 40), (10, 20))
    assert scribble == Scribble([(5, 2)], width=4)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 2:6, 2:6] = 1
    half = CoarseMask(mask).rescaled((8, 8), (4, 4)).to_mask((4, 4))
    assert half[0, 0].nonzero().tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]
    thin = torch.zeros(1, 1, 8, 8)
    thin[..., 3, 3] = 1
    assert CoarseMask(thin).rescaled((8, 8), (2, 2)).to_mask((2, 2)).flatten().tolist() == [1, 0, 0, 0]
    # A prompt at the very edge stays in the picture at every size.
    for new in ((1, 1), (7, 3), (100, 333)):
        assert Points([(39.9, 19.9)]).rescaled((20, 40), new).to_mask(new).any()
        assert Box(39, 19, 40, 20).rescaled((20, 40), new).to_mask(new).any()


NAN, INFINITY = float("nan"), float("inf")
REFUSED = {
    r"^xy: expected from 1 to 10000 points, got 0": lambda: Points([]),
    r"^xy: expected from 1 to 10000 points, got 10001": lambda: Points([(1, 1)] * 10_001),
    r"^xy\[0\]: expected two numbers \(x, y\), got \(1, 2, 3\)": lambda: Points([(1, 2, 3)]),
    r"^xy\[1\]: expected a finite number, got nan": lambda: Points([(1, 1), (NAN, 1)]),
    r"^positive: expected true or false for each of 1 points": lambda: Points([(1, 1)], [True, False]),
    r"^xy\[0\]: expected a point in the picture, 0 <= x < 8 and 0 <= y < 6, got \(8, 1\)": lambda: Points(
        [(8, 1)]
    ).to_mask((6, 8)),
    r"^positive: expected a point on the object": lambda: Points([(1, 1)], [False]).to_mask((6, 8)),
    r"^left: expected a finite number, got nan": lambda: Box(NAN, 0, 1, 1),
    r"^bottom: expected a finite number, got inf": lambda: Box(0, 0, 1, INFINITY),
    r"^bottom: expected more than top = 3, got 3; give left, top, right, bottom": lambda: Box(0, 3, 2, 3),
    r"^box: expected it within the picture, 0 <= x <= 8 and 0 <= y <= 6": lambda: Box(0, 0, 9, 2).to_mask((6, 8)),
    r"^points: expected from 1 to 10000 points, got 0": lambda: Scribble([]),
    r"^width: expected a finite number of at least 0\.001, got 0": lambda: Scribble([(1, 1)], 0),
    r"^width: expected at most the picture's long side, 8 pixels, got 15": lambda: Scribble([(1, 1)]).to_mask((6, 8)),
    r"^points\[0\]: expected a point in the picture": lambda: Scribble([(-1, 1)], 1).to_mask((6, 8)),
    r"^mask: expected a pixel of at least one half, got none": lambda: CoarseMask(torch.zeros(1, 1, 3, 3)),
    r"^mask: expected finite values": lambda: CoarseMask(torch.full((1, 1, 3, 3), NAN)),
    r"^mask: expected shape \[1, 1, h, w\], got \[2, 1, 3, 3\]": lambda: CoarseMask(torch.ones(2, 1, 3, 3)),
    r"^mask: expected the picture's size, 6 x 8, got 3 x 3": lambda: CoarseMask(torch.ones(1, 1, 3, 3)).to_mask((6, 8)),
    r"^height: expected a whole number of at least 1, got 0": lambda: Box(0, 0, 1, 1).to_mask((0, 4)),
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused_in_one_sentence(message):
    with pytest.raises(ValueError, match=message):
        REFUSED[message]()
