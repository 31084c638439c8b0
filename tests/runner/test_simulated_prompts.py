"""Prompts made of the truth, against what brute force finds."""

import itertools
import math

import numpy as np
import pytest
import torch

from iem.runner.simulated_prompts import interior_click, next_click, skeleton_scribble, tight_box


def region(seed, size=(14, 17)):
    """A blob or two, not empty."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(size, bool)
    for _ in range(2):
        top, left = rng.integers(0, size[0] - 4), rng.integers(0, size[1] - 4)
        mask[top : top + rng.integers(2, 8), left : left + rng.integers(2, 9)] = True
    return mask


def tensor(mask):
    return torch.from_numpy(mask.astype(np.float32))[None, None]


def depth(mask, row, column):
    """Distance to the nearest pixel that is not in the mask, those beyond the frame included."""
    height, width = mask.shape
    outside = itertools.product(range(-1, height + 1), range(-1, width + 1))
    return min(
        math.dist((row, column), place)
        for place in outside
        if not (0 <= place[0] < height and 0 <= place[1] < width and mask[place])
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_click_is_as_deep_as_can_be(seed):
    mask = region(seed)
    ((x, y),) = interior_click(tensor(mask)).xy
    deepest = max(depth(mask, row, column) for row, column in np.argwhere(mask))
    assert depth(mask, int(y), int(x)) == pytest.approx(deepest)
    assert (x % 1, y % 1) == (0.5, 0.5)  # the pixel's middle


@pytest.mark.parametrize("seed", range(4))
def test_the_box_holds_all_and_each_edge_touches(seed):
    mask = region(seed)
    box = tight_box(tensor(mask))
    assert mask[box.top : box.bottom, box.left : box.right].sum() == mask.sum()
    for edge in (mask[box.top], mask[box.bottom - 1], mask[:, box.left], mask[:, box.right - 1]):
        assert edge.any()


@pytest.mark.parametrize("seed", range(6))
def test_the_next_click_is_in_the_deepest_error(seed):
    truth, mask = region(seed), region(seed + 50)
    click = next_click(tensor(truth), tensor(mask))
    ((x, y),), (positive,) = click.xy, click.positive
    assert truth[int(y), int(x)] == positive
    assert mask[int(y), int(x)] != positive
    errors = (truth & ~mask, mask & ~truth)
    deepest = max(depth(error, row, column) for error in errors for row, column in np.argwhere(error))
    assert depth(errors[0] if positive else errors[1], int(y), int(x)) == pytest.approx(deepest)
    assert next_click(tensor(truth), tensor(truth)) is None


def test_the_scribble_runs_inside_from_end_to_end():
    """Along a bent band: near both of its ends, never outside, as the stroke of a pen."""
    truth = np.zeros((60, 80), bool)
    truth[10:21, 5:70] = True
    truth[10:55, 59:70] = True
    scribble = skeleton_scribble(tensor(truth))
    drawn = scribble.to_mask((60, 80))[0, 0].numpy() > 0.5
    assert not (drawn & ~truth).any()
    for end in ((15, 8), (51, 64)):
        assert min(math.dist(end, (y, x)) for x, y in scribble.points) < 8
    assert all(math.dist(a, b) < 3 for a, b in itertools.pairwise(scribble.points))


def test_a_scribble_over_a_dot_and_over_the_larger_of_two_pieces():
    dot = np.zeros((20, 30), bool)
    dot[7, 9] = True
    assert skeleton_scribble(tensor(dot)).points == ((9.5, 7.5),)
    dot[12:17, 15:28] = True
    assert all(y > 10 for _, y in skeleton_scribble(tensor(dot)).points)
