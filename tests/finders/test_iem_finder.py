"""The finder on pictures whose parts are known to the pixel."""

import pytest
import torch
from references.pictures import noise

from iem.finders import IEM
from iem.segmentation import segment

AROUND, WALL, DOOR = (0.9, 0.8, 0.4), (0.3, 0.5, 0.3), (0.6, 0.3, 0.6)


def box(top, bottom, left, right, side=96):
    mask = torch.zeros(1, 1, side, side)
    mask[..., top:bottom, left:right] = 1
    return mask


HOUSE, PART = box(8, 80, 6, 78), box(24, 60, 20, 54)


def house(around=AROUND, strength=0.02, seed=1):
    """A part on a wall, on something else."""
    outside, wall, door = (torch.tensor(colour).view(1, 3, 1, 1) for colour in (around, WALL, DOOR))
    image = torch.where(PART > 0, door, torch.where(HOUSE > 0, wall, outside))
    return (image + strength * torch.randn(image.shape, generator=torch.Generator().manual_seed(seed))).clamp(0, 1)


def overlap(found, truth):
    found = found > 0.5
    return float((found & (truth > 0)).sum() / (found | (truth > 0)).sum())


def test_in_a_whole_picture_it_is_the_preset_s_mask():
    image = house()
    image = torch.where(HOUSE > 0, torch.tensor(DOOR).view(1, 3, 1, 1), image)
    found = IEM(size=64)(image, torch.ones_like(HOUSE))
    assert torch.equal(found, segment(image, "best", size=64).mask)
    assert overlap(found, HOUSE) > 0.97


def test_in_a_region_it_is_the_part_that_lies_on_it():
    found = IEM()(house(), HOUSE)
    assert overlap(found, PART) > 0.95
    assert not (found * (1 - HOUSE)).any()


def test_a_part_at_the_region_s_rim_is_found_there():
    part = box(8, 44, 6, 40)
    image = torch.where(
        part > 0,
        torch.tensor(DOOR).view(1, 3, 1, 1),
        torch.where(PART > 0, torch.tensor(WALL).view(1, 3, 1, 1), house()),
    )
    assert overlap(IEM()(image, HOUSE), part) > 0.9


@pytest.mark.parametrize("outside", ["green", "noise", "like the part"])
def test_what_lies_outside_does_not_decide_where_it_runs(outside):
    image = house()
    other = {
        "green": torch.tensor([0.1, 0.9, 0.1]).view(1, 3, 1, 1),
        "noise": noise(2, 1, 3, 96, 96, dtype=torch.float32),
        "like the part": torch.tensor(DOOR).view(1, 3, 1, 1),
    }[outside]
    assert overlap(IEM()(torch.where(HOUSE > 0, image, other), HOUSE), PART) > 0.9


def test_of_two_parts_it_is_the_clearer():
    second = box(62, 78, 20, 76)
    faint = torch.tensor((0.34, 0.46, 0.34)).view(1, 3, 1, 1)
    image = torch.where(second > 0, faint, house(strength=0.005))
    assert overlap(IEM()(image, HOUSE), PART) > 0.95


def test_nothing_is_proposed_where_no_part_is_large_or_thick_enough():
    image = house()
    assert not IEM(min_area=0.5)(image, HOUSE).any()
    assert not IEM(thickness=40)(image, HOUSE).any()
    assert not IEM()(image, torch.zeros_like(HOUSE)).any()
    assert not IEM()(image, box(30, 31, 30, 31)).any()


def test_a_large_picture_is_searched_reduced_and_answered_at_its_size():
    large, house_mask, part = (each.repeat_interleave(3, 2).repeat_interleave(3, 3) for each in (house(), HOUSE, PART))
    found = IEM(size=96)(large, house_mask)
    assert found.shape == (1, 1, 288, 288)
    assert overlap(found, part) > 0.95


def test_prepared_for_a_picture_it_says_the_same():
    image = house()
    prepared = IEM().prepare(image)
    for within in (HOUSE, HOUSE - PART):
        assert torch.equal(prepared(image, within), IEM()(image, within))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "bets"}, "bets"),
        ({"size": 4}, "^size: expected a whole number of at least 8, got 4$"),
        ({"clusters": (2, 1)}, "^clusters: expected a whole number of at least 2, got 1$"),
        ({"min_area": 2.0}, "^min_area: expected a finite number from 0 to 1, got 2.0$"),
        ({"thickness": 1.5}, "^thickness: expected a whole number of at least 0, got 1.5$"),
    ],
)
def test_wrong_settings_are_named(options, message):
    with pytest.raises((ValueError, KeyError), match=message):
        IEM(**options)
