"""What is known of each region of a picture, as plain containers, from its label map."""

from collections.abc import Sequence
from typing import Any

import torch
from scipy.ndimage import find_objects

from iem.interfaces import Mask
from iem.regions import RegionTree, Round
from iem.runner.peeler import Labels
from iem.visualise import region_colours


def region_rows(tree: RegionTree, labels: Labels) -> list[dict[str, Any]]:
    """A mapping for every region, the scene first.

    ``area`` counts pixels of ``labels``: ``own`` without and ``extent`` with all that lies in the region. ``share`` is
    that of the extent in the picture, and ``box`` its bounds: left, top, right, bottom, the latter two exclusive.

    >>> left = torch.zeros(1, 1, 2, 4); left[..., :2] = 1
    >>> from iem.regions import Region
    >>> tree = RegionTree(torch.zeros(1, 3, 2, 4), (Region(0, None, 1 - left), Region(1, 0, left, 0.5, 0.01, 1)))
    >>> row = region_rows(tree, tree.labels())[1]
    >>> row["parent"], row["area"], row["share"], row["box"], row["colour"]
    (0, {'own': 4, 'extent': 4}, 0.5, [0, 0, 2, 2], '#e69f00')
    """
    count = len(tree.regions)
    areas: list[int] = torch.bincount(labels.flatten(), minlength=count).tolist()
    boxes = find_objects(labels.numpy() + 1, max_label=count)
    rows = []
    for region, colour in zip(tree.regions, region_colours(count), strict=True):
        family = _family(tree, region.id)
        extent = sum(areas[each] for each in family)
        rows.append(
            {
                "id": region.id,
                "parent": region.parent,
                "children": [child.id for child in tree.children(region.id)],
                "depth": tree.depth(region.id),
                "area": {"own": areas[region.id], "extent": extent},
                "share": round(extent / labels.numel(), 6),
                "box": _hull([boxes[each] for each in family if boxes[each] is not None]),
                "score": region.score,
                "p_value": region.p_value,
                "round": region.round,
                "colour": "#" + "".join(f"{round(255 * value):02x}" for value in colour),
            }
        )
    return rows


def round_row(tried: Round) -> dict[str, Any]:
    """What was tried in a round, and what came of it; its pictures left out."""
    verdict = tried.verdict
    return {
        "number": tried.number,
        "kind": tried.kind,
        "within": tried.within,
        "region": tried.region,
        "reason": None if tried.reason is None else str(tried.reason),
        "share": round(float((tried.proposal > 0.5).double().mean()), 6),
        "score": None if verdict is None else verdict.score,
        "p_value": None if verdict is None else verdict.p_value,
        "significant": None if verdict is None else verdict.significant,
    }


def extent_of(tree: RegionTree, labels: Labels, id: int) -> Mask:  # noqa: A002  what it is called everywhere
    """``[1, 1, h, w]``: the region with all that lies in it."""
    is_inside = torch.zeros(len(tree.regions))
    is_inside[_family(tree, id)] = 1.0
    return is_inside[labels][None, None]


def _family(tree: RegionTree, id: int) -> list[int]:  # noqa: A002
    return [id, *(each for child in tree.children(id) for each in _family(tree, child.id))]


def _hull(boxes: Sequence[tuple[slice, slice]]) -> list[int] | None:
    """Left, top, right and bottom of all; None of none."""
    if not boxes:
        return None
    rows, columns = zip(*boxes, strict=True)
    left, top = min(each.start for each in columns), min(each.start for each in rows)
    return [left, top, max(each.stop for each in columns), max(each.stop for each in rows)]
