"""What every objective promises. Add a new one to the list."""

import pytest
import torch
from references.blurring import PlainInpainter
from references.derivatives import finite_differences, relative_error
from references.pictures import hard_mask, noise, soft_mask

from iem.features import RGB, Lab, Palette
from iem.inpainters import GaussianInpainter
from iem.interfaces import Objective
from iem.objectives import Contrast, Diversity, InpaintingError, MutualInformation, WeightedSum

SMALL = GaussianInpainter(2.0, 5, 2)
OBJECTIVES = {
    "inpainting_error": InpaintingError(GaussianInpainter()),
    "inpainting_error_lab": InpaintingError(SMALL, Lab()),
    "inpainting_error_zero": InpaintingError(GaussianInpainter(2.0, 5, 2, 1, "zero"), RGB(-1.0, 1.0)),
    "inpainting_error_pooled": InpaintingError(GaussianInpainter(2.5, 7, 2, 2)),
    "inpainting_error_by_autograd": InpaintingError(PlainInpainter(2.0, 5, 2)),
    "contrast": Contrast(SMALL),
    "diversity": Diversity(),
    "diversity_lab": Diversity(Lab()),
    "mutual_information": MutualInformation(Palette(RGB(), colours=6, width=0.05, radius=0)),
    "weighted_sum": WeightedSum(
        {"inpainting_error": InpaintingError(SMALL), "diversity": Diversity()},
        {"inpainting_error": 1.5, "diversity": 8.0},
    ),
}


def picture_and_mask(regions, *size, dtype=torch.float64):
    """The first region favours one colour, so that no gradient is a small difference of large ones."""
    image, mask = noise(1, 2, 3, *size, dtype=dtype), soft_mask(2, 2, regions, *size, dtype=dtype)
    first = 0.5 * mask[:, :1] + 0.1 + 0.3 * image[:, :1]
    rest = mask[:, 1:] * (1 - first) / mask[:, 1:].sum(1, keepdim=True)
    return image, torch.cat([first, rest], dim=1)


every_objective = pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
every_count = pytest.mark.parametrize("regions", [1, 2, 3, 4])


@every_objective
@every_count
@pytest.mark.parametrize("size", [(17, 23), (6, 5)])
def test_gradient_equals_finite_differences(objective, regions, size):
    image, mask = picture_and_mask(regions, *size)
    score, gradient = objective.value_and_gradient(image, mask)
    entries = noise(3, mask[0].numel()).argsort()[:40]
    expected = finite_differences(objective, image, mask, entries)
    assert relative_error(gradient.flatten(1)[:, entries], expected) < 1e-6
    torch.testing.assert_close(score, objective(image, mask), rtol=1e-12, atol=1e-12)


@every_objective
@every_count
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_gradient_equals_autograd(objective, regions, dtype, tolerance):
    image, mask = picture_and_mask(regions, 37, 41, dtype=dtype)
    score, gradient = objective.value_and_gradient(image, mask)
    free = mask.clone().requires_grad_()
    value = objective(image, free)
    (expected,) = torch.autograd.grad(value.sum(), free)
    assert relative_error(gradient, expected) < tolerance
    torch.testing.assert_close(score, value.detach(), rtol=tolerance, atol=0)


@every_objective
@every_count
def test_one_number_and_one_slope_per_picture(objective, regions):
    assert isinstance(objective, Objective)
    image, mask = noise(1, 3, 3, 12, 9).float(), soft_mask(2, 3, regions, 12, 9).float()
    copies = image.clone(), mask.clone()
    score, gradient = objective.value_and_gradient(image, mask)
    assert score.shape == objective(image, mask).shape == (3,)
    assert gradient.shape == mask.shape
    assert score.dtype == gradient.dtype == torch.float32
    assert not score.requires_grad
    assert not gradient.requires_grad
    assert (image == copies[0]).all()
    assert (mask == copies[1]).all()


@every_objective
@every_count
def test_pictures_do_not_influence_each_other(objective, regions):
    image, mask = noise(1, 3, 3, 12, 9), soft_mask(2, 3, regions, 12, 9)
    score, gradient = objective.value_and_gradient(image, mask)
    for i in range(3):
        alone = objective.value_and_gradient(image[i : i + 1], mask[i : i + 1])
        torch.testing.assert_close((score[i : i + 1], gradient[i : i + 1]), alone, rtol=1e-10, atol=1e-12)
    image[0] = torch.nan
    others = objective.value_and_gradient(image, mask)
    torch.testing.assert_close((others[0][1:], others[1][1:]), (score[1:], gradient[1:]), rtol=1e-10, atol=1e-12)


@every_objective
def test_prepared_is_the_same_objective_and_stays_so(objective):
    image, mask = noise(1, 2, 3, 12, 9), soft_mask(2, 2, 1, 12, 9)
    prepared = objective.prepare(image)
    first = prepared.value_and_gradient(image, mask)
    prepared.value_and_gradient(image, 1 - mask)
    again = prepared.prepare(image).value_and_gradient(image, mask)
    for result in (first, again):
        torch.testing.assert_close(result, objective.value_and_gradient(image, mask), rtol=0, atol=0)


@every_objective
@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_empty_and_full_masks_are_finite_beside_an_ordinary_one(objective, value, dtype):
    image, mask = noise(1, 2, 3, 12, 9, dtype=dtype), torch.full((2, 1, 12, 9), value, dtype=dtype)
    mask[1] = hard_mask(2, 1, 12, 9, dtype=dtype)
    for regions in (mask, torch.cat([mask, 1 - mask], dim=1)):
        score, gradient = objective.value_and_gradient(image, regions)
        assert score.isfinite().all()
        assert gradient.isfinite().all()
        assert objective(image, regions).isfinite().all()
        free = regions.clone().requires_grad_()
        assert torch.autograd.grad(objective(image, free).sum(), free)[0].isfinite().all()
        alone = objective.value_and_gradient(image[1:], regions[1:])
        torch.testing.assert_close((score[1:], gradient[1:]), alone)


@every_objective
def test_an_empty_region_asks_for_nothing(objective):
    """A region without a pixel has no colour and predicts nothing: nothing may follow from the origin of colours."""
    image, mask = noise(1, 1, 3, 12, 9), torch.zeros(1, 2, 12, 9).double()
    mask[:, 1] = 1
    assert (objective.value_and_gradient(image, mask)[1][:, 0] == 0).all()


@every_objective
def test_two_regions_are_a_mask_and_its_complement(objective):
    image = noise(1, 2, 3, 37, 41)
    for mask in (soft_mask(2, 2, 1, 37, 41), hard_mask(3, 2, 37, 41)):
        score, gradient = objective.value_and_gradient(image, mask)
        both = torch.cat([mask, 1 - mask], dim=1)
        scores, gradients = objective.value_and_gradient(image, both)
        torch.testing.assert_close(score, scores, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(objective(image, both), objective(image, mask), rtol=1e-12, atol=1e-12)
        assert relative_error(gradients[:, :1] - gradients[:, 1:], gradient) < 1e-10


@every_objective
def test_the_order_of_regions_does_not_matter(objective):
    image, mask = noise(1, 2, 3, 12, 9), soft_mask(2, 2, 4, 12, 9)
    order = [2, 0, 3, 1]
    score, gradient = objective.value_and_gradient(image, mask)
    other = objective.value_and_gradient(image, mask[:, order])
    torch.testing.assert_close(other, (score, gradient[:, order]), rtol=1e-10, atol=1e-12)
