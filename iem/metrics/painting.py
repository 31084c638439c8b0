"""How near a painted picture comes to the true one inside the hole: one number per picture, undefined is NaN.

The hole's pixels are those where it is above one half; without a hole all pixels count. Painted and true picture are
compared as they are: clamp what may leave [0, 1] first, as a file would.
"""

import math
from abc import abstractmethod
from typing import Any, ClassVar, final

import torch
from torch import Tensor
from torchmetrics import Metric

from iem.checks import check_image, check_range
from iem.interfaces import Image, Mask, Scores
from iem.metrics.confusion import ratio, threshold

WINDOW = 11  #: pixels, the side of the window of SSIM
_STATES = ("units", "defined", "perfect", "pictures")


def psnr(painted: Image, truth: Image, hole: Mask | None = None) -> Scores:
    """Peak signal-to-noise ratio inside the hole, in decibels: ``10 log10(1 / mean((P - T)^2))``; larger is better.

    The mean goes over the hole's pixels and the three channels. Without any difference it is infinite.

    Args:
        painted: ``[b, 3, h, w]`` in [0, 1].
        truth: likewise.
        hole: ``[b, 1, h, w]``; None for the whole picture.

    Returns:
        ``[b]``, double precision; NaN for an empty hole.

    Raises:
        TypeError: not floating-point tensors.
        ValueError: another shape, or values outside [0, 1].

    >>> truth = torch.zeros(1, 3, 2, 2)
    >>> round(psnr(truth + 0.1, truth).item(), 4)
    20.0
    """
    error, inside = _error(painted, truth, hole)
    return -10 * _mean_inside(error.square(), inside).log10()


def l1(painted: Image, truth: Image, hole: Mask | None = None) -> Scores:
    """Mean of ``|P - T|`` over the hole's pixels and the channels, in [0, 1]; smaller is better.

    Arguments and errors are those of ``psnr``.

    >>> truth = torch.zeros(1, 3, 1, 4)
    >>> hole = torch.tensor([[[[0.0, 0.0, 1.0, 1.0]]]])
    >>> round(l1(truth + 0.25 * hole, truth, hole).item(), 4)
    0.25
    """
    error, inside = _error(painted, truth, hole)
    return _mean_inside(error.abs(), inside)


def ssim(painted: Image, truth: Image, hole: Mask | None = None) -> Scores:
    """Structural similarity inside the hole, at most 1; larger is better.

    The map of local similarities, as Wang et al. (IEEE Transactions on Image Processing, 2004) define it with a
    Gaussian window of 11 x 11 pixels and sigma 1.5, K1 = 0.01 and K2 = 0.03, averaged over the hole's pixels and the
    channels. Windows near the hole's edge see known pixels, too; at the picture's frame the picture is reflected.

    Arguments and errors are those of ``psnr``. A picture in which no window fits has the score NaN.

    >>> truth = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> ssim(truth, truth).item(), ssim(truth[..., :8], truth[..., :8]).item()
    (1.0, nan)
    """
    _, inside = _error(painted, truth, hole)
    if min(painted.shape[-2:]) < WINDOW:
        return torch.full((len(painted),), math.nan, dtype=_precision(painted), device=painted.device)
    from kornia.metrics import ssim as similarities  # takes long to import

    exact = _precision(painted)
    local: Tensor = similarities(painted.to(exact), truth.to(exact), WINDOW, max_val=1.0, eps=0.0)
    return _mean_inside(local, inside)


def boundary_error(painted: Image, truth: Image, hole: Mask) -> Scores:
    """How much of a seam the hole's border shows that the true picture does not have; smaller is better.

    Over all pairs of 4-neighbours ``p`` inside and ``q`` outside the hole, and the channels, the mean of::

        |(P(p) - P(q)) - (T(p) - T(q))|

    the error of the step across the border. A painting that is too bright as a whole has a seam; one that leaves the
    border smoothly and errs deep inside has none. NaN without a border: for an empty and for a full hole.

    Arguments and errors are those of ``psnr``.

    >>> truth = torch.zeros(1, 3, 1, 5)
    >>> hole = torch.tensor([[[[0.0, 1.0, 1.0, 1.0, 0.0]]]])
    >>> bump = torch.tensor([[[[0.0, 0.1, 0.5, 0.1, 0.0]]]])
    >>> round(boundary_error(truth + bump, truth, hole).item(), 4), round(l1(truth + bump, truth, hole).item(), 4)
    (0.1, 0.2333)
    """
    error, inside = _error(painted, truth, hole)
    total = torch.zeros(len(error), dtype=error.dtype, device=error.device)
    pairs = torch.zeros(len(error), dtype=torch.int64, device=error.device)
    for axis in (-2, -1):
        crossing = torch.diff(inside.to(torch.int8), dim=axis) != 0
        steps = torch.diff(error, dim=axis).abs().mean(1, keepdim=True)
        total += torch.where(crossing, steps, 0).flatten(1).sum(1)
        pairs += crossing.flatten(1).sum(1)
    return ratio(total, pairs)


