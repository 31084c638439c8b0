"""Laplace's equation with the sine and cosine transforms of a rectangle: what small holes are filled with."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from iem.inpainters.conjugate_gradients import conjugate_gradients
from iem.inpainters.multigrid import add_neighbours, frame
from iem.interfaces import FeatureMap, Mask

_LONGEST = 64  # pixels; multigrid fills larger holes as fast
_LONGEST_RECTANGLE = 512  # pixels: half of multigrid's time still, but growing faster
_MOST_RAGGED = 0.25  # scattered pixels take three times as many steps as a disc; to multigrid all holes are alike
_ROUNDING = 1e3  # machine epsilons: what one application of the transforms may be off by, as a share of the range


class Ring(NamedTuple):
    """Whether there is a pixel beyond each side of a rectangle; none is beyond the picture's frame."""

    left: bool
    right: bool
    top: bool
    bottom: bool


class _Modes(NamedTuple):
    """Eigenvectors of second differences along one side, in columns; their eigenvalues, and the diagonal."""

    vectors: Tensor
    values: Tensor
    links: Tensor


@dataclass(frozen=True)
class FastPoisson:
    """Solves ``S u = f`` in a hard hole with ``S = |N| - neighbours`` (see ``Harmonic``), within its bounding box.

    On the box itself the eigenvectors of ``S`` are products of sines, or of cosines towards the picture's frame. So its
    inverse is four products of matrices, which for small boxes take no longer than any other operation. They are the
    whole solution if the hole is a rectangle. For other holes they are a preconditioner: of what is known within the
    box, only the pixels at the hole's edge tell the two systems apart, and conjugate gradients need about ten steps for
    three digits. The inverse of the box's system is never less than that of the hole's, in the sense of quadratic
    forms: an estimate is at least what is missing.

    Buzbee, Dorr, George and Golub, *The direct solution of the discrete Poisson equation on irregular regions*, SIAM
    Journal on Numerical Analysis 8 (1971).
    """

    hole: Mask
    direct: bool  #: the hole is all of the box, and one application is as exact as asked for
    rows: _Modes
    columns: _Modes
    inverse: Tensor  #: of the eigenvalues, ``[h, w]``
    ring: Ring

    @classmethod
    def of(cls, hole: Mask, ring: Ring, tolerance: float) -> "FastPoisson | None":
        """None where it does not suit: a soft hole, a large or ragged one, one that reaches all sides of the frame.

        Args:
            hole: ``[1, 1, h, w]``, its bounding box and no more.
            ring: where there are pixels around it; those are known.
            tolerance: largest error, as a share of the range of the solution.
        """
        height, width = hole.shape[-2:]
        if max(height, width) > _LONGEST_RECTANGLE or not any(ring):
            return None
        whole = bool(hole.amin() == 1)
        if not whole and (max(height, width) > _LONGEST or not _is_hard(hole) or _raggedness(hole) > _MOST_RAGGED):
            return None
        rows = _modes(height, ring.top, ring.bottom, hole.dtype, hole.device)
        columns = _modes(width, ring.left, ring.right, hole.dtype, hole.device)
        direct = whole and tolerance >= _ROUNDING * torch.finfo(hole.dtype).eps
        return cls(hole, direct, rows, columns, (rows.values[:, None] + columns.values).reciprocal_(), ring)

    def solve(self, right: FeatureMap, tolerance: float, scale: Tensor | None = None) -> FeatureMap:
        """Find u with ``S u = right``; it is 0 outside of the hole.

        Args:
            right: ``[1, c, h, w]``, the box and the pixels around it; 0 outside of the hole.
            tolerance: largest error, as a share of ``scale``.
            scale: ``[1, c, 1, 1]``; by default the largest value of a first estimate of u.
        """
        left, right_, top, bottom = self.ring
        height, width = right.shape[-2:]
        inside = right[..., top : height - bottom, left : width - right_]
        if self.direct:
            found = self._estimate(inside)
        else:
            found = conjugate_gradients(self._apply, self._estimate, inside, tolerance, scale)
        return functional.pad(found, [int(side) for side in self.ring])

    def _estimate(self, right: FeatureMap) -> FeatureMap:
        rows, columns = self.rows.vectors, self.columns.vectors
        waves = (rows.mT @ (right @ columns)).mul_(self.inverse)
        found: Tensor = (rows @ waves) @ columns.mT
        return found if self.direct else found.mul_(self.hole)

    def _apply(self, fields: FeatureMap, out: Tensor) -> FeatureMap:
        torch.mul(fields, self.rows.links[:, None] + self.columns.links, out=out)
        add_neighbours(fields, frame(fields), out, sign=-1)
        return out.mul_(self.hole)


def _is_hard(hole: Mask) -> bool:
    return torch.equal(hole * hole, hole)


def _raggedness(hole: Mask) -> float:
    """How many of the links within the box join what is hidden to what is known, by the number of pixels."""
    cut = hole.diff(dim=-2).abs().sum() + hole.diff(dim=-1).abs().sum()
    return float(cut) / hole.numel()


@lru_cache(maxsize=16)
def _modes(count: int, before: bool, after: bool, dtype: torch.dtype, device: torch.device) -> _Modes:
    """Of ``-u[i - 1] + 2 u[i] - u[i + 1]``, with u = 0 beyond a side where there is a pixel, else u as on the side."""
    i, j = torch.arange(count, dtype=torch.float64)[:, None], torch.arange(count, dtype=torch.float64)
    if before == after:
        angle = math.pi * ((j + 1) / (count + 1) if before else j / count)
    else:
        angle = math.pi * (2 * j + 1) / (2 * count + 1)
    vectors = torch.sin((i + 1) * angle) if before else torch.cos((i + 0.5) * angle)
    links = torch.full((count,), 2.0, dtype=torch.float64)
    links[0] -= float(not before)
    links[-1] -= float(not after)
    made = (vectors / vectors.norm(dim=0), 2 - 2 * torch.cos(angle), links)
    return _Modes(*(each.to(device, dtype) for each in made))
