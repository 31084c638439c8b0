import pytest
import torch

from iem.refiners import Chain, Grow, LargestComponent


def test_in_the_order_given():
    mask = torch.tensor([[1.0, 1, 0, 0, 1, 0, 1]])[None, None]
    image = torch.zeros(1, 3, 1, 7)
    grow, pick = Grow(1, unit="pixels"), LargestComponent()
    assert Chain([pick, grow])(image, mask).flatten().tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert Chain([grow, pick])(image, mask).flatten().tolist() == [1] * 7


def test_an_empty_chain_is_refused(unchecked):
    with pytest.raises(ValueError, match=r"^refiners: expected at least one refiner, got none"):
        unchecked("iem.refiners").Chain([])
