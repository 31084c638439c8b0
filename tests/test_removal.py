"""Removal: what is beyond the grown hole stays to the bit, what is seen of the paint is what the formula says."""

import numpy as np
import pytest
import torch
from scipy import ndimage

import iem
from iem.inpainters import Mean
from iem.removal import grown_hole, remove, united, usual_feather, usual_grow
from iem.runner.inpaint_picture import paint


def photo(b=1, h=40, w=60, dtype=torch.float32):
    return torch.rand(b, 3, h, w, generator=torch.Generator().manual_seed(0), dtype=dtype)


def box(b=1, h=40, w=60, dtype=torch.float32):
    hole = torch.zeros(b, 1, h, w, dtype=dtype)
    hole[..., 12:20, 30:44] = 1
    return hole


@pytest.mark.parametrize(("grow", "feather"), [(0, 0), (3, 0), (0, 4), (2, 3), (None, None)])
def test_pixels_beyond_the_grown_hole_are_bit_equal_and_inside_is_paint(grow, feather):
    image, hole = photo(), box()
    removal = remove(image, hole, Mean(), grow=grow, feather=feather)
    seen = removal.hole.expand_as(image)
    assert torch.equal(removal.image[seen == 0], image[seen == 0])
    hidden = (removal.hole > 0).float()
    known = image * (1 - hidden)
    mean = known.sum((2, 3)) / (1 - hidden).sum()
    expected = mean[..., None, None].expand_as(image)[seen == 1]
    torch.testing.assert_close(removal.image[seen == 1], expected)
    assert bool((removal.hole[hole > 0] == 1).all())


@pytest.mark.parametrize(("grow", "feather"), [(0, 0), (4, 0), (0, 3), (3, 5)])
def test_weight_against_distances_counted_one_by_one(grow, feather):
    hole = torch.zeros(1, 1, 17, 23)
    hole[0, 0, 8, 5] = hole[0, 0, 2, 20] = 1
    found = grown_hole(hole, grow=grow, feather=feather)[0, 0].numpy()
    places = np.argwhere(hole[0, 0].numpy())
    for row in range(17):
        for column in range(23):
            distance = min(np.hypot(row - y, column - x) for y, x in places)
            weight = 1.0 if distance <= grow else max(0.0, 1 - (distance - grow) / (feather + 1))
            weight = weight if distance <= grow + feather else 0.0
            assert found[row, column] == pytest.approx(weight, abs=1e-6), (row, column)


def test_the_command_and_the_function_paint_the_same():
    image, hole = photo(), box()
    removal = remove(image, hole, grow=2, feather=3)
    painting = paint(image, hole, iem.inpainters.Harmonic(), grow=2, feather=3)
    assert torch.equal(removal.hole, painting.weight)
    blended = torch.lerp(image, painting.image, painting.weight)
    torch.testing.assert_close(removal.image, blended)


def test_a_batch_equals_a_loop():
    image, hole = photo(b=3), box(b=3)
    hole[1] = 0
    hole[2] = hole[2].roll(9, 2)
    whole = remove(image, hole)
    assert torch.equal(whole.image[1], image[1])
    for i in range(3):
        alone = remove(image[i : i + 1], hole[i : i + 1])
        torch.testing.assert_close(whole.image[i : i + 1], alone.image, atol=2e-3, rtol=0)
        assert torch.equal(whole.hole[i : i + 1], alone.hole)


def test_what_is_removed_is_gone_although_its_mask_is_tight():
    """A red disc with a blurred rim on a grey slope: a tight mask leaves red in the paint, the usual hole does not."""
    slope = torch.linspace(0.2, 0.7, 128).expand(1, 3, 128, 128).clone()
    y, x = torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij")
    disc = ((x - 60) ** 2 + (y - 66) ** 2 <= 24**2).float()[None, None]
    cover = torch.from_numpy(ndimage.gaussian_filter(disc.numpy(), (0, 0, 1, 1)))
    image = (1 - cover) * slope + cover * torch.tensor([0.9, 0.1, 0.1]).view(1, 3, 1, 1)

    def error(**margins):
        return float((remove(image, disc, **margins).image - slope).abs()[:, :, 42:91, 36:85].mean())

    assert error(grow=0, feather=0) > 0.05
    assert error() < 0.02


def test_an_empty_hole_leaves_an_equal_copy():
    image = photo()
    removal = remove(image, torch.zeros(1, 1, 40, 60))
    assert torch.equal(removal.image, image)
    assert removal.image.data_ptr() != image.data_ptr()
    assert not removal.hole.any()


def test_arguments_are_not_written_to():
    image, hole = photo(), box()
    before = image.clone(), hole.clone()
    remove(image, hole)
    assert torch.equal(image, before[0])
    assert torch.equal(hole, before[1])


def test_double_precision_stays():
    removal = remove(photo(dtype=torch.float64), box(dtype=torch.float64))
    assert removal.image.dtype == removal.hole.dtype == torch.float64


def test_a_soft_hole_is_cut_at_one_half():
    soft = box() * 0.6
    soft[..., :5, :5] = 0.4
    assert torch.equal(remove(photo(), soft).hole, remove(photo(), box()).hole)


def test_what_is_usual_grows_with_the_picture():
    assert [usual_grow((side, 2 * side)) for side in (1, 100, 101, 4000)] == [1, 1, 2, 40]
    assert [usual_feather((2 * side, side)) for side in (1, 200, 201, 4000)] == [1, 1, 2, 20]


def test_several_objects_are_one_hole():
    one, other = box(), box().roll(-20, 3)
    both = united(iter([one, other, other]))
    assert torch.equal(both, (one + other).clamp(max=1))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: remove(photo(), torch.ones(1, 1, 40, 60)), ValueError, "hole: expected something left of picture 0"),
        (lambda: remove(photo(), box(), grow=60), ValueError, "mark less, or grow it less"),
        (lambda: remove(photo(), box(), grow=-1), ValueError, "grow: expected a whole number of at least 0, got -1"),
        (lambda: remove(photo(), box(), feather=1.5), ValueError, "feather: expected a whole number"),
        (lambda: remove(photo() * 255, box()), ValueError, "divide by 255"),
        (lambda: remove(photo(), box() * 2), ValueError, "hole: expected values in"),
        (lambda: remove(photo(), box(h=41)), ValueError, "hole: expected shape"),
        (lambda: remove(photo(), box().double()), TypeError, "hole: expected torch.float32"),
        (lambda: united([]), ValueError, "masks: expected at least one, got none"),
        (lambda: united([box(), box(h=41)]), ValueError, r"masks\[1\]: expected shape"),
    ],
)
def test_what_cannot_be_is_said(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_it_is_a_verb_of_the_package():
    assert iem.remove is remove
