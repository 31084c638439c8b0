"""The Frechet distance, held against closed forms and SciPy's root of a matrix."""

import numpy as np
import pytest
import scipy.linalg
import torch

from iem.metrics import FrechetDistance
from iem.metrics.fid import frechet_distance


def random_gaussian(seed, size=6, rank=6):
    generator = torch.Generator().manual_seed(seed)
    factor = torch.randn(size, rank, generator=generator, dtype=torch.float64)
    return torch.randn(size, generator=generator, dtype=torch.float64), factor @ factor.T


@pytest.mark.parametrize("rank", [6, 3])
def test_as_by_the_root_of_the_product(rank):
    (mean, covariance), (other, spread) = random_gaussian(0), random_gaussian(1, rank=rank)
    root = scipy.linalg.sqrtm(covariance.numpy() @ spread.numpy()).real
    expected = (mean - other).square().sum() + covariance.trace() + spread.trace() - 2 * np.trace(root)
    assert frechet_distance(mean, covariance, other, spread).item() == pytest.approx(expected.item(), rel=1e-6)


def test_independent_features_have_a_closed_form():
    """Of diagonal covariances it is the sum of (m - n)^2 + (s - t)^2."""
    generator = torch.Generator().manual_seed(2)
    m, n = torch.randn(2, 5, generator=generator).double()
    s, t = torch.rand(2, 5, generator=generator).double()
    found = frechet_distance(m, torch.diag(s**2), n, torch.diag(t**2))
    assert found.item() == pytest.approx(((m - n) ** 2 + (s - t) ** 2).sum().item())
    assert frechet_distance(m, torch.diag(s**2), m, torch.diag(s**2)).item() == pytest.approx(0, abs=1e-12)


def features(image):
    return torch.cat([image.mean((-2, -1)), image.std((-2, -1))], 1)


def test_pictures_in_batches_as_all_at_once():
    generator = torch.Generator().manual_seed(3)
    real, painted = torch.rand(40, 3, 8, 8, generator=generator), torch.rand(30, 3, 8, 8, generator=generator) ** 2
    metric = FrechetDistance(features)
    for batch in real.split(7):
        metric.update(batch, real=True)
    for batch in painted.split(11):
        metric.update(batch, real=False)
    ours, theirs = features(real).double().numpy(), features(painted).double().numpy()
    first, second = np.cov(ours.T), np.cov(theirs.T)
    expected = ((ours.mean(0) - theirs.mean(0)) ** 2).sum() + np.trace(first + second)
    expected -= 2 * np.trace(scipy.linalg.sqrtm(first @ second).real)
    assert metric.compute().item() == pytest.approx(expected, rel=1e-6)
    metric.reset()
    with pytest.raises(ValueError, match="pictures: expected more true ones"):
        metric.compute()


def test_too_few_pictures_are_refused():
    metric = FrechetDistance(features)
    metric.update(torch.rand(20, 3, 8, 8), real=True)
    metric.update(torch.rand(6, 3, 8, 8), real=False)
    with pytest.raises(ValueError, match=r"more painted ones than there are features \(6\), got 6; give more pictures"):
        metric.compute()
    metric.update(torch.rand(1, 3, 8, 8), real=False)
    assert metric.compute() > 0


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda image: image, r"one vector per picture, \[4, d\], got \[4, 3, 8, 8\]"),
        (lambda image: image.mean((-2, -1)) / 0, "finite numbers"),
        (lambda image: "no", "got str"),
    ],
)
def test_wrong_features_are_refused(function, message):
    with pytest.raises(ValueError, match=message):
        FrechetDistance(function).update(torch.rand(4, 3, 8, 8), real=True)
    with pytest.raises(TypeError, match="features: expected a function of pictures, got str"):
        FrechetDistance("inception")


def test_features_of_another_length_are_refused():
    metric = FrechetDistance(lambda image: image.flatten(1))
    metric.update(torch.rand(2, 3, 2, 2), real=True)
    with pytest.raises(ValueError, match="vectors of 12 numbers as before, got 27"):
        metric.update(torch.rand(2, 3, 3, 3), real=False)
