"""Segment everything: the grid, stability, overlaps and boxes against slow accounts of them; a known scene."""

import numpy as np
import pytest
import torch

from iem.segmenters import Everything
from iem.segmenters.everything import bounding_boxes, box_iou, stability, suppress
from iem.segmenters.padded_square import PaddedSquare


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def iou(one, other):
    union = np.logical_or(one, other).sum()
    return np.logical_and(one, other).sum() / union if union else 0.0


def frame(mask):
    rows, columns = np.nonzero(mask.numpy())
    filled = np.zeros(mask.shape, bool)
    if len(rows):
        filled[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
    return filled


@pytest.mark.parametrize("compare", ["mask", "box"])
@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.7, 1.0])
def test_overlaps_are_left_out_as_one_would_by_hand(compare, overlap):
    smooth = torch.nn.functional.avg_pool2d(noise(40, 1, 20, 24), 9, 1, 4)[:, 0]
    masks = smooth > 0.12
    masks[7] = False
    masks[11] = masks[30]
    scores = torch.rand(40, generator=torch.Generator().manual_seed(1))
    scores[11] = scores[30]
    shapes = [mask.numpy() if compare == "mask" else frame(mask) for mask in masks]
    expected = []
    for i in sorted(range(40), key=lambda i: (-float(scores[i]), i)):
        if all(iou(shapes[i], shapes[j]) <= overlap for j in expected):
            expected.append(i)
    assert suppress(masks, scores, overlap, compare) == expected
    assert 1 < len(expected) <= 40


def test_nothing_is_suppressed_among_nothing():
    assert suppress(torch.zeros(0, 4, 4, dtype=torch.bool), torch.zeros(0), 0.5) == []


def test_boxes_are_those_around_the_pixels():
    masks = noise(30, 9, 7) > 1.6
    masks[3] = False
    for mask, box in zip(masks, bounding_boxes(masks), strict=True):
        filled = torch.zeros_like(mask)
        left, top, right, bottom = (int(edge) for edge in box)
        filled[top:bottom, left:right] = True
        assert (filled.numpy() == frame(mask)).all()


def test_iou_of_boxes_by_counting_pixels():
    boxes = torch.tensor([[0, 0, 4, 4], [2, 1, 6, 3], [4, 0, 8, 4], [0, 0, 0, 0], [1, 1, 3, 2]]).float()
    filled = np.zeros((5, 8, 8), bool)
    for mask, (left, top, right, bottom) in zip(filled, boxes.int().tolist(), strict=True):
        mask[top:bottom, left:right] = True
    for i in range(5):
        expected = torch.tensor([iou(filled[i], other) for other in filled]).float()
        torch.testing.assert_close(box_iou(boxes[i], boxes), expected)


def test_stability_is_an_iou_of_two_cuts():
    logits = 2 * noise(12, 10, 11)
    expected = [iou((one > 0.7).numpy(), (one > -0.7).numpy()) for one in logits]
    assert stability(logits, 0.7).tolist() == pytest.approx(expected)


def test_the_grid_is_at_the_centres_of_cells():
    grid = Everything(points_per_side=4).grid(40, 80)
    assert grid.shape == (16, 2)
    assert grid[:5].tolist() == [[10, 5], [30, 5], [50, 5], [70, 5], [10, 15]]


@pytest.mark.parametrize("compare", ["mask", "box"])
def test_the_parts_of_a_scene_are_found_each_once(compare):
    """A network that knows the scene: the part clicked on, an unstable copy, one that it does not believe in."""
    square = PaddedSquare(64, 128, 64)
    parts = torch.zeros(3, 64, 64)
    parts[0, 2:14, 4:20] = parts[1, 10:30, 30:60] = parts[2, 20:31, 3:25] = 1

    def decode(points):
        logits, scores = torch.full((len(points), 3, 64, 64), -5.0), torch.zeros(len(points), 3)
        for i, (x, y) in enumerate((points * 0.5).int().tolist()):
            for part in parts:
                if part[y, x]:
                    logits[i, 0], scores[i, 0] = 10 * part - 5, 0.9 + 0.001 * float(part.sum()) / 10
                    logits[i, 1], scores[i, 1] = part - 0.5, 0.99  # unstable: 0.5 is not above the offset
                    logits[i, 2], scores[i, 2] = 10 * part - 5, 0.5
        return logits, scores

    steps = []
    found, scores = Everything(points_per_side=8, points_per_batch=10, compare=compare).find(
        decode, square, lambda step, of: steps.append((step, of))
    )
    assert sorted((one > 0).sum().item() for one in found) == sorted(part.sum().item() for part in parts)
    assert (scores[:-1] >= scores[1:]).all()
    assert ((found[0] > 0) == (parts[1] > 0)).all()
    assert steps == [(i, 7) for i in range(1, 8)]


def test_a_ring_and_its_filling_are_two_to_masks_and_one_to_boxes():
    filling = torch.zeros(2, 9, 9, dtype=torch.bool)
    filling[0, 1:8, 1:8] = True
    filling[1] = filling[0]
    filling[1, 2:7, 2:7] = False
    scores = torch.tensor([0.9, 0.8])
    assert suppress(filling, scores, 0.7, "mask") == [0, 1]
    assert suppress(filling, scores, 0.7, "box") == [0]


@pytest.mark.parametrize(
    "wrong", [{"points_per_side": 0}, {"least_iou": 1.5}, {"overlap": -1}, {"compare": "pixels"}, {"min_area": "a"}]
)
def test_settings_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))}: expected"):
        Everything(**wrong)
