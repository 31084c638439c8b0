"""k-means in one dimension, without chance."""

import itertools

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from iem.checks import check_number

_CELLS = 512
_ROUNDING = 1e-6
_Numbers = NDArray[np.float64]
_Places = NDArray[np.intp]


def cluster_centres(values: Float[Tensor, " n"], clusters: int) -> Float[Tensor, " clusters"]:
    """Centres of the clusters with the least sum of squared distances, in ascending order.

    A cluster on a line is an interval, so dynamic programming finds the best cuts (Fisher, JASA 1958). Among up to 512
    values that is exact. Of more, it looks at 512 cells, of equal width at first, and then again at ever finer cells
    around the cuts until these lie between two values.

    Args:
        values: finite.
        clusters: how many; there are fewer if there are fewer values that differ by more than rounding.

    >>> cluster_centres(torch.tensor([0.0, 5.0, 0.2, 5.2, 9.0]), 3)
    tensor([0.1000, 5.1000, 9.0000])
    """
    check_number(clusters, "clusters", low=1, integer=True)
    numbers = np.sort(values.detach().double().cpu().numpy())
    if not len(numbers):
        return values.new_zeros(0)
    offset = numbers.mean()
    # What differs by rounding alone is the same.
    different = 1 + int((np.diff(numbers) > _ROUNDING * np.abs(numbers).max()).sum())
    cuts = _best_cuts(numbers - offset, min(clusters, different))
    centres = [float((numbers[a:b] - offset).mean()) + offset for a, b in itertools.pairwise(cuts)]
    return torch.tensor(centres, dtype=torch.float64).to(values)


def nearest_centre(values: Tensor, centres: Float[Tensor, " clusters"]) -> Tensor:
    """The index of the centre nearest to each value, the lower one in a tie; ``centres`` ascend.

    >>> nearest_centre(torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.0, 1.0]))
    tensor([0, 0, 1])
    """
    return torch.bucketize(values, (centres[1:] + centres[:-1]) / 2)


def _best_cuts(numbers: _Numbers, clusters: int) -> _Places:
    """Where the clusters begin among ascending numbers, and the end."""
    count = len(numbers)
    sums, squares = (np.concatenate([[0.0], np.cumsum(numbers**power)]) for power in (1, 2))
    edges = np.arange(count + 1)
    if count > _CELLS:
        even = np.linspace(numbers[0], numbers[-1], _CELLS + 1)[1:-1]
        edges = np.unique(np.concatenate([[0, count], np.searchsorted(numbers, even)]))
    while True:
        chosen = _cheapest(edges, sums[edges], squares[edges], clusters)
        finer = [
            np.linspace(edges[max(i - 1, 0)], edges[min(i + 1, len(edges) - 1)], _CELLS // 2).astype(np.intp)
            for i in chosen[1:-1]
        ]
        finer_edges = np.unique(np.concatenate([edges[chosen], *finer]))
        if np.isin(finer_edges, edges).all():
            return edges[chosen]
        edges = finer_edges


def _cheapest(edges: _Places, sums: _Numbers, squares: _Numbers, clusters: int) -> _Places:
    """The indices of those edges that cut off intervals with the least squared deviations together."""
    size, total, square = (each[None] - each[:, None] for each in (edges, sums, squares))
    # From the edge of the row to that of the column; no interval is empty, none runs backwards.
    cost = np.where(size > 0, square - total**2 / np.maximum(size, 1), np.inf)
    best, starts = cost[0], []
    for _ in range(clusters - 1):
        through = best[:, None] + cost
        starts.append(through.argmin(0))
        best = through.min(0)
    chosen = [len(edges) - 1]
    for start in reversed(starts):
        chosen.append(int(start[chosen[-1]]))
    return np.array([0, *chosen[::-1]])
