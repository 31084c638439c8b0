"""Mutual information against scikit-learn."""

import math

import pytest
import torch
from references.pictures import hard_mask, noise
from sklearn.metrics import mutual_info_score

from iem.features import RGB, Palette
from iem.objectives import MutualInformation

HARD = Palette(RGB(), colours=5, width=1e-3, radius=0, spread=0.0)


@pytest.mark.parametrize("regions", [2, 3])
def test_it_equals_scikit_learn_on_hard_shares(regions):
    image = noise(1, 1, 3, 12, 14)
    label = noise(2, 12, 14).mul(regions).long()
    masks = torch.nn.functional.one_hot(label, regions).movedim(-1, 0)[None].double()
    expected = mutual_info_score(label.flatten(), HARD(image).argmax(1).flatten())
    assert MutualInformation(HARD)(image, masks).item() == pytest.approx(expected, abs=1e-12)


def test_it_is_largest_where_the_sides_share_no_colour():
    image = torch.zeros(1, 3, 8, 8)
    image[..., 4:] = 1
    information = MutualInformation(Palette(RGB(), 2, 0.1, 0, 0.0))
    assert information(image, image[:, :1]).item() == pytest.approx(math.log(2))
    assert information(image, image[:, :1].mT.contiguous()).item() == pytest.approx(0, abs=1e-6)


def test_polarity_does_not_matter():
    image, mask = noise(1, 2, 3, 12, 14), hard_mask(2, 2, 12, 14)
    information = MutualInformation(Palette(RGB()))
    score, gradient = information.value_and_gradient(image, mask)
    torch.testing.assert_close(information.value_and_gradient(image, 1 - mask), (score, -gradient))
