"""Heat on a grid with holes: Laplace's equation on any set of pixels, by conjugate gradients and multigrid."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from iem.inpainters.conjugate_gradients import conjugate_gradients
from iem.interfaces import FeatureMap, Mask

_FEW_CELLS = 100  # are solved for at once: levels of so few would cost as much as the larger ones
_ONE_SWEEP = (0.8,)  # damping of Jacobi's relaxation: the five-point stencil's best
_TWO_SWEEPS = (1.4, 0.6)  # the best pair: nearly the roots of Chebyshev's polynomial on the rough half of the spectrum


class Conductance(NamedTuple):
    """Of every link between neighbours along a row and along a column; 0 where a picture has no such neighbours."""

    across: float
    down: float


def neighbours(fields: FeatureMap, conductance: Conductance) -> FeatureMap:
    """The sum of the four neighbours, each times its link's conductance; beyond the frame there is nothing."""
    total = torch.zeros_like(fields)
    add_neighbours(fields, conductance, total)
    return total


def add_neighbours(fields: FeatureMap, conductance: Conductance, total: FeatureMap, sign: int = 1) -> None:
    """Add that sum, or subtract it, in place."""
    across, down = conductance
    if down:
        total[..., 1:, :].add_(fields[..., :-1, :], alpha=sign * down)
        total[..., :-1, :].add_(fields[..., 1:, :], alpha=sign * down)
    if across:
        total[..., 1:].add_(fields[..., :-1], alpha=sign * across)
        total[..., :-1].add_(fields[..., 1:], alpha=sign * across)


@dataclass(frozen=True)
class _Level:
    """``S u = diagonal u - neighbours(u)`` on the pixels where ``free`` is 1; u is 0 on all others."""

    free: Mask
    diagonal: Mask
    inverse: Mask  #: of the diagonal; 0 where not free
    share: Mask  #: of the coarser level's correction that a pixel takes
    conductance: Conductance
    damping: tuple[float, ...]
    halved: tuple[bool, bool]  #: rows, columns: which of them the next level has half as many of

    @classmethod
    def of(cls, free: Mask, diagonal: Mask, share: Mask, link: Conductance, damping: tuple[float, ...]) -> "_Level":
        inverse = free / (diagonal + (diagonal == 0))  # 0: nothing is known at all
        rows, columns = free.shape[-2:]
        return cls(free, diagonal, inverse, share, link, damping, (rows > 1, columns > 1))

    def residual(self, fields: FeatureMap, right: FeatureMap, out: Tensor) -> FeatureMap:
        """``right - S fields``, for fields that are 0 where not free; there it is anything, and never used."""
        add_neighbours(fields, self.conductance, out.copy_(right))
        return out.addcmul_(self.diagonal, fields, value=-1)

    def apply(self, fields: FeatureMap, out: Tensor) -> FeatureMap:
        """``S fields``, likewise."""
        add_neighbours(fields, self.conductance, torch.mul(fields, self.diagonal, out=out), sign=-1)
        return out


class _Room(NamedTuple):
    """Memory for one level of a cycle, used over and over: fresh memory costs more than what is computed in it."""

    fields: FeatureMap
    rest: FeatureMap


@dataclass(frozen=True)
class Multigrid:
    """Solves ``S u = f`` where a hole is not 0, with ``S = |N| / h - neighbours`` (see ``Harmonic``).

    A coarse cell is free if any of its pixels is. What ties it to known values is the sum of what ties its pixels, each
    in series with the pixel's own links. So the coarse operators are symmetric and positive for a hole of any shape,
    soft or hard, and one V-cycle is a preconditioner that conjugate gradients need four or five of for three digits.
    Interpolation is bilinear, restriction its transpose; smoothing is Jacobi's, which is the same on every device.
    """

    levels: tuple[_Level, ...]
    coarsest: Tensor  #: the inverse of the last level's matrix, ``[b, 1, cells, cells]``

    @classmethod
    def of(cls, hole: Mask) -> "Multigrid":
        """All levels down to one of few cells."""
        conductance = frame(hole)
        free = (hole > 0).to(hole.dtype)
        links = neighbours(torch.ones_like(hole), conductance)
        diagonal = free * links.clamp_min(1) / (hole + (1 - free))
        levels = [_Level.of(free, diagonal, hole, conductance, _ONE_SWEEP)]
        sink = free * (links * (1 - hole) + neighbours(1 - free, conductance))
        while free.shape[-2:].numel() > _FEW_CELLS:
            halved = levels[-1].halved
            free, sink = pooled(free, halved).sign(), pooled(sink, halved)
            conductance = _halved(conductance, halved, free)
            diagonal = free * (neighbours(free, conductance) + sink)
            # The finest level is the dear one: a second sweep there costs more than the cycle that it saves.
            levels.append(_Level.of(free, diagonal, free, conductance, _TWO_SWEEPS))
        return cls(tuple(levels), _inverse(levels[-1]))

    def solve(self, right: FeatureMap, tolerance: float, scale: Tensor | None = None) -> FeatureMap:
        """Find u with ``S u = right`` by preconditioned conjugate gradients from 0.

        Args:
            right: ``[b, c, h, w]``, 0 where the hole is.
            tolerance: largest error, as a share of ``scale``.
            scale: ``[b, c, 1, 1]``; by default the largest value of a first estimate of u.
        """
        batch, channels = right.shape[:2]
        shapes = [(batch, channels, *level.free.shape[-2:]) for level in self.levels]
        rooms = [_Room(right.new_empty(shape), right.new_empty(shape)) for shape in shapes]
        apply = self.levels[0].apply
        return conjugate_gradients(apply, lambda rest: self._cycle(rest, rooms), right, tolerance, scale)

    def _cycle(self, right: FeatureMap, rooms: list[_Room], depth: int = 0) -> FeatureMap:
        """One symmetric V-cycle from 0; the answer lies in the room until the next cycle."""
        level, (fields, rest) = self.levels[depth], rooms[depth]
        if depth == len(self.levels) - 1:
            return (self.coarsest @ right.flatten(2)[..., None]).view_as(right)
        first, *others = level.damping
        torch.mul(right, first * level.inverse, out=fields)
        for damping in others:
            fields.addcmul_(level.inverse, level.residual(fields, right, out=rest), value=damping)
        level.residual(fields, right, out=rest).mul_(level.share)
        coarse = self._cycle(restricted(rest, level.halved), rooms, depth + 1)
        fields.addcmul_(prolonged(coarse, level.halved, level.free.shape), level.share)
        for damping in reversed(level.damping):
            fields.addcmul_(level.inverse, level.residual(fields, right, out=rest), value=damping)
        return fields


