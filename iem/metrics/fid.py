"""The Frechet distance between two sets of pictures, with features that the user gives."""

from collections.abc import Callable
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from iem.checks import check_image
from iem.interfaces import Image

Features = Callable[[Image], Float[Tensor, "b d"]]
Vector = Float[Tensor, " d"]
Matrix = Float[Tensor, "d d"]


def frechet_distance(mean: Vector, covariance: Matrix, other: Vector, spread: Matrix) -> Float[Tensor, ""]:
    """The squared 2-Wasserstein distance of two Gaussians (Dowson and Landau, 1982), in double precision.

    It is::

        |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))

    The trace of the root is the sum of the roots of the eigenvalues of ``C1^(1/2) C2 C1^(1/2)``, a symmetric matrix, so
    no complex root of an almost singular product can spoil it.

    Args:
        mean: of the one Gaussian.
        covariance: likewise, symmetric and positive semidefinite.
        other: the mean of the other.
        spread: its covariance.

    >>> one = torch.eye(2)
    >>> frechet_distance(torch.zeros(2), one, torch.tensor([3.0, 4.0]), 4 * one).item()
    27.0
    """
    mean, covariance, other, spread = (each.double() for each in (mean, covariance, other, spread))
    values, vectors = torch.linalg.eigh(covariance)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    product = root @ spread @ root
    cross = torch.linalg.eigvalsh((product + product.T) / 2).clamp_min(0).sqrt().sum()
    distance: Tensor = (mean - other).square().sum() + covariance.trace() + spread.trace() - 2 * cross
    return distance.clamp_min(0)


@final
class FrechetDistance(Metric):
    """The Frechet distance of painted pictures from true ones (FID: Heusel et al., NeurIPS 2017); smaller is better.

    FID proper takes the 2,048 features of a certain Inception network; with others the number is comparable to itself
    alone. Sums are kept in double precision, and covariances have the divisor n - 1.

    Args:
        features: pictures ``[b, 3, h, w]`` in [0, 1] to one vector each, ``[b, d]``.

    ``update(pictures, real=...)`` adds pictures to one of the sets. ``compute`` gives one number.

    Raises:
        TypeError: ``features`` cannot be called.
        ValueError: ``update``: features of another shape, or not finite. ``compute``: no more pictures than features in
            one of the sets: their covariance would be singular, and the distance far too large.

    >>> metric = FrechetDistance(lambda image: image.mean((-2, -1)))
    >>> pictures = torch.rand(8, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    >>> metric.update(pictures, real=True); metric.update(pictures, real=False)
    >>> round(metric.compute().item(), 9)
    0.0
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = False

    def __init__(self, features: Features, **metric: Any) -> None:
        if not callable(features):
            raise TypeError(f"features: expected a function of pictures, got {type(features).__name__}")
        super().__init__(**metric)
        self._features = features
        for kind in ("real", "painted"):
            self.add_state(f"{kind}_count", torch.tensor(0), dist_reduce_fx="sum")
            # One number stands for vectors of a length that the first pictures will tell.
            self.add_state(f"{kind}_sum", torch.zeros(1, dtype=torch.float64), dist_reduce_fx="sum")
            self.add_state(f"{kind}_products", torch.zeros(1, 1, dtype=torch.float64), dist_reduce_fx="sum")

    @property
    def update_called(self) -> bool:
        """Always true: without pictures ``compute`` says so; torchmetrics would warn on top."""
        return True

    def update(self, pictures: Image, *, real: bool) -> None:
        """Add pictures to the true ones, or to the painted ones."""
        check_image(pictures, "pictures")
        with torch.no_grad():
            found = self._features(pictures)
        if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(pictures):
            got = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(f"features: expected one vector per picture, [{len(pictures)}, d], got {got}")
        if not found.isfinite().all():
            raise ValueError("features: expected finite numbers, got NaN or infinity; look at what the network is fed")
        known = next(
            (len(total) for kind in ("real", "painted") if self._count(kind) for total in [self._sum(kind)]), 0
        )
        if known and known != found.shape[1]:
            raise ValueError(f"features: expected vectors of {known} numbers as before, got {found.shape[1]}")
        found = found.to(self._sum("real"))
        kind = "real" if real else "painted"
        setattr(self, f"{kind}_count", self._count(kind) + len(found))
        setattr(self, f"{kind}_sum", self._sum(kind) + found.sum(0))
        setattr(self, f"{kind}_products", getattr(self, f"{kind}_products") + found.T @ found)

    def compute(self) -> Tensor:
        """The distance, double precision."""
        for kind, words in (("real", "true"), ("painted", "painted")):
            count, length = int(self._count(kind)), len(self._sum(kind))
            if count <= max(length, 1):
                raise ValueError(
                    f"pictures: expected more {words} ones than there are features "
                    f"({length if count else 'one or more'}), got {count}; give more pictures or fewer features"
                )
        return frechet_distance(*self._gaussian("real"), *self._gaussian("painted"))

    def _any(self) -> bool:
        return bool(self._count("real") + self._count("painted"))

    def _count(self, kind: str) -> Tensor:
        found: Tensor = getattr(self, f"{kind}_count")
        return found

    def _sum(self, kind: str) -> Tensor:
        found: Tensor = getattr(self, f"{kind}_sum")
        return found

    def _gaussian(self, kind: str) -> tuple[Tensor, Tensor]:
        count, mean = self._count(kind), self._sum(kind) / self._count(kind)
        products: Tensor = getattr(self, f"{kind}_products")
        return mean, (products - count * torch.outer(mean, mean)) / (count - 1)