class _InsideHole(Metric):
    """The mean over pictures of a score; those where it is NaN or infinite are counted apart."""

    _UNITS_PER_ONE = 2**32

    full_state_update = False
    is_differentiable = False
    name: ClassVar[str]

    def __init__(self, **metric: Any) -> None:
        super().__init__(**metric)
        # With the name in the states' names MetricCollection never takes two of these for the same.
        for state in _STATES:
            self.add_state(f"{self.name}_{state}", torch.tensor(0), dist_reduce_fx="sum")

    @property
    def update_called(self) -> bool:
        """Always true: without pictures the answer is NaN, which says it; torchmetrics would warn on top."""
        return True

    @staticmethod
    @abstractmethod
    def score(painted: Image, truth: Image, hole: Mask) -> Scores:
        """Of each picture."""

    def update(self, painted: Image, truth: Image, hole: Mask) -> None:
        """Add pictures."""
        scores = self.score(painted, truth, hole)
        finite = scores.isfinite()
        # Sums of whole numbers are exact in any order and on any number of processes.
        units = (torch.where(finite, scores, 0) * self._UNITS_PER_ONE).round().long()
        found = (units.sum(), finite.sum(), scores.isinf().sum(), torch.tensor(len(scores)))
        for state, value in zip(_STATES, found, strict=True):
            setattr(self, f"{self.name}_{state}", self._state(state) + value.to(self.device))

    def compute(self) -> dict[str, Tensor]:
        """The mean by name."""
        units, defined, perfect, pictures = map(self._state, _STATES)
        return {
            f"{self.name}_image_mean": ratio(units, defined) / self._UNITS_PER_ONE,
            f"{self.name}_undefined": pictures - defined - perfect,
            f"{self.name}_perfect": perfect,
            "pictures": pictures,
        }

    def _state(self, state: str) -> Tensor:
        found: Tensor = getattr(self, f"{self.name}_{state}")
        return found


@final
class HolePSNR(_InsideHole):
    """Mean over pictures of ``psnr`` inside the hole.

    ``compute`` gives ``psnr_image_mean``, ``psnr_undefined`` (pictures without a hole), ``psnr_perfect`` (painted
    without any difference, so that theirs is infinite; neither kind is in the mean) and ``pictures``, their number.

    >>> metric, truth = HolePSNR(), torch.zeros(1, 3, 2, 2)
    >>> metric.update(truth + 0.1, truth, truth[:, :1] + 1)
    >>> metric.update(truth, truth, truth[:, :1] + 1)
    >>> found = metric.compute()
    >>> round(found["psnr_image_mean"].item(), 4), found["psnr_perfect"].item()
    (20.0, 1)
    """

    name = "psnr"
    higher_is_better = True
    score = staticmethod(psnr)


@final
class HoleSSIM(_InsideHole):
    """Mean over pictures of ``ssim`` inside the hole; ``compute`` gives ``ssim_image_mean`` and so on.

    >>> metric, truth = HoleSSIM(), torch.rand(1, 3, 16, 16)
    >>> metric.update(truth, truth, torch.ones(1, 1, 16, 16))
    >>> metric.compute()["ssim_image_mean"].item()
    1.0
    """

    name = "ssim"
    higher_is_better = True
    score = staticmethod(ssim)


@final
class HoleL1(_InsideHole):
    """Mean over pictures of ``l1`` inside the hole; ``compute`` gives ``l1_image_mean`` and so on.

    >>> metric, truth = HoleL1(), torch.zeros(1, 3, 2, 2)
    >>> metric.update(truth + 0.25, truth, truth[:, :1] + 1)
    >>> metric.compute()["l1_image_mean"].item()
    0.25
    """

    name = "l1"
    higher_is_better = False
    score = staticmethod(l1)


@final
class HoleBoundaryError(_InsideHole):
    """Mean over pictures of ``boundary_error``; ``compute`` gives ``boundary_image_mean`` and so on.

    >>> metric, truth = HoleBoundaryError(), torch.zeros(1, 3, 1, 2)
    >>> hole = torch.tensor([[[[0.0, 1.0]]]])
    >>> metric.update(truth + 0.5 * hole, truth, hole)
    >>> metric.compute()["boundary_image_mean"].item()
    0.5
    """

    name = "boundary"
    higher_is_better = False
    score = staticmethod(boundary_error)


def _error(painted: Image, truth: Image, hole: Mask | None) -> tuple[Tensor, Tensor]:
    """``P - T`` in double precision, and the hole's pixels."""
    for picture, name in ((painted, "painted"), (truth, "truth")):
        check_image(picture, name)
        check_range(picture, 0.0, 1.0, name)
    if painted.shape != truth.shape:
        raise ValueError(
            f"painted: expected shape {list(truth.shape)} like the truth, got {list(painted.shape)}; resize one of them"
        )
    inside = torch.ones_like(truth[:, :1], dtype=torch.bool)
    if hole is not None:
        inside = threshold(hole, truth[:, :1], "hole")
    exact = _precision(painted)
    return painted.to(exact) - truth.to(exact), inside


def _mean_inside(values: Tensor, inside: Tensor) -> Scores:
    total = torch.where(inside, values, 0).mean(1).flatten(1).sum(1)
    return ratio(total, inside.flatten(1).sum(1))


def _precision(values: Tensor) -> torch.dtype:
    return torch.float32 if values.device.type == "mps" else torch.float64
