"""Scenes whose regions are known to the pixel, taken apart as a user would: all settings left as they are."""

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from iem.datasets import Planted
from iem.peeling import peel
from iem.regions import StopReason


def peeled(scenes):
    """Agreement with the truth, and by how many regions too few or too many, of each scene."""
    agreements, surplus = [], []
    for sample in scenes:
        tree = peel(sample.image)
        whole(tree)
        agreements.append(adjusted_rand_score(sample.labels.flatten(), tree.labels().flatten()))
        surplus.append(len(tree.regions) - len(sample.labels.unique()))
    return np.array(agreements), np.array(surplus)


def whole(tree):
    """What every tree promises."""
    masks = torch.cat([region.mask for region in tree.regions])
    assert bool(((masks == 0) | (masks == 1)).all())
    assert bool((masks.sum(0) == 1).all())
    assert [region.id for region in tree.regions] == list(range(len(tree.regions)))
    assert tree.regions[0].parent is None
    for region in tree.regions[1:]:
        assert tree.depth(region.id) >= 1
        assert bool((tree.extent(region.id) <= tree.extent(region.parent)).all())
    assert all(each.region is None or 0 < each.region < len(tree.regions) for each in tree.rounds)
    assert len(tree.labels().unique()) == len(tree.regions)


def test_flat_scenes_are_taken_apart():
    agreements, surplus = peeled(Planted(count=6, regions=(2, 4), size=64))
    assert agreements.mean() >= 0.95
    assert (surplus == 0).sum() >= 5


def test_textured_scenes_are_taken_apart():
    agreements, surplus = peeled(Planted(count=3, regions=(2, 4), size=64, style="textured"))
    assert agreements.mean() >= 0.85
    assert (surplus == 0).sum() >= 2


def test_tiles_of_colours_and_textures_are_taken_apart():
    agreements, _ = peeled([Planted(count=2, layout="tiles", style="mixed", regions=(3, 3), size=64)[1]])
    assert agreements.mean() >= 0.85


def test_an_empty_scene_has_no_region():
    """One of a flat colour, one texture, one under uneven light."""
    for sample in Planted(count=3, style="empty"):
        tree = peel(sample.image)
        assert len(tree.regions) == 1
        assert tree.reason in (StopReason.NOT_SIGNIFICANT, StopReason.NOTHING_FOUND, StopReason.TOO_SMALL)


@pytest.mark.parametrize("mode", ["paint", "split"])
def test_the_same_picture_gives_the_same_tree(mode):
    image = Planted(count=3, regions=(3, 3), size=48)[2].image
    first, second = (peel(image.clone(), mode=mode) for _ in range(2))
    assert len(first.regions) > 1
    for one, other in zip(first.regions, second.regions, strict=True):
        assert (one.id, one.parent, one.score, one.p_value, one.round) == (
            other.id,
            other.parent,
            other.score,
            other.p_value,
            other.round,
        )
        assert torch.equal(one.mask, other.mask)


def test_a_picture_that_is_not_square():
    sample = Planted(count=1, regions=(3, 3), size=(72, 120), seed=2)[0]
    agreements, surplus = peeled([sample])
    assert agreements[0] >= 0.95
    assert surplus[0] == 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_flat_scenes():
    agreements, surplus = peeled(Planted(count=100))
    assert agreements.mean() >= 0.95
    assert (surplus == 0).mean() >= 0.9


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_textured_scenes():
    agreements, surplus = peeled(Planted(count=100, style="textured"))
    assert agreements.mean() >= 0.85
    assert (surplus == 0).mean() >= 0.75


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_empty_scenes():
    assert sum(len(peel(sample.image).regions) == 1 for sample in Planted(count=100, style="empty")) >= 95
