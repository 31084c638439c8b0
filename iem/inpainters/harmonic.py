"""The smoothest fill there is: every hidden pixel is the mean of its four neighbours."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from iem.checks import check_mask, check_number
from iem.inpainters.fast_poisson import FastPoisson, Ring
from iem.inpainters.multigrid import Multigrid, frame, neighbours, pooled, prolonged
from iem.interfaces import FeatureMap, Mask

_ROUNDING = 8  #: machine epsilons of the largest value


@final
@dataclass(frozen=True)
class Harmonic:
    """Laplace's equation in the hole, with the known pixels as its boundary and no flow through the picture's frame.

    Equation, for every pixel p with the neighbours N(p) (two to four of them) and the hole h in [0, 1]::

        u(p) = (1 - h(p)) x(p) + h(p) / |N(p)| sum_{q in N(p)} u(q)

    Where h is 1 this is the harmonic function, where h is 0 it is the picture. A soft pixel blends the two, and what
    it comes to is what its neighbours see of it: u(p) is the mean colour at which a random walk from p ends, if at
    each pixel it ends with probability 1 - h. So the paint is smooth in h everywhere, derivatives included; at h = 0
    they are those from above.

    Solved by conjugate gradients with a multigrid preconditioner: time grows with the number of pixels, whatever the
    shape of the hole. On a processor only the hole's bounding box is worked on, picture by picture, and small hard
    holes and rectangles are left to fast transforms (``FastPoisson``); an accelerator takes the batch at once.

    Args:
        tolerance: largest error, as a share of the range of the known values around the hole, per channel. The default
            is less than one step of an 8-bit picture.

    >>> image = torch.zeros(1, 3, 1, 5); image[..., 4] = 1.0
    >>> hole = torch.tensor([0.0, 1.0, 1.0, 1.0, 0.0])[None, None, None]
    >>> Harmonic(tolerance=1e-6)(image, hole)[0, 0, 0]
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """

    tolerance: float = 1e-3

    differentiable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number(self.tolerance, "tolerance", low=1e-14, high=0.1)

    def __call__(self, image: FeatureMap, hole: Mask) -> FeatureMap:
        """Paint any features ``[b, c, h, w]``; a hole that leaves nothing known is painted with zeros."""
        check_mask(hole, like=image, name="hole")
        dtype = torch.promote_types(image.dtype, torch.float32)
        inputs = (image.to(dtype), hole.to(dtype), self.tolerance)
        if torch.is_grad_enabled() and (image.requires_grad or hole.requires_grad):
            painted: Tensor = _Paint.apply(*inputs)  # type: ignore[no-untyped-call]
        else:  # the same, without what autograd adds to it, which is a fifth of a small hole's time
            painted = _painted(*inputs)
        return painted.to(image.dtype)


class _Paint(torch.autograd.Function):
    """The fill and its derivatives: the system is symmetric but for a diagonal, so one more solution gives both."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, hole: Tensor, tolerance: float) -> Tensor:
        painted = _painted(image, hole, tolerance)
        ctx.save_for_backward(image, hole, painted)
        ctx.tolerance = tolerance
        return painted

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        image, hole, painted = ctx.saved_tensors
        # A' l = g for u = A^-1 (1 - h) x:  l = g + the neighbours' S^-1 g
        influence = _in_boxes(_influence, (upstream, hole), upstream.clone(), hole, ctx.tolerance)
        by_hole = (influence * (_mean_of_neighbours(painted) - image)).sum(1, keepdim=True)
        return influence * (1 - hole), by_hole, None


def _painted(image: Tensor, hole: Tensor, tolerance: float) -> Tensor:
    return _in_boxes(_paint, (image, hole), image.clone(), hole, tolerance)


def _in_boxes(solve: Any, fields: tuple[Tensor, Tensor], result: Tensor, hole: Tensor, tolerance: float) -> Tensor:
    """``solve`` in the box around each picture's hole that holds the known pixels next to it."""
    if hole.device.type != "cpu":
        return solve(*fields, tolerance) if hole.numel() else result
    height, width = hole.shape[-2:]
    for i in range(len(hole) if hole.numel() else 0):
        (top, bottom), (left, right) = (_ends(hole[i, 0].amax(axis)) for axis in (1, 0))
        if bottom:
            ring = Ring(left > 0, right < width, top > 0, bottom < height)
            poisson = FastPoisson.of(hole[i : i + 1, :, top:bottom, left:right], ring, tolerance)
            rows = slice(top - ring.top, bottom + ring.bottom)
            box = (slice(i, i + 1), slice(None), rows, slice(left - ring.left, right + ring.right))
            result[box] = solve(fields[0][box], fields[1][box], tolerance, poisson)
    return result


