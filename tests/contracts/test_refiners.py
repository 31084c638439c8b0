"""What every refiner promises. Add a new one to the list."""

import pytest
import torch
from references.pictures import hard_mask, noise, smooth

from iem.interfaces import Refiner
from iem.refiners import BilateralSolver, Chain, Cleaned, Grow, GuidedFilter, LargestComponent

REFINERS = [
    GuidedFilter(),
    BilateralSolver(),
    BilateralSolver(sigma_spatial=4, binary=True),
    Grow(),
    Grow(3.5, unit="pixels", iterations=2),
    Grow(2.5, unit="pixels", shape="square", iterations=2),
    LargestComponent(),
    LargestComponent(connectivity=8),
    Cleaned(),
    Cleaned(min_area=0.05, connectivity=8),
    Chain([Cleaned(), BilateralSolver(), Grow()]),
]
every_refiner = pytest.mark.parametrize("refiner", REFINERS, ids=str)


@every_refiner
@pytest.mark.parametrize("size", [(1, 1), (2, 9), (24, 31)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_mask_of_the_same_size_and_type(refiner, size, dtype):
    assert isinstance(refiner, Refiner)
    image, mask = noise(0, 2, 3, *size, dtype=dtype), noise(1, 2, 1, *size, dtype=dtype)
    copies = image.clone(), mask.clone()
    refined = refiner(image, mask)
    assert refined.shape == mask.shape
    assert refined.dtype == dtype
    assert ((refined >= 0) & (refined <= 1)).all()
    assert (refiner(image, mask) == refined).all()
    assert (image == copies[0]).all()
    assert (mask == copies[1]).all()


@every_refiner
def test_a_coarse_mask_comes_back_at_the_picture_s_size(refiner):
    image, mask = smooth(2, 1, 3, 40, 56), hard_mask(3, 1, 10, 14)
    refined = refiner(image, mask)
    assert refined.shape == (1, 1, 40, 56)
    assert 0 < refined.mean() < 1


@every_refiner
def test_a_batch_equals_a_loop(refiner):
    image, mask = smooth(2, 3, 3, 20, 24), hard_mask(5, 3, 20, 24)
    mask[1] = 0.6 * noise(7, 1, 20, 24)
    together = refiner(image, mask)
    alone = torch.cat([refiner(image[i : i + 1], mask[i : i + 1]) for i in range(3)])
    if isinstance(refiner, GuidedFilter):
        torch.testing.assert_close(together, alone)
    else:
        assert (together == alone).all()


@every_refiner
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_empty_mask_stays_empty_and_a_full_one_full(refiner, value):
    image = smooth(2, 1, 3, 20, 24)
    mask = torch.full((1, 1, 20, 24), value).double()
    torch.testing.assert_close(refiner(image, mask), mask, atol=1e-3, rtol=0)


@every_refiner
def test_wrong_shapes_are_refused_in_our_words(refiner, unchecked):
    plain = getattr(unchecked("iem.refiners"), type(refiner).__name__)(**vars(refiner))
    with pytest.raises(ValueError, match=r"^image: expected shape \[b, 3, h, w\], got \[3, 8, 8\]"):
        plain(torch.zeros(3, 8, 8), torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match=r"^mask: expected shape \[b, k, h, w\], got \[8, 8\]"):
        plain(torch.zeros(1, 3, 8, 8), torch.zeros(8, 8))
