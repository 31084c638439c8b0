"""What a tree's record says of its regions, against counting by hand."""

import torch

from iem.regions import Region, RegionTree
from iem.runner.region_facts import extent_of, region_rows

LABELS = torch.tensor(
    [
        [0, 1, 1, 1],
        [0, 1, 2, 1],
        [0, 1, 1, 1],
        [3, 0, 0, 0],
    ]
)


def tree():
    parents = [None, 0, 1, 0, 0]  # the last is empty
    regions = tuple(Region(i, parent, LABELS.eq(i).float()[None, None]) for i, parent in enumerate(parents))
    return RegionTree(torch.zeros(1, 3, 4, 4), regions)


def test_areas_boxes_and_family():
    scene, outer, inner, corner, empty = region_rows(tree(), LABELS)
    assert (scene["area"], scene["box"], scene["children"]) == ({"own": 6, "extent": 16}, [0, 0, 4, 4], [1, 3, 4])
    assert (outer["area"], outer["box"], outer["share"]) == ({"own": 8, "extent": 9}, [1, 0, 4, 3], 0.5625)
    assert (inner["parent"], inner["depth"], inner["box"]) == (1, 2, [2, 1, 3, 2])
    assert (corner["depth"], corner["box"]) == (1, [0, 3, 1, 4])
    assert (empty["area"], empty["box"]) == ({"own": 0, "extent": 0}, None)
    assert len({row["colour"] for row in (scene, outer, inner, corner, empty)}) == 5


def test_extent_is_the_region_with_all_that_lies_in_it():
    assert torch.equal(extent_of(tree(), LABELS, 1)[0, 0] == 1, (LABELS == 1) | (LABELS == 2))
    assert torch.equal(extent_of(tree(), LABELS, 0), torch.ones(1, 1, 4, 4))
