"""Prompts that a person who knows the truth would give, for measuring segmenters."""

from typing import Any

import numpy as np
from jaxtyping import Bool
from scipy import ndimage, sparse
from scipy.sparse import csgraph
from torch import Tensor

from iem.interfaces import Mask
from iem.prompts import Box, Points, Scribble

Region = Bool[Tensor, "1 1 h w"]
KINDS = ("box", "click", "scribble")


def tight_box(truth: Mask) -> Box:
    """The smallest box that holds the object.

    >>> import torch
    >>> truth = torch.zeros(1, 1, 6, 8); truth[..., 1:3, 2:7] = 1
    >>> tight_box(truth)
    Box(left=2, top=1, right=7, bottom=3)
    """
    rows, columns = (truth[0, 0] >= 0.5).nonzero(as_tuple=True)
    return Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)


def interior_click(truth: Mask) -> Points:
    """A click on the pixel of the object that is farthest from all that is not, the picture's frame included.

    >>> import torch
    >>> truth = torch.zeros(1, 1, 6, 8); truth[..., :5, 2:7] = 1
    >>> interior_click(truth)
    Points(xy=((4.5, 2.5),), positive=(True,))
    """
    return Points([_deepest(truth >= 0.5)[0]])


def next_click(truth: Mask, mask: Mask) -> Points | None:
    """A click in the middle of the largest error: on the object where the mask lacks it, beside it where it does not.

    The largest is the one with the deepest pixel. None if there is no error.

    >>> import torch
    >>> truth = torch.zeros(1, 1, 6, 8); truth[..., :5, 2:7] = 1
    >>> next_click(truth, torch.ones_like(truth)).positive, next_click(truth, 0 * truth).positive
    ((False,), (True,))
    """
    wanted, found = truth >= 0.5, mask > 0.5
    errors = [(missing, positive) for missing, positive in ((wanted & ~found, True), (found & ~wanted, False))]
    deepest = [(*_deepest(error), positive) for error, positive in errors if bool(error.any())]
    if not deepest:
        return None
    place, _, positive = max(deepest, key=lambda each: each[1])
    return Points([place], [positive])


def skeleton_scribble(truth: Mask, width: float = 0.02) -> Scribble:
    """A stroke along the longest way through the skeleton of the object's largest piece.

    Args:
        truth: with a pixel of at least one half.
        width: of the stroke, as a share of the picture's short side; less where the object is thinner.

    >>> import torch
    >>> truth = torch.zeros(1, 1, 30, 60); truth[..., 10:21, 5:55] = 1
    >>> scribble = skeleton_scribble(truth)
    >>> scribble.points[len(scribble.points) // 2][1], scribble.width  # along the middle row
    (15.5, 1.0)
    """
    from skimage.morphology import skeletonize

    pieces, count = ndimage.label((truth[0, 0] >= 0.5).numpy(), np.ones((3, 3)))
    sizes = ndimage.sum_labels(np.ones_like(pieces), pieces, range(1, count + 1))
    piece = pieces == int(np.argmax(sizes)) + 1
    depth = ndimage.distance_transform_edt(np.pad(piece, 1))[1:-1, 1:-1]
    way = _longest_way(skeletonize(piece))
    across = min(
        max(1.0, width * min(piece.shape)), max(1.0, 2 * float(np.median([depth[place] for place in way])) - 1)
    )
    step = max(1, round(across / 2))
    kept = [*way[:-1:step], way[-1]]
    return Scribble([(column + 0.5, row + 0.5) for row, column in kept], across)


def _deepest(region: Region) -> tuple[tuple[float, float], float]:
    """The (x, y) of the pixel that is farthest from the outside, and how far it is."""
    depth: np.ndarray[Any, Any] = ndimage.distance_transform_edt(np.pad(region[0, 0].numpy(), 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return (float(column) + 0.5, float(row) + 0.5), float(depth.max())


def _longest_way(skeleton: np.ndarray[Any, Any]) -> list[tuple[int, int]]:
    """The pixels (row, column) from one end to the other of the longest of all shortest ways through a skeleton."""
    places = np.argwhere(skeleton)
    number = np.full(np.array(skeleton.shape) + 2, -1)
    number[1:-1, 1:-1][skeleton] = np.arange(len(places))
    starts, ends, lengths = [], [], []
    for down, across in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = number[places[:, 0] + 1 + down, places[:, 1] + 1 + across]
        starts.append(np.flatnonzero(other >= 0))
        ends.append(other[other >= 0])
        lengths.append(np.full(len(ends[-1]), np.hypot(down, across)))
    graph = sparse.coo_array(
        (np.concatenate(lengths), (np.concatenate(starts), np.concatenate(ends))), shape=(len(places),) * 2
    ).tocsr()
    # The pixel farthest from any one is an end of the longest way, in a tree; a skeleton is nearly one.
    away = csgraph.dijkstra(graph, directed=False, indices=0)
    first = int(np.where(np.isfinite(away), away, -1).argmax())
    away, before = csgraph.dijkstra(graph, directed=False, indices=first, return_predecessors=True)
    here = int(np.where(np.isfinite(away), away, -1).argmax())
    way = []
    while here >= 0:
        way.append((int(places[here, 0]), int(places[here, 1])))
        here = int(before[here])
    return way
