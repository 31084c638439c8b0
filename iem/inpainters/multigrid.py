"""Heat on a grid with holes: Laplace's equation on any set of pixels, by conjugate gradients and multigrid."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from iem.interfaces import FeatureMap, Mask

_DAMPING = 0.8  # of Jacobi's relaxation: the five-point stencil's best
_MOST_CYCLES = 100  # what rounding leaves undone after so many stays undone


class Conductance(NamedTuple):
    """Of every link between neighbours along a row and along a column; 0 where a picture has no such neighbours."""

    across: float
    down: float


def neighbours(fields: FeatureMap, conductance: Conductance) -> FeatureMap:
    """The sum of the four neighbours, each times its link's conductance; beyond the frame there is nothing."""
    total = torch.zeros_like(fields)
    across, down = conductance
    if down:
        total[..., 1:, :].add_(fields[..., :-1, :], alpha=down)
        total[..., :-1, :].add_(fields[..., 1:, :], alpha=down)
    if across:
        total[..., 1:].add_(fields[..., :-1], alpha=across)
        total[..., :-1].add_(fields[..., 1:], alpha=across)
    return total


@dataclass(frozen=True)
class _Level:
    """``S u = (sum of links + sink) u - neighbours(u)`` on the pixels where ``free`` is 1; u is 0 on all others."""

    free: Mask
    diagonal: Mask
    inverse: Mask  #: of the diagonal; 0 where not free
    conductance: Conductance
    halved: tuple[bool, bool]  #: rows, columns: which of them the next level has half as many of

    @classmethod
    def of(cls, free: Mask, sink: Mask, conductance: Conductance) -> "_Level":
        diagonal = free * (neighbours(free, conductance) + sink)
        inverse = torch.where(diagonal > 0, 1 / diagonal, 0)
        rows, columns = free.shape[-2:]
        return cls(free, diagonal, inverse, conductance, (rows > 1, columns > 1))

    def apply(self, fields: FeatureMap) -> FeatureMap:
        """``S fields``, for fields that are 0 where not free."""
        return (self.diagonal * fields).addcmul_(neighbours(fields, self.conductance), self.free, value=-1)

    def relax(self, fields: FeatureMap, right: FeatureMap) -> FeatureMap:
        """One damped Jacobi sweep for ``S fields = right``."""
        return fields.addcmul(self.inverse, right - self.apply(fields), value=_DAMPING)


@dataclass(frozen=True)
class Multigrid:
    """Solves ``S u = f`` on the free pixels of pictures: links between neighbours, and a sink at every pixel.

    A coarse cell is free if any of its pixels is, and its sink is the sum of theirs: so the coarse operators are
    symmetric, positive and never too stiff to follow for any shape of hole, and one V-cycle is a preconditioner that
    conjugate gradients need five or six of. Interpolation is bilinear, restriction its transpose.
    """

    levels: tuple[_Level, ...]

    @classmethod
    def of(cls, free: Mask, sink: Mask) -> "Multigrid":
        """All levels down to a single cell.

        Args:
            free: 1 where u is sought, else 0.
            sink: what ties a free pixel to values from outside, at least 0.
        """
        rows, columns = free.shape[-2:]
        conductance = Conductance(float(columns > 1), float(rows > 1))
        levels = [_Level.of(free, free * sink, conductance)]
        sink = free * sink
        while any(levels[-1].halved):
            by_rows, by_columns = levels[-1].halved
            # Twice as long, and twice as many side by side.
            across, down = conductance
            across, down = (across / 2, down * 2) if by_columns else (across, down)
            across, down = (across * 2, down / 2) if by_rows else (across, down)
            free, sink = pooled(free, levels[-1].halved).sign(), pooled(sink, levels[-1].halved)
            rows, columns = free.shape[-2:]
            conductance = Conductance(across if columns > 1 else 0.0, down if rows > 1 else 0.0)
            levels.append(_Level.of(free, sink, conductance))
        return cls(tuple(levels))

    def solve(self, right: FeatureMap, tolerance: float, scale: Tensor | None = None) -> FeatureMap:
        """Find u with ``S u = right`` by preconditioned conjugate gradients from 0.

        Args:
            right: ``[b, c, h, w]``, 0 where not free.
            tolerance: largest error, as a share of ``scale``.
            scale: ``[b, c, 1, 1]``; by default the largest value of a first estimate of u.
        """
        finest = self.levels[0]
        solution, residual = torch.zeros_like(right), right
        direction, before = torch.zeros_like(right), right.new_ones(1)
        busy = torch.ones_like(right[..., :1, :1], dtype=torch.bool)
        for _ in range(_MOST_CYCLES):
            estimate = self._cycle(residual)  # of what is missing; found to be half of it or more
            largest = estimate.abs().amax((-2, -1), keepdim=True)
            if scale is None:
                scale = largest
            product = (residual * estimate).sum((-2, -1), keepdim=True)
            direction = torch.where(busy, estimate + product / before * direction, 0)
            image = finest.apply(direction)
            length = product / (direction * image).sum((-2, -1), keepdim=True)
            length = torch.where(busy & length.isfinite(), length, 0)
            solution, residual, before = solution + length * direction, residual - length * image, product
            busy = busy & (largest > tolerance / 2 * scale)  # false for NaN, too
            if not busy.any():
                break
        return solution

    def _cycle(self, right: FeatureMap, depth: int = 0) -> FeatureMap:
        """One symmetric V-cycle from 0."""
        level = self.levels[depth]
        if depth == len(self.levels) - 1:
            return level.inverse * right
        fields = _DAMPING * level.inverse * right
        coarse = self._cycle(restricted(right - level.apply(fields), level.halved), depth + 1)
        fields = fields.addcmul_(prolonged(coarse, level.halved, level.free.shape), level.free)
        return level.relax(fields, right)


