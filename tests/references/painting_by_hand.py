"""One step of PaintSeg's alternation after the published numbers, in NumPy, pixel by pixel where that is clearest."""

import itertools
import math

import numpy as np
from scipy import ndimage


def cross(side):
    """As OpenCV's MORPH_CROSS."""
    structure = np.zeros((side, side), dtype=bool)
    structure[side // 2] = structure[:, side // 2] = True
    return structure


def grow(mask, side, times=1):
    return ndimage.binary_dilation(mask, cross(side), iterations=times)


def shrink(mask, side, times=1):
    return ndimage.binary_erosion(mask, cross(side), iterations=times, border_value=1)


def best_clusters(values, count):
    """Centres of the cheapest partition into two or three intervals: all are tried."""
    places, weights = np.unique(values, return_counts=True)
    count = min(count, len(places))
    mass = np.concatenate([[0], weights.cumsum()])
    total, square = (np.concatenate([[0], (weights * places**power).cumsum()]) for power in (1, 2))

    def cost(a, b):
        return square[b] - square[a] - (total[b] - total[a]) ** 2 / (mass[b] - mass[a])

    n, best = len(places), (np.inf, ())
    for a in range(1, n) if count == 3 else [0]:
        cuts = np.arange(a + 1, n)
        if len(cuts):
            costs = (cost(0, a) if a else 0) + cost(a, cuts) + cost(cuts, n)
            best = min(best, (costs.min(), (0, a, cuts[costs.argmin()], n)), key=lambda entry: entry[0])
    edges = sorted(set(best[1])) or [0, n]
    return [(total[b] - total[a]) / (mass[b] - mass[a]) for a, b in itertools.pairwise(edges)]


def extent(mask):
    rows, columns = np.nonzero(mask)
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


def scaled(box, factor, shape, shift=0):
    window = []
    for low, high, length in ((*box[:2], shape[0]), (*box[2:], shape[1])):
        centre, half = (low + high) / 2, factor * (high - low) / 2
        window.append(slice(max(0, math.floor(centre - half) + shift), min(length, math.ceil(centre + half) + shift)))
    return tuple(window)


def amcp(image, inside, outside, start, *, prompt, steps, shifts, points=()):
    """Masks after each step; ``inside`` and ``outside`` are what the painters would put everywhere.

    Args:
        image: ``[3, h, w]``, whose long side is the one that pixels are stated for.
        inside: ``[crops, 3, h, w]``, a painting for each crop.
        outside: the same, of the other painter.
        start: ``bool[h, w]``.
        prompt: coarse, box, scribble or point.
        steps: how many.
        shifts: of each step, of each crop.
        points: (row, column) of each.
    """
    mask = np.ones_like(start) if prompt == "point" else start
    valid = np.zeros_like(mask)
    valid[scaled(extent(mask), 1.25, mask.shape)] = True
    found = []
    for step in range(steps):
        first = step % 2 == 0
        if first:
            box, factor, hole, painted = extent(mask), 1.1, grow(mask, 3, 4), inside
        else:
            ring = ~mask if prompt == "point" else grow(mask, 15) & ~mask
            factor, hole, painted = 1.1**2, ring, outside
        windows = [scaled(box, factor, mask.shape, shift) for shift in shifts[step]]
        differences = []
        for each, window in zip(painted, windows, strict=True):
            composite = np.where(hole, each, image)
            crop = ((composite - image) ** 2).sum(0)[window]
            if prompt == "point":
                bump = np.zeros_like(crop)
                for row, column in points:
                    for i, j in np.ndindex(crop.shape):
                        far = (i + window[0].start - row) ** 2 + (j + window[1].start - column) ** 2
                        bump[i, j] += math.exp(-far / (2 * (sum(crop.shape) / 5) ** 2))
                bump = bump * (crop.max() - crop.min()) + crop.min()
                crop = crop + (0.2 - 0.04 * step) * bump * (1 if first else -1)
            differences.append(crop)
        three = (prompt == "box" and step == 0) or (prompt == "point" and step < 3)
        centres = np.array(best_clusters(np.concatenate([each.ravel() for each in differences]), 3 if three else 2))
        votes, shown = np.zeros(mask.shape), np.zeros(mask.shape)
        for crop, window in zip(differences, windows, strict=True):
            nearest = np.abs(crop[..., None] - centres).argmin(-1)
            votes[window] += nearest == (len(centres) - 1 if first else 0)
            shown[window] += 1
        chosen = votes / np.maximum(shown, 1) * valid * grow(mask, 25 if prompt == "point" else 5, 4)
        new = (chosen if first else np.where(mask, 1, chosen)) > 0.5
        mask = shrink(grow(grow(shrink(new, 5), 5), 5), 5)
        found.append(mask)
        if not mask.any():
            break
    return found
