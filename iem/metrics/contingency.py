"""How many pixels the regions of two partitions share: what all scores of a partition are read off."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from iem.checks import check_range
from iem.metrics.confusion import ratio

Labels = Int[Tensor, "h w"]

MOST_LABELS = 1 << 16  # as a 16-bit picture of labels holds
_DENSE = 1 << 22  # entries of a table that is counted without renumbering the labels first


@dataclass(frozen=True)
class Contingency:
    """Pixels that each predicted region (row) has in common with each true one (column), by increasing label.

    Regions without a pixel have neither row nor column; the table is empty if every pixel is ignored.

    Attributes:
        pixels: ``[k, m]``.
        regions: ``[k]``, the labels of the rows.
        true_regions: ``[m]``, those of the columns.
    """

    pixels: Int[Tensor, "k m"]
    regions: Int[Tensor, " k"]
    true_regions: Int[Tensor, " m"]

    def iou(self) -> Tensor:
        """``[k, m]``: intersection over union of each pair, in [0, 1].

        >>> contingency(torch.tensor([[0, 0, 0, 1]]), torch.tensor([[0, 1, 1, 1]])).iou()
        tensor([[0.3333, 0.5000],
                [0.0000, 0.3333]], dtype=torch.float64)
        """
        union = self.pixels.sum(1, keepdim=True) + self.pixels.sum(0) - self.pixels
        return ratio(self.pixels, union)


def contingency(labels: Labels, truth: Labels, *, ignore: Tensor | None = None) -> Contingency:
    """Count the pixels that each predicted region has in common with each true one.

    Args:
        labels: whole numbers ``[h, w]`` from 0 to 65535; gaps between them do not matter.
        truth: the same.
        ignore: ``[h, w]`` or ``[1, 1, h, w]`` in [0, 1]; pixels above one half are left out. None: all pixels count.

    Raises:
        TypeError: labels that are not whole numbers.
        ValueError: shapes differ, or a label below 0 or above 65535.

    >>> table = contingency(torch.tensor([[0, 0, 7, 7]]), torch.tensor([[1, 1, 1, 2]]))
    >>> table.pixels.tolist(), table.regions.tolist(), table.true_regions.tolist()
    ([[2, 0], [1, 1]], [0, 7], [1, 2])
    """
    k, m = _count_labels(labels, "labels"), _count_labels(truth, "truth")
    if labels.shape != truth.shape:
        raise ValueError(
            f"labels: expected shape {list(truth.shape)} like the truth, got {list(labels.shape)}; resize one of them"
        )
    rows, columns = labels.flatten().long(), truth.flatten().long()
    if ignore is not None:
        if ignore.numel() != truth.numel() or ignore.shape[-2:] != truth.shape:
            raise ValueError(
                f"ignore: expected shape {list(truth.shape)} like the truth, got {list(ignore.shape)}; resize it"
            )
        check_range(ignore, 0.0, 1.0, "ignore")
        kept = (ignore <= 0.5).flatten()
        rows, columns = rows[kept], columns[kept]
    regions, true_regions = torch.arange(k, device=rows.device), torch.arange(m, device=rows.device)
    if k * m > _DENSE:
        (rows, regions), (columns, true_regions) = _renumber(rows), _renumber(columns)
        k, m = len(regions), len(true_regions)
    pixels = torch.bincount(rows * m + columns, minlength=k * m).view(k, m)
    row, column = pixels.sum(1) > 0, pixels.sum(0) > 0
    return Contingency(pixels[row][:, column], regions[row], true_regions[column])


def _count_labels(labels: Tensor, name: str) -> int:
    """One more than the largest label."""
    if (
        not isinstance(labels, Tensor)
        or labels.is_floating_point()
        or labels.is_complex()
        or labels.dtype is torch.bool
    ):
        kind = labels.dtype if isinstance(labels, Tensor) else type(labels).__name__
        raise TypeError(f"{name}: expected a tensor of whole-numbered labels, got {kind}; convert with .long()")
    if labels.ndim != 2 or labels.numel() == 0:
        raise ValueError(f"{name}: expected labels of shape [h, w], got {list(labels.shape)}; give one picture's")
    least, most = (int(value) for value in labels.aminmax())
    if least < 0 or most >= MOST_LABELS:
        raise ValueError(
            f"{name}: expected labels from 0 to {MOST_LABELS - 1}, got {least} to {most}; "
            "number them with torch.unique(labels, return_inverse=True), and mark void pixels in `ignore`"
        )
    return most + 1


def _renumber(labels: Int[Tensor, " n"]) -> tuple[Int[Tensor, " n"], Int[Tensor, " k"]]:
    """Labels from 0 without gaps, and what each was. Without the sort that torch.unique makes."""
    present = torch.bincount(labels).nonzero().flatten()
    number = torch.zeros(MOST_LABELS, dtype=torch.long, device=labels.device)
    number[present] = torch.arange(len(present), device=labels.device)
    return number[labels], present
