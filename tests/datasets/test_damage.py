"""What is laid over a picture, and that what is behind it stays known."""

import pytest
import torch

from iem.datasets.damage import KINDS, damage


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(0)
    truth, other = torch.rand(1, 3, 40, 50, generator=generator), torch.rand(1, 3, 30, 30, generator=generator)
    shape = torch.zeros(1, 1, 30, 30)
    shape[..., 8:22, 10:20] = 1
    return truth, other, shape


@pytest.mark.parametrize("kind", KINDS)
def test_outside_the_cover_the_picture_is_the_truth(pictures, kind):
    truth, other, shape = pictures
    found = damage(truth, other, shape, kind=kind, share=0.2, rim_blur=1.5, generator=torch.Generator().manual_seed(1))
    outside = (found.cover == 0).expand_as(truth)
    assert outside.any()
    assert torch.equal(found.image[outside], truth[outside])
    assert not torch.equal(found.image, truth)
    assert found.mask.mean().item() == pytest.approx(0.2, abs=0.02)
    assert ((found.cover > 0) & (found.mask == 0)).any()  # the rim reaches beyond the exact mask
    assert torch.equal(found.truth, truth)
    assert float(found.image.min()) >= 0
    assert float(found.image.max()) <= 1


def test_an_object_keeps_its_own_colours(pictures):
    truth, other, shape = pictures
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    other = torch.where(shape > 0, red, torch.tensor([0, 0, 1.0]).view(1, 3, 1, 1))
    found = damage(truth, other, shape, kind="object", share=0.15, generator=torch.Generator().manual_seed(1))
    covered = found.image[(found.mask > 0).expand_as(truth)].view(3, -1)
    assert covered[0].mean() > 0.93  # but for its outermost pixels
    assert torch.equal(found.cover, found.mask)


def test_the_same_seed_covers_the_same_place_whatever_the_rim(pictures):
    masks = [
        damage(*pictures, kind="object", share=0.1, rim_blur=rim, generator=torch.Generator().manual_seed(5)).mask
        for rim in (0.0, 2.0)
    ]
    assert torch.equal(*masks)


def test_refused(pictures):
    truth, other, shape = pictures
    settings = {"share": 0.1, "generator": torch.Generator()}
    with pytest.raises(ValueError, match="kind: expected one of thin, box, blob, object, got 'round'"):
        damage(truth, other, shape, kind="round", **settings)
    with pytest.raises(ValueError, match="shape: expected shape"):
        damage(truth, other, shape[..., :5], kind="box", **settings)
    with pytest.raises(ValueError, match="an object"):
        damage(truth, other, 0 * shape, kind="object", **settings)