def pooled(fields: FeatureMap, halved: tuple[bool, bool]) -> Tensor:
    """Sums of neighbouring pairs of rows, of columns, or of both; a last one without a partner stays alone."""
    rows, columns = halved
    if rows:
        fields = functional.pad(fields, (0, 0, 0, fields.shape[-2] % 2))
        fields = fields[..., ::2, :] + fields[..., 1::2, :]
    if columns:
        fields = functional.pad(fields, (0, fields.shape[-1] % 2))
        fields = fields[..., ::2] + fields[..., 1::2]
    return fields


def prolonged(fields: FeatureMap, doubled: tuple[bool, bool], shape: torch.Size) -> Tensor:
    """Bilinear interpolation between centres of cells to a ``shape`` that is twice as large or one less."""
    for axis, double in zip((-2, -1), doubled, strict=True):
        if double:
            fields = _interpolated(fields, axis, shape[axis])
    return fields


def restricted(fields: FeatureMap, halved: tuple[bool, bool]) -> Tensor:
    """The transpose of ``prolonged``."""
    for axis, half in zip((-1, -2), reversed(halved), strict=True):
        if half:
            fields = _interpolated_adjoint(fields, axis)
    return fields


def _interpolated(fields: Tensor, axis: int, size: int) -> Tensor:
    count = fields.shape[axis]
    first, last = fields.narrow(axis, 0, 1), fields.narrow(axis, count - 1, 1)
    padded = torch.cat([first, fields, last], axis)
    near = 0.75 * fields
    pairs = [near.add(padded.narrow(axis, start, count), alpha=0.25) for start in (0, 2)]
    axis += fields.ndim
    doubled: Tensor = torch.stack(pairs, axis + 1).flatten(axis, axis + 1)
    return doubled.narrow(axis, 0, size)


def _interpolated_adjoint(fields: Tensor, axis: int) -> Tensor:
    axis += fields.ndim
    if fields.shape[axis] % 2:
        fields = torch.cat([fields, torch.zeros_like(fields.narrow(axis, 0, 1))], axis)
    count = fields.shape[axis] // 2
    even, odd = fields.unflatten(axis, (count, 2)).unbind(axis + 1)
    total: Tensor = 0.75 * (even + odd)
    total.narrow(axis, 0, count - 1).add_(even.narrow(axis, 1, count - 1), alpha=0.25)
    total.narrow(axis, 1, count - 1).add_(odd.narrow(axis, 0, count - 1), alpha=0.25)
    total.narrow(axis, 0, 1).add_(even.narrow(axis, 0, 1), alpha=0.25)
    total.narrow(axis, count - 1, 1).add_(odd.narrow(axis, count - 1, 1), alpha=0.25)
    return total
