"""What every initialiser promises. Add a new one to the list."""

import pytest
import torch
from references.pictures import noise

from iem.features import RGB, Lab, Whitening
from iem.initialisers import Found, FromMask, GrabCut, Otsu, RandomSquares, Square, Strips, TokenCut, TwoColours
from iem.interfaces import Initialiser

INITIALISERS = [
    Square(),
    Square(3),
    Square(8),
    Strips(2),
    Strips(3),
    Otsu(),
    TwoColours(),
    GrabCut(),
    GrabCut(inset=0.0),
    TokenCut(RGB(-1.0, 1.0), patch=4),
    TokenCut(Whitening(Lab()), size=40, patch=4, side="frame", position=1.0),
    Found(RGB(-1.0, 1.0), patch=4),
    Found(Whitening(Lab()), threshold=-0.2, size=(24, 30), patch=3, position=1.0),
    FromMask(Square(), "box"),
    FromMask(Otsu(), "scribble"),
    RandomSquares(),
    RandomSquares(number=50, side=0.9, seed=3),
]
every_initialiser = pytest.mark.parametrize("initialiser", INITIALISERS, ids=str)


@every_initialiser
@pytest.mark.parametrize("size", [(3, 3), (5, 9), (128, 128), (3, 200)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_partition_of_the_picture_without_an_empty_part(initialiser, size, dtype):
    assert isinstance(initialiser, Initialiser)
    image = noise(1, 2, 3, *size, dtype=dtype)
    copy = image.clone()
    mask = initialiser(image)
    assert mask.shape[0] == 2
    assert mask.shape[2:] == size
    assert mask.dtype == dtype
    assert ((mask == 0) | (mask == 1)).all()
    regions = mask if mask.shape[1] > 1 else torch.cat([mask, 1 - mask], dim=1)
    assert (regions.sum(1) == 1).all()
    assert (regions.flatten(2).sum(2) > 0).all()
    assert (initialiser(image) == mask).all()
    assert (image == copy).all()


@every_initialiser
def test_a_batch_equals_a_loop(initialiser):
    images = noise(2, 3, 3, 20, 24, dtype=torch.float32)
    images[1] = 0.5
    together = initialiser(images)
    for i in (2, 0, 1):
        assert (initialiser(images[i : i + 1]) == together[i : i + 1]).all()


@every_initialiser
def test_a_picture_without_a_batch_axis_is_refused(initialiser, unchecked):
    plain = getattr(unchecked("iem.initialisers"), type(initialiser).__name__)(*vars(initialiser).values())
    with pytest.raises(ValueError, match=r"^image: expected shape \[b, 3, h, w\], got \[3, 8, 8\]; add a batch axis"):
        plain(torch.zeros(3, 8, 8))
