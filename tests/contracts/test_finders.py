"""What every finder promises. Add a new one to the list."""

import pytest
import torch
from references.pictures import hard_mask, noise, smooth

from iem.finders import IEM, Alone
from iem.initialisers import Otsu, Square, TwoColours
from iem.interfaces import Finder

FINDERS = [
    IEM(),
    IEM("paper", size=16, clusters=(2,)),
    Alone(Otsu()),
    Alone(Square(), size=12),
    Alone(TwoColours(), size=16, square=True),
]
every_finder = pytest.mark.parametrize("finder", FINDERS, ids=lambda finder: str(finder)[:40])


@every_finder
@pytest.mark.parametrize("size", [(1, 1), (2, 9), (24, 31)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_mask_of_the_same_size_and_type_inside_the_region(finder, size, dtype):
    assert isinstance(finder, Finder)
    image = noise(1, 1, 3, *size, dtype=dtype)
    for within in (torch.ones(1, 1, *size), hard_mask(2, 1, *size, dtype=dtype), torch.zeros(1, 1, *size)):
        within = within.to(dtype)
        copies = image.clone(), within.clone()
        found = finder(image, within)
        assert found.shape == within.shape
        assert found.dtype == dtype
        assert ((found >= 0) & (found <= 1)).all()
        assert not (found * (1 - within)).any()
        assert torch.equal(finder(image, within), found)
        assert torch.equal(image, copies[0])
        assert torch.equal(within, copies[1])


@every_finder
@pytest.mark.parametrize("colour", [0.0, 0.3, 1.0])
def test_a_flat_region_is_answered(finder, colour):
    image = smooth(3, 1, 3, 24, 31)
    within = torch.zeros(1, 1, 24, 31).double()
    within[..., 4:20, 6:28] = 1
    found = finder(torch.where(within > 0, colour, image), within)
    assert found.isfinite().all()
    assert not (found * (1 - within)).any()


@every_finder
def test_wrong_shapes_are_refused_in_our_words(finder):
    with pytest.raises(ValueError, match=r"^image: expected shape \[b, 3, h, w\], got \[3, 8, 8\]"):
        finder(torch.zeros(3, 8, 8), torch.ones(1, 1, 8, 8))
    with pytest.raises(ValueError, match=r"^within: expected shape \[1, k, 16, 16\], got \[1, 1, 8, 8\]"):
        finder(torch.rand(1, 3, 16, 16), torch.ones(1, 1, 8, 8))


@pytest.mark.parametrize("finder", [finder for finder in FINDERS if isinstance(finder, Alone)], ids=str)
def test_what_lies_outside_has_no_influence(finder):
    """To the bit, where a finder is not told in the whole picture's palette."""
    within = torch.zeros(1, 1, 24, 31).double()
    within[..., 4:20, 6:28] = 1
    image, other = smooth(4, 1, 3, 24, 31), noise(5, 1, 3, 24, 31)
    assert torch.equal(finder(image, within), finder(torch.where(within > 0, image, other), within))
