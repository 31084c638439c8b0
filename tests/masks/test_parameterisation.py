"""Parameters to mask and back, derivatives, and the chain with an objective."""

import pytest
import torch
from references.derivatives import relative_error
from references.pictures import hard_mask, noise, soft_mask
from torch.nn import functional

from iem.features import RGB
from iem.inpainters import GaussianInpainter
from iem.masks import CoarseGrid, Hard, Logits
from iem.objectives import Diversity, InpaintingError, WeightedSum

SIZE = (11, 14)
SOFT = [Logits(), CoarseGrid(4), CoarseGrid(1)]
every_soft = pytest.mark.parametrize("parameterisation", SOFT, ids=str)
every_count = pytest.mark.parametrize("regions", [1, 2, 3])


@pytest.mark.parametrize("parameterisation", [*SOFT, Hard()], ids=str)
@every_count
@pytest.mark.parametrize("size", [SIZE, (1, 1), (1, 6), (3, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_mask_becomes_parameters_and_a_mask_of_its_size(parameterisation, regions, size, dtype):
    mask = soft_mask(1, 2, regions, *size, dtype=dtype)
    back = parameterisation.to_mask(parameterisation.to_parameters(mask), size)
    assert back.shape == mask.shape
    assert back.dtype == dtype
    assert back.min() >= 0
    assert back.max() <= 1
    if regions > 1:
        torch.testing.assert_close(back.sum(1), torch.ones_like(back[:, 0]))


@pytest.mark.parametrize("parameterisation", [Logits(), CoarseGrid(1)], ids=str)
@every_count
def test_a_soft_mask_comes_back_the_same(parameterisation, regions):
    mask = soft_mask(1, 2, regions, *SIZE)
    torch.testing.assert_close(parameterisation.to_mask(parameterisation.to_parameters(mask), SIZE), mask)


@every_soft
@every_count
def test_a_hard_mask_comes_back_softened_on_the_same_side(parameterisation, regions):
    label = torch.zeros(1, *SIZE, dtype=torch.long)
    label[:, :, 8:] = 1
    mask = functional.one_hot(label, regions + (regions == 1)).movedim(-1, 1).double()[:, -regions:]
    parameters = parameterisation.to_parameters(mask)
    back = parameterisation.to_mask(parameters, SIZE)
    assert parameters.isfinite().all()
    assert (back.max() - 0.95).abs() < 0.05
    assert ((back > 0.5) == (mask > 0.5)).all()


@pytest.mark.parametrize("saturation", [0.6, 0.95, 0.999])
def test_saturation_is_where_a_hard_mask_ends(saturation):
    mask = hard_mask(1, 1, *SIZE)
    back = Logits(saturation).to_mask(Logits(saturation).to_parameters(mask), SIZE)
    torch.testing.assert_close(back, mask * saturation + (1 - mask) * (1 - saturation))


@every_soft
@every_count
def test_sharpness_hardens_and_keeps_the_side(parameterisation, regions):
    parameters = parameterisation.to_parameters(soft_mask(1, 2, regions, *SIZE))
    soft, sharp = (parameterisation.to_mask(parameters, SIZE, sharpness) for sharpness in (1.0, 50.0))
    label = (lambda mask: mask > 0.5) if regions == 1 else (lambda mask: mask.argmax(1))
    assert (label(soft) == label(sharp)).all()
    assert (sharp - 0.5).abs().mean() > (soft - 0.5).abs().mean()


def test_the_coarse_grid_is_smooth_and_its_nodes_are_means():
    mask = hard_mask(1, 1, 16, 24)
    grid = CoarseGrid(8, saturation=1 - 1e-6)
    parameters = grid.to_parameters(mask)
    means = mask.view(1, 1, 2, 8, 3, 8).mean((3, 5))
    torch.testing.assert_close(parameters.sigmoid(), means.clamp(1e-6, 1 - 1e-6))
    enlarged = grid.to_mask(parameters, (16, 24)).logit()
    expected = functional.interpolate(parameters, size=(16, 24), mode="bilinear")
    torch.testing.assert_close(enlarged, expected)


@every_soft
@every_count
@pytest.mark.parametrize("sharpness", [1.0, 3.0])
def test_derivative_of_the_mask(parameterisation, regions, sharpness):
    parameters = parameterisation.to_parameters(soft_mask(1, 1, regions, 5, 6)).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: parameterisation.to_mask(p, (5, 6), sharpness), parameters)


@every_count
def test_hard_is_a_threshold_whose_derivative_passes_straight_through(regions):
    parameters = noise(1, 2, regions, *SIZE).requires_grad_()
    mask = Hard().to_mask(parameters, SIZE, sharpness=7.0)
    assert ((mask == 0) | (mask == 1)).all()
    if regions == 1:
        assert ((mask == 1) == (parameters >= 0.5)).all()
    else:
        assert (mask.argmax(1) == parameters.argmax(1)).all()
        assert (mask.sum(1) == 1).all()
    weight = noise(2, 2, regions, *SIZE)
    (gradient,) = torch.autograd.grad((mask * weight).sum(), parameters)
    assert (gradient == weight).all()


OBJECTIVES = [
    InpaintingError(GaussianInpainter(2.0, 5)),
    Diversity(RGB(-1.0, 1.0)),
    WeightedSum({"e": InpaintingError(GaussianInpainter(2.0, 5)), "d": Diversity()}, {"e": 1.0, "d": 16.0}),
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=["inpainting_error", "diversity", "weighted_sum"])
@every_soft
@pytest.mark.parametrize("regions", [1, 3])
def test_the_chain_to_the_parameters_equals_finite_differences(objective, parameterisation, regions):
    size, step = (7, 9), 1e-6
    image = noise(1, 2, 3, *size)
    image[:, :, :, 5:] += 1  # so that the diversity's gradient is no small difference of large numbers
    mask = soft_mask(2, 2, regions, *size)
    mask[..., 5:] = mask[..., 5:] ** 2
    mask = mask / mask.sum(1, keepdim=True) if regions > 1 else mask
    parameters = parameterisation.to_parameters(mask).requires_grad_()
    mask = parameterisation.to_mask(parameters, size, 2.0)
    mask.backward(objective.value_and_gradient(image, mask.detach())[1])
    nudge = step * torch.eye(parameters[0].numel()).double().view(-1, *parameters.shape[1:])
    for i in range(2):
        many = image[i : i + 1].expand(len(nudge), -1, -1, -1)
        plus, minus = (
            objective(many, parameterisation.to_mask(parameters[i].detach() + way * nudge, size, 2.0))
            for way in (1, -1)
        )
        expected = ((plus - minus) / (2 * step)).view(1, *parameters.shape[1:])
        assert relative_error(parameters.grad[i : i + 1], expected) < 1e-6


@pytest.mark.parametrize("parameterisation", [*SOFT, Hard()], ids=str)
def test_parameters_of_another_size_are_refused(parameterisation):
    with pytest.raises(ValueError, match=r"^parameters: expected "):
        parameterisation.to_mask(torch.zeros(1, 1, 30, 30), (8, 8))


def test_nothing_is_written_to():
    for parameterisation in (*SOFT, Hard()):
        mask = soft_mask(1, 1, 1, *SIZE)
        copy = mask.clone()
        parameters = parameterisation.to_parameters(mask)
        parameters += 1
        assert (mask == copy).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda masks: masks.Logits(0.5), "saturation: expected a finite number from 0.500001 to 0.999999, got 0.5"),
        (lambda masks: masks.CoarseGrid(0), "stride: expected a whole number of at least 1, got 0"),
        (lambda masks: masks.CoarseGrid(2, 1.0), "saturation: expected a finite number from 0.5"),
    ],
)
def test_wrong_settings_are_named(make, message, unchecked):
    with pytest.raises(ValueError, match=f"^{message}"):
        make(unchecked("iem.masks"))
