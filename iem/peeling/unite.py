"""Regions that do not differ from a neighbour are united with it."""

from collections.abc import Set
from dataclasses import replace

from iem.finders.contrast import near
from iem.interfaces import SignificanceTest
from iem.regions import SCENE, Region, RegionTree

Pair = frozenset[int]


def unite(tree: RegionTree, test: SignificanceTest | None, min_area: float) -> RegionTree:
    """The tree without regions that are too small by now, or that the test does not tell from a neighbour.

    When a region was found, it was held against all that lay around it; since then its parts and its neighbours have
    been found, and boundaries may have moved. What is left of it may now be a rim, or one half of a wall whose other
    half is another region. The smallest goes first: its pixels go to the neighbour that it has most contact with, or
    to the first that the test does not tell it from; its parts become its parent's. Ids are counted anew.

    Args:
        tree: of any regions.
        test: whether two neighbours differ; None unites the small ones alone.
        min_area: share of the picture.
    """
    told_apart = set[Pair]()
    while True:
        for region in sorted(tree.regions[1:], key=lambda each: float(each.mask.sum())):
            other = _same_as(tree, region, test, min_area, told_apart)
            if other is not None:
                tree = _merged(tree, region, other)
                told_apart = {pair for pair in told_apart if not pair & {region.id, other}}
                break
            told_apart |= {Pair((region.id, each)) for each in _neighbours(tree, region)}
        else:
            return _renumbered(tree)


def _same_as(
    tree: RegionTree, region: Region, test: SignificanceTest | None, min_area: float, told_apart: Set[Pair]
) -> int | None:
    neighbours = _neighbours(tree, region)
    if neighbours and float(region.mask.mean()) < min_area:
        return neighbours[0]
    if test is None:
        return None
    masks = {each.id: each.mask for each in tree.regions}
    for other in neighbours:
        if Pair((region.id, other)) not in told_apart:
            if not test(tree.image, region.mask, region.mask + masks[other]).significant:
                return other
    return None


def _neighbours(tree: RegionTree, region: Region) -> list[int]:
    """Ids of the regions next to it, that with the most contact first."""
    around = near(region.mask, 1) - region.mask
    contact = {each.id: float((around * each.mask).sum()) for each in tree.regions if each.id != region.id}
    return sorted((each for each in contact if contact[each] > 0), key=lambda each: -contact[each])


def _merged(tree: RegionTree, region: Region, other: int) -> RegionTree:
    kept = []
    for each in tree.regions:
        if each.id == other:
            each = replace(each, mask=each.mask + region.mask)
        if each.parent == region.id:
            each = replace(each, parent=region.parent)
        if each.id != region.id:
            kept.append(each)
    return replace(tree, regions=tuple(kept))


def _renumbered(tree: RegionTree) -> RegionTree:
    new = {each.id: number for number, each in enumerate(tree.regions)}
    regions = (
        replace(each, id=new[each.id], parent=None if each.parent is None else new[each.parent])
        for each in tree.regions
    )
    rounds = (
        replace(each, within=new.get(each.within, SCENE), region=None if each.region is None else new.get(each.region))
        for each in tree.rounds
    )
    return replace(tree, regions=tuple(regions), rounds=tuple(rounds))
