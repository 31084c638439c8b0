"""Segment everything: a click on each knot of a grid, of whose answers the sure, the stable and the different stay."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from iem.checks import check_choice, check_number
from iem.segmenters.padded_square import PaddedSquare

#: ``[n, 2]`` places (x, y) of the picture -> ``[n, k, low, low]`` logits and ``[n, k]`` scores of k candidates each.
Decode = Callable[[Float[Tensor, "n 2"]], tuple[Float[Tensor, "n k low low"], Float[Tensor, "n k"]]]
Compared = Literal["mask", "box"]


@final
@dataclass(frozen=True)
class Everything:
    """How to find all there is with a network that answers clicks (Kirillov et al., *Segment Anything*, ICCV 2023).

    The published program measures stability at the photo's size and compares bounding boxes; here both are done where
    the network's own masks are, which is as good, takes a photo of any size, and tells a ring from its filling.

    Args:
        points_per_side: of the grid, whose knots are the centres of as many cells as that squared.
        points_per_batch: how many clicks the network answers at a time: more need more memory.
        least_iou: what the network must expect its mask's IoU with a true one to be.
        least_stability: see ``stability``.
        offset: see ``stability``.
        overlap: IoU with a better mask above which a mask is left out.
        compare: "mask" for the IoU of masks, "box" for that of their bounding boxes, as published.
        min_area: of masks, of their pieces and of their holes, as a share of the picture; smaller ones are removed.

    >>> Everything(points_per_side=2).grid(4, 8).tolist()
    [[2.0, 1.0], [6.0, 1.0], [2.0, 3.0], [6.0, 3.0]]
    """

    points_per_side: int = 32
    points_per_batch: int = 64
    least_iou: float = 0.88
    least_stability: float = 0.95
    offset: float = 1.0
    overlap: float = 0.7
    compare: Compared = "mask"
    min_area: float = 0.0002

    def __post_init__(self) -> None:
        check_number(self.points_per_side, "points_per_side", low=1, high=256, integer=True)
        check_number(self.points_per_batch, "points_per_batch", low=1, integer=True)
        for name in ("least_iou", "least_stability", "overlap", "min_area"):
            check_number(getattr(self, name), name, low=0, high=1)
        check_number(self.offset, "offset", low=0)
        check_choice(self.compare, "compare", ("mask", "box"))

    def grid(self, height: int, width: int) -> Float[Tensor, "n 2"]:
        """The places (x, y) to click on, row by row."""
        along = (torch.arange(self.points_per_side) + 0.5) / self.points_per_side
        y, x = torch.meshgrid(along * height, along * width, indexing="ij")
        return torch.stack([x, y], dim=-1).flatten(0, 1)

    def find(
        self, decode: Decode, square: PaddedSquare, on_step: Callable[[int, int], None] | None = None
    ) -> tuple[Float[Tensor, "n low low"], Float[Tensor, " n"]]:
        """Logits of the masks that stay and the network's scores of them, the best first.

        Args:
            decode: answers clicks.
            square: where the picture lies in what the network sees.
            on_step: called with (step, steps) after each batch of clicks; what it raises ends the search.
        """
        batches = self.grid(square.height, square.width).split(self.points_per_batch)
        logits, scores = [], []
        for step, points in enumerate(batches, 1):
            found, expected = (each.flatten(0, 1) for each in decode(points))
            sure = expected >= self.least_iou
            found, expected = found[sure], expected[sure]
            stable = stability(square.unpadded(found), self.offset) >= self.least_stability
            logits.append(found[stable])
            scores.append(expected[stable])
            if on_step is not None:
                on_step(step, len(batches))
        everything, all_scores = torch.cat(logits), torch.cat(scores)
        masks = square.unpadded(everything) > 0
        chosen = suppress(masks, all_scores, self.overlap, self.compare)
        return everything[chosen], all_scores[chosen]


def stability(logits: Float[Tensor, "n h w"], offset: float) -> Float[Tensor, " n"]:
    """How little a mask depends on where its logits are cut: the IoU of what is above +offset and above -offset.

    >>> stability(torch.tensor([[[3.0, 0.5, -3.0]], [[2.0, 3.0, -2.0]], [[-2.0, -2.0, -2.0]]]), 1.0)
    tensor([0.5000, 1.0000, 0.0000])
    """
    inner = (logits > offset).flatten(1).sum(1)
    outer = (logits > -offset).flatten(1).sum(1)
    return inner / outer.clamp(min=1)


def suppress(
    masks: Bool[Tensor, "n h w"], scores: Float[Tensor, " n"], overlap: float, compare: Compared = "mask"
) -> list[int]:
    """Which masks to keep, the best first: none overlaps a better one by an IoU of more than ``overlap``.

    >>> masks = torch.tensor([[[1, 1, 0, 0]], [[1, 1, 1, 0]], [[0, 0, 0, 1]]]).bool()
    >>> suppress(masks, torch.tensor([0.8, 0.9, 0.5]), 0.6)
    [1, 2]
    """
    rest = scores.argsort(descending=True, stable=True)
    boxes = bounding_boxes(masks)
    kept = []
    while len(rest):
        best, rest = int(rest[0]), rest[1:]
        kept.append(best)
        iou = _mask_iou(masks, best, rest) if compare == "mask" else box_iou(boxes[best], boxes[rest])
        rest = rest[iou <= overlap]
    return kept


def bounding_boxes(masks: Bool[Tensor, "n h w"]) -> Float[Tensor, "n 4"]:
    """Left, top, right and bottom of each mask, where right and bottom are no longer in it; zeros for an empty one."""
    edges = []
    for axis in (1, 2):  # what is left along the columns, then along the rows
        filled = masks.any(axis)
        side = filled.shape[1]
        places = torch.arange(side, device=masks.device)
        edges.append(torch.where(filled, places, side).amin(1) % max(side, 1))
        edges.append(torch.where(filled, places + 1, 0).amax(1))
    left, right, top, bottom = edges
    return torch.stack([left, top, right, bottom], dim=1).float()


def box_iou(one: Float[Tensor, " 4"], others: Float[Tensor, "n 4"]) -> Float[Tensor, " n"]:
    """IoU of a box with others, 0 where both are empty."""
    shared = (torch.minimum(one[2:], others[:, 2:]) - torch.maximum(one[:2], others[:, :2])).clamp(min=0).prod(1)
    both = (one[2:] - one[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(1)
    return shared / (both - shared).clamp(min=1e-6)


def _mask_iou(masks: Bool[Tensor, "n h w"], one: int, others: Tensor) -> Float[Tensor, " m"]:
    shared = (masks[others] & masks[one]).flatten(1).sum(1)
    both = masks[others].flatten(1).sum(1) + masks[one].sum()
    return shared / (both - shared).clamp(min=1)
