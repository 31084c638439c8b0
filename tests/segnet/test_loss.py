import math

import pytest
import torch
from torch.nn import functional

from iem.segnet.loss import robust_loss


def test_by_hand():
    logits, target = torch.tensor([[[[0.0, 2.0]]]], dtype=torch.float64), torch.tensor([[[[0.0, 1.0]]]]).double()
    p = 1 / (1 + math.exp(-2))
    entropy = ((1 - 0.5**0.7) / 0.7 + (1 - p**0.7) / 0.7) / 2
    overlap = 1 - (2 * p + 1) / (0.5 + p + 1 + 1)
    assert robust_loss(logits, target).item() == pytest.approx(entropy + overlap / 2, abs=1e-12)


def test_little_doubt_is_cross_entropy():
    chance = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1, 5, 6, generator=chance)
    target = (torch.rand(2, 1, 5, 6, generator=chance) > 0.5).float()
    mask = logits.sigmoid()
    overlap = 1 - (2 * (mask * target).sum((1, 2, 3)) + 1) / ((mask + target).sum((1, 2, 3)) + 1)
    expected = (
        functional.binary_cross_entropy_with_logits(logits, target, reduction="none").mean((1, 2, 3)) + overlap / 2
    )
    torch.testing.assert_close(robust_loss(logits, target, doubt=0.01), expected, rtol=0.02, atol=0)


def test_gradient():
    logits = torch.randn(2, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    target = torch.rand(2, 1, 3, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: robust_loss(z, target), logits)


def test_a_contradicted_pixel_pulls_less_than_in_cross_entropy():
    logits = torch.tensor([[[[-6.0]]]], requires_grad=True)
    target = torch.ones(1, 1, 1, 1)
    robust_loss(logits, target, doubt=0.7).sum().backward()
    robust = logits.grad.abs().item()
    plain = torch.autograd.grad(robust_loss(logits, target, doubt=0.01).sum(), logits)[0].abs().item()
    assert robust < 0.2 * plain
