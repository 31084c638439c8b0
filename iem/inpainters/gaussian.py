"""The basic inpainter of IEM: a hidden pixel is the Gaussian-weighted mean of the known pixels around it."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal, NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor

from iem.checks import check_choice, check_mask, check_number
from iem.interfaces import FeatureMap, Mask

_LARGEST_DENSE = 48  # pixels a side; beyond, the blocked product is the faster one
_BLOCK = 32  # rows per block of the blocked product; less arithmetic than 64, calls still large enough


@final
@dataclass(frozen=True)
class GaussianInpainter:
    """Normalised convolution with a truncated Gaussian, applied ``passes`` times.

    Equation (``s`` = 1 - hole is what is known, ``K`` the blur)::

        phi(x, s) = (K * (x s) + eps sum(x s)) / (K * s + eps sum(s)),    eps = 1e-8

    The sums run over the whole picture. Where no known pixel is in reach they alone remain, and the prediction is the
    mean of everything known; close to the border of the hole they are negligible. This is the inpainter of
    Savarese et al., CVPR 2021 (arXiv 2012.07287), as the authors' program computes it.

    The blur is separable with zero padding at every pass, so it is *exactly* ``A X A^T`` with a banded matrix ``A``
    (one pass is a Toeplitz matrix ``T``, ``A = T^passes``): two matrix products, and the adjoint is known too.

    Args:
        sigma: standard deviation of one pass, in pixels (of the pooled picture if ``scale_factor`` > 1).
        kernel_size: taps of one pass, odd. The paper's 11 at sigma 5 is almost a box.
        passes: how often the kernel is applied; ``passes * (kernel_size // 2)`` pixels are in reach.
        scale_factor: average-pool by this factor before, repeat pixels after: a wider reach at less cost.
        far_field: what a pixel out of reach is predicted to be: ``"region_mean"`` (the paper's), or ``"zero"``, the
            origin of the features (black for RGB; use it with centred features).

    >>> image = torch.zeros(1, 3, 32, 32); image[..., 16:] = 1.0
    >>> hole = torch.zeros(1, 1, 32, 32); hole[..., 12:16, 12:16] = 1.0
    >>> painted = GaussianInpainter()(image, hole)
    >>> bool((painted == image)[hole.expand_as(image) == 0].all())
    True
    """

    sigma: float = 5.0
    kernel_size: int = 11
    passes: int = 2
    scale_factor: int = 1
    far_field: Literal["region_mean", "zero"] = "region_mean"

    differentiable: ClassVar[bool] = True
    epsilon: ClassVar[float] = 1e-8

    def __post_init__(self) -> None:
        check_number(self.sigma, "sigma", low=1e-3)
        check_number(self.kernel_size, "kernel_size", low=1, odd=True)
        check_number(self.passes, "passes", low=1, integer=True)
        check_number(self.scale_factor, "scale_factor", low=1, integer=True)
        check_choice(self.far_field, "far_field", ("region_mean", "zero"))

    def __call__(self, image: FeatureMap, hole: Mask) -> FeatureMap:
        """Paint any features ``[b, c, h, w]`` where ``hole`` is 1; a full hole is painted with zeros."""
        check_mask(hole, like=image, name="hole")
        known = 1 - hole
        blurred = self.smooth(torch.cat([image * known, known], dim=1))
        # Nothing known at all: there is no prediction, and the clamp makes it 0 instead of 0/0.
        weight = (blurred[:, -1:] + self.floor).clamp_min(torch.finfo(image.dtype).tiny)
        prediction = blurred[:, :-1] / weight
        # lerp would not return the known pixels bit-equal.
        return torch.where(hole > 0, image * known + prediction * hole, image)

    @property
    def floor(self) -> float:
        """Added under the fraction bar; only where no far field keeps it from vanishing."""
        return self.epsilon if self.far_field == "zero" else 0.0

    def smooth(self, fields: FeatureMap) -> FeatureMap:
        """The linear map above and below the fraction bar: the blur, plus ``eps`` times the sum of each channel."""
        return self._apply(fields, adjoint=False)

    def smooth_adjoint(self, fields: FeatureMap) -> FeatureMap:
        """The transpose of ``smooth``."""
        return self._apply(fields, adjoint=True)

    def _apply(self, fields: FeatureMap, *, adjoint: bool) -> FeatureMap:
        down, across = (self._factor(size, fields, adjoint) for size in fields.shape[-2:])
        blurred: Tensor = _multiply_rows(down, _multiply_columns(fields, across))
        if self.far_field == "zero":
            return blurred
        return blurred.add_(fields.sum((-2, -1), keepdim=True), alpha=self.epsilon)

    def _factor(self, size: int, like: Tensor, adjoint: bool) -> tuple["_Block", ...]:
        return _blur_blocks(
            size, self.sigma, self.kernel_size, self.passes, self.scale_factor, adjoint, like.dtype, like.device
        )


def gaussian_kernel(kernel_size: int, sigma: float) -> Float[Tensor, " k"]:
    """Taps of a truncated Gaussian that sum to one, in float64.

    >>> gaussian_kernel(3, 5.0)
    tensor([0.3311, 0.3378, 0.3311], dtype=torch.float64)
    """
    distance = torch.arange(kernel_size, dtype=torch.float64) - (kernel_size - 1) / 2
    weight = torch.exp(-0.5 * (distance / sigma) ** 2)
    return weight / weight.sum()


@lru_cache(maxsize=16)
def _blur_matrix(
    size: int, sigma: float, kernel_size: int, passes: int, scale_factor: int
) -> Float[Tensor, "size size"]:
    """``A = U T^passes P`` in float64: pooling, the passes with zero padding at each, and repetition."""
    pooled = math.ceil(size / scale_factor)
    pass_ = torch.zeros(pooled, pooled, dtype=torch.float64)
    for offset, tap in enumerate(gaussian_kernel(kernel_size, sigma), start=-(kernel_size // 2)):
        if abs(offset) < pooled:
            pass_.diagonal(offset).fill_(tap)
    cell = torch.arange(size) // scale_factor
    repeat = (cell[:, None] == torch.arange(pooled)).double()
    pool = repeat.mT / repeat.sum(0)[:, None]  # the last cell may be a smaller one
    blur: Tensor = torch.linalg.matrix_power(pass_, passes)
    return repeat @ blur @ pool


class _Block(NamedTuple):
    """Some rows of ``A`` (or its transpose) and the columns ``start:stop`` outside which they are zero."""

    rows: Float[Tensor, "rows columns"]
    start: int
    stop: int


@lru_cache(maxsize=64)
def _blur_blocks(
    size: int,
    sigma: float,
    kernel_size: int,
    passes: int,
    scale_factor: int,
    adjoint: bool,
    dtype: torch.dtype,
    device: torch.device,
) -> tuple[_Block, ...]:
    """``A`` as one block while it is small, else its band cut into blocks of rows.

    With blocks, the cost of a product grows with the number of pixels and not with its power of three halves. They are
    cut out of ``A`` itself: at the border, where passes with zero padding are no convolution, it stays exact.
    """
    matrix = _blur_matrix(size, sigma, kernel_size, passes, scale_factor)
    if adjoint:
        matrix = matrix.mT
    matrix = matrix.to(device, dtype)
    if size <= _LARGEST_DENSE:
        return (_Block(matrix.contiguous(), 0, size),)
    reach = passes * (kernel_size // 2) * scale_factor + scale_factor - 1
    spans = [(top, max(0, top - reach), min(size, top + _BLOCK + reach)) for top in range(0, size, _BLOCK)]
    return tuple(_Block(matrix[top : top + _BLOCK, a:b].contiguous(), a, b) for top, a, b in spans)


def _multiply_columns(fields: Tensor, blocks: tuple[_Block, ...]) -> Tensor:
    """``fields @ A^T``, along the last axis."""
    products = [fields[..., start:stop] @ rows.mT for rows, start, stop in blocks]
    return products[0] if len(products) == 1 else torch.cat(products, dim=-1)


def _multiply_rows(blocks: tuple[_Block, ...], fields: Tensor) -> Tensor:
    """``A @ fields``, along the last axis but one."""
    products = [rows @ fields[..., start:stop, :] for rows, start, stop in blocks]
    return products[0] if len(products) == 1 else torch.cat(products, dim=-2)