def _inverse(level: _Level) -> Tensor:
    size = level.free.shape[-2:]
    each = torch.eye(size.numel(), dtype=level.free.dtype, device=level.free.device).view(1, -1, *size)
    each = each.expand(len(level.free), -1, -1, -1)
    rows = level.apply(each * level.free, out=torch.empty_like(each)) * level.free + each * (1 - level.free)
    # Singular if nothing is known at all; whatever comes out is not looked at then.
    inverse: Tensor = torch.linalg.inv_ex(rows.flatten(2))[0]
    return (inverse * level.free.flatten(1)[..., None])[:, None]


def frame(fields: FeatureMap) -> Conductance:
    """Links of a picture's pixels."""
    rows, columns = fields.shape[-2:]
    return Conductance(float(columns > 1), float(rows > 1))


def _halved(conductance: Conductance, halved: tuple[bool, bool], coarse: Mask) -> Conductance:
    """Links of cells made of two rows, two columns or both: twice as long, and twice as many side by side."""
    rows, columns = halved
    stretch = (2.0 if rows else 1.0) / (2.0 if columns else 1.0)
    present = frame(coarse)
    return Conductance(present.across * conductance.across * stretch, present.down * conductance.down / stretch)


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
    rows, columns = doubled
    if columns:
        fields = _interpolated(fields, 3).narrow(3, 0, shape[3])
    if rows:
        fields = _interpolated(fields, 2).narrow(2, 0, shape[2])
    return fields


def restricted(fields: FeatureMap, halved: tuple[bool, bool]) -> Tensor:
    """The transpose of ``prolonged``."""
    rows, columns = halved
    if rows:
        fields = _interpolated_adjoint(fields, 2)
    if columns:
        fields = _interpolated_adjoint(fields, 3)
    return fields


def _interpolated(fields: Tensor, axis: int) -> Tensor:
    count = fields.shape[axis]
    size = list(fields.shape)
    size[axis] *= 2
    doubled = fields.new_empty(size)
    even, odd = doubled.unflatten(axis, (count, 2)).unbind(axis + 1)
    torch.mul(fields, 0.75, out=even)
    odd.copy_(even)
    for half, inner, other, end in ((even, 1, 0, 0), (odd, 0, 1, count - 1)):
        half.narrow(axis, inner, count - 1).add_(fields.narrow(axis, other, count - 1), alpha=0.25)
        half.narrow(axis, end, 1).add_(fields.narrow(axis, end, 1), alpha=0.25)
    return doubled


def _interpolated_adjoint(fields: Tensor, axis: int) -> Tensor:
    if fields.shape[axis] % 2:
        fields = torch.cat([fields, torch.zeros_like(fields.narrow(axis, 0, 1))], axis)
    count = fields.shape[axis] // 2
    even, odd = fields.unflatten(axis, (count, 2)).unbind(axis + 1)
    total: Tensor = torch.add(even, odd).mul_(0.75)
    for half, inner, other, end in ((even, 1, 0, 0), (odd, 0, 1, count - 1)):
        total.narrow(axis, other, count - 1).add_(half.narrow(axis, inner, count - 1), alpha=0.25)
        total.narrow(axis, end, 1).add_(half.narrow(axis, end, 1), alpha=0.25)
    return total
