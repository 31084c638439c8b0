"""Regions that do not differ from a neighbour are united with it."""

from collections.abc import Set
from dataclasses import replace

from iem.finders.contrast import near
from iem.interfaces import SignificanceTest
from iem.regions import SCENE, Region, RegionTree

Pair = frozenset[int]
_SAME = 0.04  # nats; what noise and texture make of one and the same region


def unite(tree: RegionTree, test: SignificanceTest | None, min_area: float) -> RegionTree:
    """The tree without regions that are too small by now, or that the test does not tell from a neighbour.

    When a region was found, it was held against all that lay around it; since then its parts and its neighbours have
    been found, and boundaries may have moved. What is left of it may now be a rim, or one half of a wall whose other
    half is another region. The smallest goes first: its pixels go to the neighbour that it has most contact with, or
    to the most alike of those that the test does not tell it from. What is left of an object goes to what lies around
    the object only if it is the very same. A region with parts stays all the same: its largest part takes its place.
    Ids are counted anew.

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
                changed = {region.id, other, *(each.id for each in tree.children(region.id))}
                tree = _merged(tree, region, other)
                told_apart = {pair for pair in told_apart if not pair & changed}
                break
            told_apart |= {Pair((region.id, each)) for each in _neighbours(tree, region)}
        else:
            return _renumbered(tree)


def _same_as(
    tree: RegionTree, region: Region, test: SignificanceTest | None, min_area: float, told_apart: Set[Pair]
) -> int | None:
    """The neighbour to unite the region with, if any: that which it is most alike."""
    neighbours = _neighbours(tree, region)
    if neighbours and float(region.mask.mean()) < min_area:
        return neighbours[0]
    if test is None:
        return None
    alike = dict[int, float]()
    for other in neighbours:
        if Pair((region.id, other)) not in told_apart:
            verdict = test(tree.image, region.mask, region.mask + tree.region(other).mask)
            # What was found as one object stays one, unless what is left of it is the very same as what is around it.
            together = _found_as(tree, region.id) == _found_as(tree, other)
            if not verdict.significant and (together or verdict.score < _SAME):
                alike[other] = verdict.score
    return min(alike, key=lambda each: alike[each], default=None)


def _found_as(tree: RegionTree, number: int) -> int:
    """The region, directly in the scene, that it is part of."""
    parent = tree.region(number).parent
    return number if parent is None or parent == SCENE else _found_as(tree, parent)


def _neighbours(tree: RegionTree, region: Region) -> list[int]:
    """Ids of the regions next to it, that with the most contact first."""
    around = near(region.mask, 1) - region.mask
    contact = {each.id: float((around * each.mask).sum()) for each in tree.regions if each.id != region.id}
    return sorted((each for each in contact if contact[each] > 0), key=lambda each: -contact[each])


def _merged(tree: RegionTree, region: Region, other: int) -> RegionTree:
    """The region's pixels go to the other; its id and its parts stay, if it has parts: the largest takes its place."""
    regions = {each.id: each for each in tree.regions}
    parts = tree.children(region.id)
    if parts:
        is_part = other in {each.id for each in parts}
        heir = regions[other] if is_part else max(parts, key=lambda each: float(tree.extent(each.id).sum()))
        if is_part:
            regions[region.id] = replace(region, mask=region.mask + heir.mask)
        else:
            regions[other] = replace(regions[other], mask=regions[other].mask + region.mask)
            regions[region.id] = replace(region, mask=heir.mask)
        gone, parent = heir.id, region.id
    else:
        regions[other] = replace(regions[other], mask=regions[other].mask + region.mask)
        gone, parent = region.id, region.parent or SCENE
    kept = (each for each in regions.values() if each.id != gone)
    adopted = (replace(each, parent=parent) if each.parent == gone else each for each in kept)
    return replace(tree, regions=tuple(adopted))


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
