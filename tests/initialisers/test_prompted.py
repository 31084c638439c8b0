"""First masks from prompts, and prompts from masks."""

import pytest
import torch
from references.pictures import noise

from iem.initialisers import FromMask, Otsu, Prompted, Square
from iem.interfaces import Initialiser
from iem.prompts import Box, CoarseMask, Points, Scribble
from iem.searched import Searched

KINDS = ("coarse", "box", "scribble", "point")


def blob(image):
    """Two rectangles that touch."""
    mask = image.new_zeros(len(image), 1, *image.shape[2:])
    mask[..., 10:30, 8:20] = mask[..., 22:40, 15:44] = 1
    return mask


def everything(image):
    return torch.ones_like(image[:, :1])


def nothing(image):
    return torch.zeros_like(image[:, :1])


def test_kinds_are_what_they_say():
    image = noise(1, 2, 3, 64, 48).float()
    source = blob(image)
    box = FromMask(blob, "box")(image)
    assert box.equal(Box(8, 10, 44, 40).to_mask((64, 48)).repeat(2, 1, 1, 1))
    assert FromMask(blob, "coarse")(image).equal(source)
    scribble = FromMask(blob, "scribble", reference=64)(image)
    grown = torch.nn.functional.max_pool2d(source, 5, 1, 2)
    assert (scribble <= grown).all()
    assert 0 < (scribble * source).sum() < source.sum()
    one = FromMask(blob, "point", number=1, reference=64)(image)[0, 0].nonzero().float().mean(0)
    torch.testing.assert_close(one, source[0, 0].nonzero().float().mean(0), rtol=0, atol=0.5)
    many = FromMask(blob, "point", number=3, reference=2048)(image)[0]
    assert many.sum() == 3
    assert (many <= source[0]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_every_initialiser_promises(kind):
    for source in (blob, everything, nothing, Otsu(), Square()):
        for size in ((64, 48), (3, 200)) if source is not blob else ((64, 48),):
            image = noise(2, 3, 3, *size)
            initialiser = FromMask(source, kind)
            assert isinstance(initialiser, Initialiser)
            mask = initialiser(image)
            assert mask.shape == (3, 1, *size)
            assert mask.dtype == image.dtype
            assert ((mask == 0) | (mask == 1)).all()
            assert (mask.flatten(1).sum(1) > 0).all()
            assert (mask.flatten(1).amin(1) == 0).all()
            for i in range(3):
                assert initialiser(image[i : i + 1]).equal(mask[i : i + 1])


def test_another_seed_is_another_scribble():
    image = noise(1, 1, 3, 64, 48).float()
    masks = {tuple(FromMask(blob, "scribble", seed=seed)(image).flatten().tolist()) for seed in range(4)}
    assert len(masks) == 4


@pytest.mark.parametrize(
    "prompt",
    [
        Points([(20, 30)]),
        Box(10, 20, 40, 60),
        Scribble([(5, 5), (40, 50)], 6),
        CoarseMask(torch.eye(96, 64)[None, None]),
    ],
    ids=lambda prompt: type(prompt).__name__,
)
def test_a_prompt_follows_the_picture(prompt):
    image = noise(1, 2, 3, 48, 32)
    mask = Prompted(prompt, size=(96, 64))(image)
    assert mask.dtype == image.dtype
    assert mask[1:].equal(mask[:1])
    assert mask[:1].float().equal(prompt.rescaled((96, 64), (48, 32)).to_mask((48, 32)))
    whole = Prompted(prompt)(noise(1, 1, 3, 96, 64).float())
    assert whole.equal(prompt.to_mask((96, 64)))


def test_refusals(unchecked):
    plain = unchecked("iem.initialisers")
    image = torch.zeros(1, 3, 6, 8)
    prompts = unchecked("iem.prompts")
    with pytest.raises(ValueError, match=r"^prompt: expected one that leaves some background, got all 6 x 8 pixels"):
        plain.Prompted(prompts.Box(0, 0, 8, 6))(image)
    with pytest.raises(ValueError, match=r"^box: expected it within the picture, 0 <= x <= 16"):
        plain.Prompted(prompts.Box(0, 0, 17, 6), size=(12, 16))(image)
    with pytest.raises(TypeError, match=r"^prompt: expected Points, Box, Scribble or CoarseMask, got tuple"):
        plain.Prompted((0, 0, 1, 1))
    with pytest.raises(ValueError, match=r"^number: expected a whole number of at least 2, got 1"):
        plain.FromMask(plain.Square(), "scribble", number=1)
    with pytest.raises(ValueError, match=r"^kind: expected one of coarse, box, scribble, point, got 'dot'"):
        plain.FromMask(plain.Square(), "dot")
    with pytest.raises(ValueError, match=r"^image: expected shape \[b, 3, h, w\], got \[3, 8, 8\]"):
        plain.FromMask(plain.Square())(torch.zeros(3, 8, 8))


def test_searched_is_the_mask_of_the_search():
    image = 0.2 + 0.05 * noise(1, 2, 3, 96, 64).float()
    image[..., 24:60, 16:40] = 0.9
    image[1] = 0.5  # nothing to find: the first mask stands
    mask = Searched("paper", size=32)(image)
    assert isinstance(Searched(), Initialiser)
    truth = image[:1, :1] > 0.6
    assert ((mask[:1] > 0.5) & truth).sum() / ((mask[:1] > 0.5) | truth).sum() > 0.85
    assert 0 < mask[1].mean() < 1
    with pytest.raises(ValueError, match="preset: expected one of best, paper"):
        Searched("papr")
