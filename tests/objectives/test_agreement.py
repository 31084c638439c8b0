"""Agreement with a guide: the share of pixels on the right side, and its slope."""

import pytest
import torch
from references.derivatives import finite_differences, relative_error

from iem.interfaces import Objective
from iem.objectives import Agreement, WeightedSum


def guide(image):
    return image[:, 1:2].square()


def noise(seed, *shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_it_is_the_expected_share_of_pixels_on_the_right_side():
    image, mask = noise(1, 3, 3, 7, 9), noise(2, 3, 1, 7, 9)
    likely = guide(image)
    expected = [
        sum(m * p + (1 - m) * (1 - p) for m, p in zip(one.flatten().tolist(), other.flatten().tolist(), strict=True))
        / 63
        for one, other in zip(mask, likely, strict=True)
    ]
    assert isinstance(Agreement(guide), Objective)
    assert Agreement(guide)(image, mask).tolist() == pytest.approx(expected)
    both = torch.cat([mask, 1 - mask], dim=1)
    assert Agreement(guide)(image, both).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("regions", [1, 2])
def test_the_slope_equals_differences(regions):
    image, mask = noise(1, 2, 3, 7, 9), noise(2, 2, regions, 7, 9)
    entries = torch.arange(0, 63 * regions, 5)
    score, gradient = Agreement(guide).value_and_gradient(image, mask)
    expected = finite_differences(Agreement(guide), image, mask, entries)
    assert relative_error(gradient.flatten(1)[:, entries], expected) < 1e-6
    torch.testing.assert_close(score, Agreement(guide)(image, mask))


def test_the_best_mask_is_the_guide_cut_at_one_half():
    image = noise(1, 1, 3, 6, 6)
    best = (guide(image) > 0.5).double()
    score = Agreement(guide)(image, best)
    for i in range(36):
        other = best.clone()
        other.view(-1)[i] = 1 - other.view(-1)[i]
        assert Agreement(guide)(image, other) < score


def test_the_guide_is_asked_once_and_gets_no_gradient():
    asked = []

    def counted(image):
        asked.append(torch.is_grad_enabled())
        return guide(image)

    image, mask = noise(1, 1, 3, 6, 6), noise(2, 1, 1, 6, 6)
    prepared = Agreement(counted).prepare(image.requires_grad_())
    prepared(image, mask)
    prepared.prepare(image).value_and_gradient(image, mask)
    assert asked == [False]


def test_it_joins_a_sum():
    image, mask = noise(1, 1, 3, 6, 6), noise(2, 1, 1, 6, 6)
    both = WeightedSum({"agreement": Agreement(guide)}, {"agreement": 2.0})
    torch.testing.assert_close(both(image, mask), 2 * Agreement(guide)(image, mask))


def test_wrong_maps_and_regions_are_one_sentence():
    image = noise(1, 1, 3, 6, 6)
    with pytest.raises(ValueError, match=r"^mask: expected a mask or two regions, got 3; the guide tells the object"):
        Agreement(guide)(image, noise(2, 1, 3, 6, 6))
    with pytest.raises(ValueError, match=r"^guide: expected one channel, got 3; give a map of the object alone$"):
        Agreement(lambda image: image)(image, noise(2, 1, 1, 6, 6))
    with pytest.raises(ValueError, match=r"^guide: expected shape \[1, k, 6, 6\], got \[1, 1, 3, 6\]"):
        Agreement(lambda image: image[:, :1, :3])(image, noise(2, 1, 1, 6, 6))
