"""A scene that was taken apart, with every picture of one flat colour, so that it can be told which is shown where."""

import torch

from iem.interfaces import Verdict
from iem.regions import Region, RegionTree, Round, StopReason

PHOTOGRAPH, WITHOUT_ONE, WITHOUT_TWO = (0.9, 0.1, 0.1), (0.1, 0.9, 0.1), (0.1, 0.1, 0.9)


def flat(colour, h, w):
    return torch.tensor(colour).view(1, 3, 1, 1).repeat(1, 1, h, w)


def box(top, bottom, left, right, h, w):
    """A mask, with sides in tenths of the picture's."""
    mask = torch.zeros(1, 1, h, w)
    mask[..., top * h // 10 : bottom * h // 10, left * w // 10 : right * w // 10] = 1
    return mask


def peeled_scene(h=60, w=90):
    """Regions 1 and 2 painted away, 3 split off 2, then a refusal."""
    one, two, part = box(2, 8, 1, 3, h, w), box(2, 8, 5, 9, h, w), box(4, 6, 6, 8, h, w)
    yes, no = Verdict(0.4, 0.005, True), Verdict(0.01, 0.31, False)
    start, then, last = (flat(colour, h, w) for colour in (PHOTOGRAPH, WITHOUT_ONE, WITHOUT_TWO))
    rounds = (
        Round(1, "paint", 0, start, one, yes, 1, None, one, then),
        Round(2, "paint", 0, then, two, yes, 2, None, two, last),
        Round(3, "split", 2, start, part, yes, 3),
        Round(4, "split", 0, start, box(0, 1, 0, 10, h, w), no, None, StopReason.NOT_SIGNIFICANT),
    )
    regions = (
        Region(0, None, 1 - one - two),
        Region(1, 0, one, 0.4, 0.005, 1),
        Region(2, 0, two - part, 0.4, 0.005, 2),
        Region(3, 2, part, 0.4, 0.005, 3),
    )
    return RegionTree(start, regions, rounds, StopReason.NOT_SIGNIFICANT)


def nothing_found(reason, h=60, w=90):
    image = flat(PHOTOGRAPH, h, w)
    return RegionTree(image, (Region(0, None, torch.ones(1, 1, h, w)),), (), reason)
