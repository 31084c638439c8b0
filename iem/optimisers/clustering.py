"""k-means in one dimension, without chance."""

import itertools

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from iem.checks import check_number

_CELLS = 512
_Numbers = NDArray[np.float64]


def cluster_centres(values: Float[Tensor, " n"], clusters: int, *, iterations: int = 200) -> Float[Tensor, " clusters"]:
    """Centres of the clusters with the least sum of squared distances, in ascending order.

    A cluster on a line is an interval, so the best cuts are found by dynamic programming (Fisher, JASA 1958): among the
    values themselves if there are no more than 512, exactly, else among 512 cells of equal width, followed by Lloyd's
    iterations on the values.

    Args:
        values: finite.
        clusters: how many; there are fewer if there are fewer different values.
        iterations: of Lloyd's, at most.

    >>> cluster_centres(torch.tensor([0.0, 5.0, 0.2, 5.2, 9.0]), 3)
    tensor([0.1000, 5.1000, 9.0000])
    """
    check_number(clusters, "clusters", low=1, integer=True)
    check_number(iterations, "iterations", low=0, integer=True)
    numbers = np.sort(values.detach().double().cpu().numpy())
    if not len(numbers):
        return values.new_zeros(0)
    offset = numbers.mean()
    numbers = numbers - offset
    centres = _lloyd(numbers, _best_cuts(numbers, clusters), iterations)
    return torch.from_numpy(centres + offset).to(values)


def nearest_centre(values: Tensor, centres: Float[Tensor, " clusters"]) -> Tensor:
    """The index of the centre nearest to each value, the lower one in a tie; ``centres`` ascend.

    >>> nearest_centre(torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.0, 1.0]))
    tensor([0, 0, 1])
    """
    return torch.bucketize(values, (centres[1:] + centres[:-1]) / 2)


def _best_cuts(numbers: _Numbers, clusters: int) -> _Numbers:
    """Centres of the best partition of cells into intervals."""
    if len(numbers) <= _CELLS:
        cells = [np.ones_like(numbers), numbers, numbers**2]
    else:
        edges = np.linspace(numbers[0], numbers[-1], _CELLS + 1)
        cell = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, _CELLS - 1)
        weights = (np.ones_like(numbers), numbers, numbers**2)
        cells = [np.bincount(cell, weights=each, minlength=_CELLS) for each in weights]
    count, total, square = (np.concatenate([[0.0], np.cumsum(each)]) for each in cells)
    pixels, sums = count[None] - count[:, None], total[None] - total[:, None]  # of the cells from row to column
    spread = square[None] - square[:, None] - sums**2 / np.maximum(pixels, 1)
    cost = np.where(np.tri(len(count), k=-1, dtype=bool), np.inf, np.maximum(spread, 0))
    best, starts = cost[0], []
    for _ in range(clusters - 1):
        through = best[:, None] + cost
        starts.append(through.argmin(0))
        best = through.min(0)
    cuts = [len(count) - 1]
    for start in reversed(starts):
        cuts.append(int(start[cuts[-1]]))
    cuts = sorted({0, *cuts})
    means = [sums[a, b] / pixels[a, b] for a, b in itertools.pairwise(cuts) if pixels[a, b]]
    return np.unique(means)


def _lloyd(numbers: _Numbers, centres: _Numbers, iterations: int) -> _Numbers:
    sums = np.concatenate([[0.0], np.cumsum(numbers)])
    for _ in range(iterations):
        inner = np.searchsorted(numbers, (centres[1:] + centres[:-1]) / 2, side="right")
        cuts = np.unique(np.concatenate([[0], inner, [len(numbers)]]))
        moved = np.unique((sums[cuts[1:]] - sums[cuts[:-1]]) / np.diff(cuts))
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres
