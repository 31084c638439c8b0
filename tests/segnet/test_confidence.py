from dataclasses import replace

import pytest
import torch

from iem.segnet import Confidence, Lessons


def with_masks(masks, scores=None):
    count = len(masks)
    return Lessons(
        tuple(f"p{i}" for i in range(count)),
        torch.zeros(count, 3, 20, 20, dtype=torch.uint8),
        torch.stack(masks)[:, None].to(torch.uint8) * 255,
        torch.tensor(scores or [0.0] * count, dtype=torch.float64),
        torch.ones(count, dtype=torch.bool),
    )


def square(size, top=6):
    mask = torch.zeros(20, 20)
    mask[top : top + size, 6 : 6 + size] = 1
    return mask


def test_by_score():
    lessons = with_masks([square(8)] * 4, [0.1, 0.9, 0.5, 0.3])
    assert Confidence(keep=0.5, measures=["score"])(lessons) == [1, 2]


def test_by_compactness():
    comb = torch.zeros(20, 20)
    comb[4:16, 4:16:2] = 1
    lessons = with_masks([comb, square(8), square(8), comb], [1.0, 0.0, 0.0, 1.0])
    assert Confidence(keep=0.5, measures=["compactness"])(lessons) == [1, 2]


def test_by_border():
    lessons = with_masks([square(8, top=0), square(8), square(8, top=12)])
    assert Confidence(keep=0.34, measures=["border"])(lessons) == [1]


def test_area_and_status_go_first():
    lessons = with_masks([square(1), square(8), torch.ones(20, 20), square(9)], [9, 1, 9, 2])
    lessons = replace(lessons, usable=torch.tensor([True, True, True, False]))
    assert Confidence(keep=1)(lessons) == [1]
    with pytest.raises(ValueError, match=r"none of 4 masks takes from 0\.9 to 0\.95 of its picture"):
        Confidence(min_area=0.9)(lessons)


def test_all_are_kept_on_demand():
    assert Confidence(keep=1)(with_masks([square(5), square(8)])) == [0, 1]


def test_unknown_measure():
    with pytest.raises(ValueError, match="measures: expected one of score, compactness, border, got 'truth'"):
        Confidence(measures=["truth"])
