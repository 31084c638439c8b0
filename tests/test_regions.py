"""The tree of regions: who holds which pixels, and who lies in whom."""

import dataclasses

import pytest
import torch
from references.peeled_scene import nothing_found, peeled_scene

from iem.interfaces import Verdict
from iem.regions import SCENE, Region, RegionTree, StopReason


def drawn(drawing, parents):
    """From rows of digits, the id of each pixel's region."""
    labels = torch.tensor([[int(digit) for digit in row] for row in drawing.split()])
    regions = tuple(
        Region(number, parent, (labels == number).float()[None, None]) for number, parent in enumerate(parents)
    )
    return RegionTree(torch.zeros(1, 3, *labels.shape), regions)


# 1 holds 2 and 3, and 3 holds 4; 5 lies beside them; 6 has lost all of its pixels to 7.
TREE = drawn("000000 012250 013450 013357 000000", [None, 0, 1, 1, 3, 0, 5, 6])


def test_labels_are_the_ids():
    assert TREE.labels().tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 2, 2, 5, 0],
        [0, 1, 3, 4, 5, 0],
        [0, 1, 3, 3, 5, 7],
        [0, 0, 0, 0, 0, 0],
    ]
    assert TREE.labels().dtype == torch.long


@pytest.mark.parametrize(
    ("number", "area", "children", "depth"),
    [
        (0, 30, [1, 5], 0),
        (1, 9, [2, 3], 1),
        (2, 2, [], 2),
        (3, 4, [4], 2),
        (4, 1, [], 3),
        (5, 4, [6], 1),
        (6, 1, [7], 2),
        (7, 1, [], 3),
    ],
)
def test_what_lies_in_a_region(number, area, children, depth):
    assert TREE.region(number).id == number
    assert int(TREE.extent(number).sum()) == area
    assert [region.id for region in TREE.children(number)] == children
    assert TREE.depth(number) == depth
    own = TREE.region(number).mask
    assert bool((TREE.extent(number) >= own).all())
    for child in children:
        assert bool((TREE.extent(number) >= TREE.extent(child)).all())
        assert not bool((own * TREE.extent(child)).any())


def test_the_scene_s_extent_is_the_picture():
    for tree in (TREE, peeled_scene(), nothing_found(StopReason.CONSTANT)):
        assert bool((tree.extent(SCENE) == 1).all())
        assert sum(int(region.mask.sum()) for region in tree.regions) == tree.image[0, 0].numel()


def test_regions_are_found_by_their_id_wherever_they_stand():
    tree = dataclasses.replace(TREE, regions=(*TREE.regions[:1], *TREE.regions[:0:-1]))
    assert torch.equal(tree.labels(), TREE.labels())
    assert [int(tree.extent(number).sum()) for number in range(8)] == [30, 9, 2, 4, 1, 4, 1, 1]
    assert [tree.depth(number) for number in range(8)] == [0, 1, 2, 2, 3, 1, 2, 3]


@pytest.mark.parametrize("ask", [TREE.region, TREE.extent, TREE.depth])
def test_a_region_that_there_is_not_is_named(ask):
    with pytest.raises(KeyError, match="8"):
        ask(8)


def test_labels_lie_where_the_picture_does():
    assert TREE.labels().device == TREE.image.device


def test_nothing_of_it_can_be_changed():
    tree = peeled_scene()
    for value, field in [(tree, "reason"), (tree.regions[1], "parent"), (tree.rounds[0], "region")]:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field, None)


def test_reasons_read_as_words():
    assert [str(reason) for reason in StopReason] == [
        "nothing_found",
        "too_small",
        "not_significant",
        "nothing_new",
        "round_limit",
        "constant",
        "nonfinite",
    ]
    assert StopReason("too_small") is StopReason.TOO_SMALL


def test_what_was_not_asked_is_none():
    accepted, refused = peeled_scene().rounds[0], peeled_scene().rounds[-1]
    assert (accepted.region, accepted.reason) == (1, None)
    assert (refused.region, refused.reason, refused.hole, refused.painted) == (
        None,
        StopReason.NOT_SIGNIFICANT,
        None,
        None,
    )
    assert refused.verdict == Verdict(0.01, 0.31, False)
