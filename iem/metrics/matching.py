"""Scores of regions that carry no names: which predicted region stands for which true one.

Every matching looks at the truth, so every score made from one is an oracle, in the sense of
``iem.metrics.overlap``: an upper bound that says how well the regions *can* be read.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torchmetrics import Metric

from iem.checks import check_mask, check_range
from iem.interfaces import Mask, Regions, Scores
from iem.metrics.confusion import IgnoreRule, confusion, ratio, threshold

Labels = Int[Tensor, "b h w"]

_MOST_LABELS = 1024


def match_polarity(
    mask: Mask, truth: Mask, *, ignore: Mask | None = None, ignore_rule: IgnoreRule = "exclude"
) -> tuple[Mask, Bool[Tensor, " b"]]:
    """Turn each mask to the polarity with the larger IoU, and say which were turned; soft values are kept.

    A tie or an undefined IoU leaves the mask as it is.

    Args:
        mask: ``[b, 1, h, w]`` in [0, 1].
        truth: the same shape and range.
        ignore: the same shape and range, 1 = see ``ignore_rule``; ignored pixels are turned with the others.
        ignore_rule: as in ``iem.metrics.overlap.iou``.

    Raises:
        TypeError: a mask is not a floating-point tensor.
        ValueError: shapes differ, or a value is NaN or outside [0, 1].

    >>> mask, flipped = match_polarity(torch.tensor([[[[0.9, 0.1]]]]), torch.tensor([[[[0.0, 1.0]]]]))
    >>> mask.round(decimals=2).tolist(), flipped.tolist()
    ([[[[0.1..., 0.8...]]]], [True])
    """
    counts = confusion(mask, truth, ignore=ignore, ignore_rule=ignore_rule)
    flipped = counts.complement().iou() > counts.iou()
    return torch.where(flipped[:, None, None, None], 1 - mask, mask), flipped


@dataclass(frozen=True)
class Matching:
    """The best one-to-one pairing of predicted with true regions, per picture.

    Attributes:
        assignment: ``[b, m]``, the predicted region that stands for each true one; -1 where none overlaps it.
        iou: ``[b, m]``, IoU of each pair; 0 where a true region has no partner, NaN where the picture does not
            contain the true region.
    """

    assignment: Int[Tensor, "b m"]
    iou: Float[Tensor, "b m"]

    def mean(self) -> Scores:
        """Mean IoU over the true regions that each picture contains; NaN if it contains none."""
        return self.iou.nanmean(1)


def match_regions(regions: Regions | Labels, truth: Regions | Labels, *, ignore: Mask | None = None) -> Matching:
    """Pair predicted with true regions, one to one, so that the sum of their IoU is largest (Hungarian algorithm).

    Kuhn, "The Hungarian method for the assignment problem", 1955. The numbers of regions need not agree.

    Args:
        regions: float ``[b, k, h, w]`` in [0, 1], each pixel belongs to its largest entry (the first, in a tie); or
            whole-numbered labels ``[b, h, w]`` from 0.
        truth: either form; label m is the m-th region, and labels count from 0.
        ignore: ``[b, 1, h, w]`` in [0, 1]; pixels above one half are left out.

    Raises:
        TypeError: neither floating-point nor whole-numbered tensors.
        ValueError: shapes differ, one single region, values outside [0, 1], labels below 0 or above 1023.

    >>> prediction = torch.tensor([[[1, 1, 0, 0]]])
    >>> truth = torch.tensor([[[0, 0, 0, 1]]])
    >>> matching = match_regions(prediction, truth)
    >>> matching.assignment.tolist(), matching.iou.round(decimals=3).tolist()
    ([[1, 0]], [[0.667, 0.5]])
    """
    predicted, true = _labels(regions, "regions"), _labels(truth, "truth")
    if predicted.shape != true.shape:
        raise ValueError(
            f"truth: expected [b, h, w] = {list(predicted.shape)} like the regions, got {list(true.shape)}; "
            "resize one of them"
        )
    n_predicted = regions.shape[1] if regions.is_floating_point() else int(predicted.max()) + 1
    n_true = truth.shape[1] if truth.is_floating_point() else int(true.max()) + 1
    kept = torch.ones_like(true, dtype=torch.bool)
    if ignore is not None:
        kept = ~threshold(ignore, ignore.new_empty(len(true), 1, *true.shape[1:]), "ignore")[:, 0]
    overlap = _overlaps(predicted, true, kept, n_predicted, n_true)
    union = overlap.sum(2, keepdim=True) + overlap.sum(1, keepdim=True) - overlap
    pairs = ratio(overlap, union)
    assignment = torch.full((len(true), n_true), -1, device=true.device)
    for picture, table in enumerate(pairs.nan_to_num(0).cpu().numpy()):
        rows, columns = linear_sum_assignment(table, maximize=True)
        overlapping = table[rows, columns] > 0
        found = torch.from_numpy(np.stack([rows[overlapping], columns[overlapping]])).to(true.device)
        assignment[picture, found[1]] = found[0]
    score = pairs.nan_to_num(0).gather(1, assignment.clamp(min=0)[:, None])[:, 0]
    score = score.where(assignment >= 0, 0).where(overlap.sum(1) > 0, torch.nan)
    return Matching(assignment, score)


def best_match_iou(regions: Regions | Labels, truth: Regions | Labels, *, ignore: Mask | None = None) -> Scores:
    """Mean IoU of the best one-to-one pairing, over the true regions of each picture, in [0, 1].

    A true region without a partner counts 0; surplus predicted regions cost nothing by themselves. Arguments and
    errors are those of ``match_regions``.

    >>> best_match_iou(torch.tensor([[[1, 1, 0, 0]]]), torch.tensor([[[0, 0, 1, 1]]])).tolist()
    [1.0]
    """
    return match_regions(regions, truth, ignore=ignore).mean()


class MatchedIoU(Metric):
    """Mean over pictures of ``best_match_iou``; pictures where it is undefined are left out, no picture gives NaN.

    Raises:
        ValueError: ``update`` raises what ``match_regions`` does.

    >>> metric = MatchedIoU()
    >>> metric.update(torch.tensor([[[1, 1, 0, 0]]]), torch.tensor([[[0, 0, 1, 1]]]))
    >>> metric.compute().item()
    1.0
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = True

    score_units: Tensor
    defined: Tensor

    _UNITS_PER_ONE = 2**40

    def __init__(self, **metric: Any) -> None:
        super().__init__(**metric)
        self.add_state("score_units", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("defined", torch.tensor(0), dist_reduce_fx="sum")

    @property
    def update_called(self) -> bool:
        """Always true: without pictures the answer is NaN, which says it; torchmetrics would warn on top."""
        return True

    def update(self, regions: Regions | Labels, truth: Regions | Labels, ignore: Mask | None = None) -> None:
        """Add pictures."""
        scores = best_match_iou(regions, truth, ignore=ignore)
        # Sums of whole numbers are exact in any order and on any number of processes, and every device has them.
        units = (scores.nan_to_num(0) * self._UNITS_PER_ONE).round().long()
        self.score_units += units.sum().to(self.device)
        self.defined += (~scores.isnan()).sum().to(self.device)

    def compute(self) -> Tensor:
        """The mean."""
        return ratio(self.score_units, self.defined) / self._UNITS_PER_ONE


def _labels(regions: Tensor, name: str) -> Labels:
    if not isinstance(regions, torch.Tensor) or regions.is_floating_point():
        check_mask(regions, name=name)
        if regions.shape[1] < 2:
            raise ValueError(
                f"{name}: expected [b, k, h, w] with at least two regions, got {list(regions.shape)}; "
                "add the complement with torch.cat([mask, 1 - mask], 1)"
            )
        check_range(regions, 0.0, 1.0, name)
        return regions.argmax(1)
    if regions.dtype == torch.bool or regions.is_complex():
        raise TypeError(f"{name}: expected regions or whole-numbered labels, got {regions.dtype}; convert with .long()")
    if regions.ndim != 3 or regions.numel() == 0:
        raise ValueError(
            f"{name}: expected labels of shape [b, h, w], got {list(regions.shape)}; drop the channel axis"
        )
    least, most = int(regions.min()), int(regions.max())
    if least < 0 or most >= _MOST_LABELS:
        raise ValueError(
            f"{name}: expected labels from 0 to {_MOST_LABELS - 1}, got {least} to {most}; "
            "number them with torch.unique(labels, return_inverse=True), and mark void pixels in `ignore`"
        )
    return regions.long()


def _overlaps(predicted: Labels, true: Labels, kept: Tensor, n_predicted: int, n_true: int) -> Int[Tensor, "b k m"]:
    """Pixels that each predicted and each true region have in common."""
    picture = torch.arange(len(true), device=true.device)[:, None, None]
    pair = (picture * n_predicted + predicted) * n_true + true
    counts = torch.bincount(pair[kept], minlength=len(true) * n_predicted * n_true)
    return counts.reshape(len(true), n_predicted, n_true)