def _ends(most: Tensor) -> tuple[int, int]:
    """The first that is not 0, and one after the last; twice 0 if all are."""
    where = most.nonzero()[:, 0].tolist()
    return (where[0], where[-1] + 1) if where else (0, 0)


def _paint(image: Tensor, hole: Tensor, tolerance: float, poisson: FastPoisson | None = None) -> Tensor:
    known = 1 - hole
    seen = known if poisson is not None else (hole < 1).to(image.dtype)
    visible = image * seen
    # Selecting pixel by pixel takes many times as long as multiplying: it is left to pictures that hold NaN.
    finite = bool(visible.sum().isfinite())
    if not finite:
        visible = torch.where(hole < 1, image, 0)
        finite = bool(visible.sum().isfinite())
    if poisson is not None and finite:
        return _paint_hard(visible, known, hole, tolerance, poisson)
    painted = _paint_soft(visible, known, hole, tolerance)
    return painted if finite else torch.where(hole > 0, painted, image)


def _paint_hard(visible: Tensor, known: Tensor, hole: Tensor, tolerance: float, poisson: FastPoisson) -> Tensor:
    # Around 0, rounding does not lean to one side.
    centre = visible.sum((-2, -1), keepdim=True) / known.sum()
    shifted = (visible - centre).mul_(known)
    scale = None
    if not poisson.direct:
        rounding = _ROUNDING * torch.finfo(visible.dtype).eps * centre.abs()
        scale = shifted.amax((-2, -1), keepdim=True) - shifted.amin((-2, -1), keepdim=True)
        scale = torch.maximum(scale, rounding / tolerance)
    solution = poisson.solve(neighbours(shifted, frame(hole)).mul_(hole), tolerance, scale)
    return visible.addcmul_(hole, solution.add_(centre))


def _paint_soft(visible: Tensor, known: Tensor, hole: Tensor, tolerance: float) -> Tensor:
    beyond = (hole >= 1).to(visible.dtype) * torch.finfo(visible.dtype).max
    least, most = (edge.amin((-2, -1), keepdim=True) for edge in (beyond + visible, beyond - visible))
    rounding = _ROUNDING * torch.finfo(visible.dtype).eps * torch.maximum(most.abs(), least.abs())
    scale = torch.maximum(-most - least, rounding / tolerance)
    # Around 0, rounding does not lean to one side; where few pixels hold a large hole, that would add up.
    centre = (visible * known).sum((-2, -1), keepdim=True) / known.sum((-2, -1), keepdim=True).clamp_min(1e-9)
    shifted = visible - centre
    free, solid = _solid(hole, tolerance)
    links = neighbours(torch.ones_like(hole), frame(hole))
    start = _pulled(shifted * known, known)
    own = free * links * known / (solid + (1 - free))
    residual = neighbours(start, frame(hole)).addcmul_(links, start, value=-1)
    residual.addcmul_(own, shifted - start).mul_(free)
    painted = start.add_(Multigrid.of(solid).solve(residual, tolerance, scale))
    blended = (visible * known).addcmul_(hole, _mean_of_neighbours(painted) + centre)
    return _zero_where_nothing_is_known(blended, hole)


def _influence(upstream: Tensor, hole: Tensor, tolerance: float, poisson: FastPoisson | None = None) -> Tensor:
    free, solid = _solid(hole, tolerance)
    solution = (poisson or Multigrid.of(solid)).solve(free * upstream, tolerance)
    return _zero_where_nothing_is_known(neighbours(solution, frame(hole)).add_(upstream), hole)


def _solid(hole: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    """Where to solve, and the hole there.

    What is hidden by less than the tolerance counts as known until the last sweep, which costs no accuracy: its row in
    the system would drown all others in rounding.
    """
    free = (hole > tolerance / 10).to(hole.dtype)
    return free, hole * free


def _zero_where_nothing_is_known(fields: Tensor, hole: Tensor) -> Tensor:
    known = (hole < 1).flatten(1).any(1)
    return fields if known.all() else torch.where(known[:, None, None, None], fields, 0)


def _pulled(weighted: Tensor, weight: Tensor) -> Tensor:
    """Known colours, and where there are none the mean of a cell that is large enough to hold some."""
    halved = (weight.shape[-2] > 1, weight.shape[-1] > 1)
    if not any(halved):
        return weighted / weight.clamp_min(torch.finfo(weight.dtype).tiny)
    coarse_weighted, coarse_weight = pooled(weighted, halved), pooled(weight, halved)
    most = coarse_weight.clamp_min(1)
    coarse = _pulled(coarse_weighted / most, coarse_weight / most)
    return weighted.addcmul(1 - weight, prolonged(coarse, halved, weight.shape))


def _mean_of_neighbours(fields: Tensor) -> Tensor:
    if fields.shape[-2:] == (1, 1):
        return fields
    return neighbours(fields, frame(fields)).div_(neighbours(torch.ones_like(fields[:, :1]), frame(fields)))
