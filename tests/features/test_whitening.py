"""Whitening against scikit-learn and by its definition."""

import numpy as np
import pytest
import torch
from references.pictures import noise
from scipy.linalg import fractional_matrix_power

from iem.features import RGB, Whitening
from iem.features.whitening import whiten, whitening


def test_the_covariance_becomes_the_identity():
    image = noise(1, 2, 3, 16, 18)
    image[:, 1] = 0.7 * image[:, 0] + 0.3 * image[:, 1]
    for white in Whitening(RGB(), floor=1e-6)(image):
        np.testing.assert_allclose(np.cov(white.flatten(1).numpy(), bias=True), np.eye(3), atol=1e-6)
        np.testing.assert_allclose(white.mean((1, 2)), 0, atol=1e-12)


def test_the_rotation_is_the_least_one():
    """ZCA: the whitening matrix is symmetric, so that channels keep their meaning."""
    image = noise(1, 1, 3, 16, 18)
    image[:, 1] = 0.7 * image[:, 0] + 0.3 * image[:, 1]
    centred = image.flatten(2)[0] - image.flatten(2)[0].mean(1, keepdim=True)
    white = Whitening(RGB(), floor=1e-6)(image).flatten(2)[0]
    matrix = white @ torch.linalg.pinv(centred)
    torch.testing.assert_close(matrix, matrix.mT)
    assert (torch.linalg.eigvalsh(matrix) > 0).all()


def test_noise_below_the_floor_stays_small():
    image = 0.5 + 1e-4 * noise(1, 1, 3, 16, 16).float()
    assert Whitening(RGB(), floor=0.01)(image).abs().max() < 0.02


def test_a_picture_with_nan_leaves_its_neighbours_alone():
    image = noise(1, 2, 3, 8, 8)
    expected = Whitening(RGB())(image)
    image[0, 0, 0, 0] = torch.nan
    torch.testing.assert_close(Whitening(RGB())(image)[1], expected[1])


def test_one_picture_is_seen_as_another_was_whitened():
    first, second = noise(2, 1, 3, 16, 18), noise(3, 1, 3, 5, 7)
    points = first[0].flatten(1).numpy()
    matrix = fractional_matrix_power(np.cov(points, bias=True) + 0.1**2 * np.eye(3), -0.5)
    expected = matrix @ (second[0].flatten(1).numpy() - points.mean(1, keepdims=True))
    white = whiten(second, *whitening(first, 0.1))
    assert white.shape == second.shape
    np.testing.assert_allclose(white[0].flatten(1), expected, atol=1e-9)


def test_wrong_settings_are_named(unchecked):
    features = unchecked("iem.features")
    with pytest.raises(ValueError, match=r"^floor: expected a finite number of at least 1e-06, got 0$"):
        features.Whitening(features.RGB(), 0)
