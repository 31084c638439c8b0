"""The way without a closed form."""

import torch
from references.pictures import noise, soft_mask

from iem.objectives.autograd import value_and_gradient


def test_differentiates_even_where_gradients_are_off():
    image, mask = noise(1, 2, 3, 5, 4), soft_mask(2, 2, 1, 5, 4)
    with torch.no_grad():
        score, gradient = value_and_gradient(lambda x, m: (x[:, :1] * m**2).sum((1, 2, 3)), image, mask)
    torch.testing.assert_close(gradient, 2 * image[:, :1] * mask)
    torch.testing.assert_close(score, (image[:, :1] * mask**2).sum((1, 2, 3)))
    assert not score.requires_grad
    assert not mask.requires_grad


def test_leaves_the_callers_graph_alone():
    image, mask = noise(1, 1, 3, 5, 4).requires_grad_(), soft_mask(2, 1, 1, 5, 4).requires_grad_()
    value_and_gradient(lambda x, m: (x[:, :1] * m).sum((1, 2, 3)), image, mask)
    assert image.grad is None
    assert mask.grad is None
