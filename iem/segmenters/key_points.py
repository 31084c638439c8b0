"""Where to click, by a coarse map of what is relevant."""

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from iem.prompts import Points, Size

Relevance = Float[Tensor, "1 1 low_h low_w"]  #: in [0, 1]
_PIECE = 0.25  #: a piece with less relevance than this share of the strongest one's is taken for chance


def key_points(relevance: Relevance, size: Size, *, threshold: float = 0.8, most: int = 3) -> Points | None:
    """Where to click, in pixels (x, y) of a picture of ``size``, (height, width): the middle of each relevant piece.

    A piece is what holds together above the threshold. Single pixels stand out by chance, and a click on one would
    spoil the answer, so pieces with less than a quarter of the strongest one's relevance are left out; the most
    relevant come first. None where nothing is relevant.

    >>> import torch
    >>> found = torch.zeros(1, 1, 4, 8)
    >>> found[..., 0:3, 0:3] = 1.0; found[..., 3, 7] = 1.0
    >>> key_points(found, (40, 80))
    Points(xy=((15.0, 15.0),), positive=(True,))
    """
    values: np.ndarray[Any, Any] = relevance[0, 0].double().numpy()
    pieces, count = ndimage.label(values > threshold)
    if not count:
        return None
    weights = ndimage.sum_labels(values, pieces, range(1, count + 1))
    order = [i for i in np.argsort(-weights, kind="stable") if weights[i] >= _PIECE * weights.max()]
    places = []
    for i in order[:most]:
        depth = ndimage.distance_transform_edt(np.pad(pieces == i + 1, 1))[1:-1, 1:-1]
        row, column = np.unravel_index(np.argmax(depth), depth.shape)
        places.append(
            (float((column + 0.5) * size[1] / values.shape[1]), float((row + 0.5) * size[0] / values.shape[0]))
        )
    return Points(places)
