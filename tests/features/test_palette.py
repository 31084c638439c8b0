"""The palette: shares, and k-means against scikit-learn."""

import warnings

import numpy as np
import pytest
import torch
from references.pictures import noise
from scipy.spatial import KDTree
from scipy.special import softmax
from sklearn.cluster import KMeans

from iem.features import RGB, Palette
from iem.features.palette import assign, k_means


def test_k_means_equals_scikit_learn_from_the_same_start():
    points = noise(1, 1, 300, 3)
    start = k_means(points, 5, 1)
    expected = KMeans(5, init=start[0].numpy(), n_init=1, max_iter=4, tol=0, algorithm="lloyd")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it was stopped after four iterations
        expected.fit(points[0].numpy())
    np.testing.assert_allclose(k_means(points, 5, 5)[0], expected.cluster_centers_, atol=1e-9)


def test_more_clusters_than_points_are_finite():
    assert k_means(torch.zeros(1, 2, 3), 4, 3).isfinite().all()


@pytest.mark.parametrize("radius", [0, 2])
def test_shares_sum_to_one_and_none_is_zero(radius):
    shares = Palette(RGB(), colours=6, width=0.1, radius=radius)(noise(1, 2, 3, 9, 12))
    torch.testing.assert_close(shares.sum(1), torch.ones(2, 9, 12).double())
    assert shares.min() >= 0.002 / 6


def test_a_narrow_palette_is_a_hard_one_and_a_wide_one_says_nothing():
    image = noise(1, 1, 3, 9, 12)
    hard = Palette(RGB(), colours=4, width=1e-3, radius=0, spread=0.0)(image)
    assert ((hard == 0) | (hard == 1)).all()
    assert (hard.sum((2, 3)) > 0).all()
    wide = Palette(RGB(), colours=4, width=1e3, radius=0)(image)
    torch.testing.assert_close(wide, torch.full_like(wide, 0.25))


def test_the_window_averages():
    image = noise(1, 1, 3, 9, 12)
    hard, soft = (Palette(RGB(), 4, 1e-3, radius, 0.0)(image) for radius in (0, 1))
    torch.testing.assert_close(soft[0, :, 4, 5], hard[0, :, 3:6, 4:7].mean((1, 2)))
    torch.testing.assert_close(soft[0, :, 0, 0], hard[0, :, :2, :2].mean((1, 2)))


def test_a_pixel_has_the_shares_of_the_entry_nearest_to_it():
    features, entries = noise(2, 2, 3, 4, 5), noise(3, 2, 6, 3)
    found = assign(features, entries, 0.3)
    for shares, picture, own in zip(found, features, entries, strict=True):
        nearest = KDTree(own).query(picture.flatten(1).mT)[1]
        distance = np.linalg.norm(own[:, None] - own[None], axis=2)
        expected = softmax(-(distance**2) / (2 * 0.3**2), axis=1)[nearest]
        np.testing.assert_allclose(shares.flatten(1).mT, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colours": 1}, "colours: expected a whole number from 2 to 256, got 1"),
        ({"width": 0.0}, "width: expected a finite number of at least 1e-06, got 0.0"),
        ({"spread": 2.0}, "spread: expected a finite number from 0 to 1, got 2.0"),
        ({"radius": -1}, "radius: expected a whole number of at least 0, got -1"),
        ({"iterations": 0}, "iterations: expected a whole number of at least 1, got 0"),
    ],
)
def test_wrong_settings_are_named(options, message, unchecked):
    features = unchecked("iem.features")
    with pytest.raises(ValueError, match=f"^{message}$"):
        features.Palette(features.RGB(), **options)
