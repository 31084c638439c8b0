"""Against the published rule and plain convolutions, at hard masks too, where autograd through compositing fails."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from references import published_rule
from references.blurring import PlainInpainter, inpainting_error
from references.derivatives import relative_error
from references.pictures import hard_mask, noise, smooth, soft_mask

from iem.features import RGB, Lab
from iem.inpainters import GaussianInpainter
from iem.objectives import Diversity, InpaintingError

PAPER = InpaintingError(GaussianInpainter(), RGB(-1.0, 1.0))


def reference_gradient(score, mask):
    free = mask.clone().requires_grad_()
    value = score(free)
    (gradient,) = torch.autograd.grad(value.sum(), free)
    return value.detach(), gradient


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize("mask", [hard_mask(3, 2, 71, 64), soft_mask(4, 2, 1, 71, 64)], ids=["hard", "soft"])
def test_equals_the_published_rule_at_every_pixel(mask, dtype, tolerance):
    """71 x 64 with few blobs: pixels out of reach and the frame are among them."""
    image, mask = smooth(1, 2, 3, 71, 64, dtype=dtype), mask.to(dtype)
    score, gradient = PAPER.value_and_gradient(image, mask)
    value, slope = reference_gradient(lambda m: published_rule.inpainting_error(image * 2 - 1, m), mask)
    torch.testing.assert_close(score, value, rtol=tolerance, atol=0)
    assert relative_error(gradient, slope) < tolerance


@pytest.mark.parametrize("far_field", ["region_mean", "zero"])
@pytest.mark.parametrize("scale_factor", [1, 2, 3])
@pytest.mark.parametrize("regions", [2, 3, 4])
def test_equals_plain_convolutions_for_k_regions(regions, scale_factor, far_field):
    setting = {"sigma": 2.5, "kernel_size": 7, "scale_factor": scale_factor, "far_field": far_field}
    image = noise(1, 2, 3, 33, 47)
    hard = torch.nn.functional.one_hot(smooth(2, 2, regions, 33, 47, scale=16).argmax(1), regions).movedim(-1, 1)
    for mask in (soft_mask(3, 2, regions, 33, 47), hard.double()):
        score, gradient = InpaintingError(GaussianInpainter(**setting)).value_and_gradient(image, mask)
        plain = PlainInpainter(**setting)
        value, slope = reference_gradient(lambda m, plain=plain: inpainting_error(plain, image, m), mask)
        torch.testing.assert_close(score, value, rtol=1e-10, atol=0)
        assert relative_error(gradient, slope) < 1e-9


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_number_of_feature_channels(channels):
    image, mask, feature_map = noise(1, 2, 3, 17, 23), soft_mask(2, 2, 1, 17, 23), noise(3, 2, channels, 17, 23)
    score, gradient = InpaintingError(GaussianInpainter(), lambda image: feature_map).value_and_gradient(image, mask)
    value, slope = reference_gradient(
        lambda m: inpainting_error(PlainInpainter(), feature_map, torch.cat([m, 1 - m], dim=1)), mask
    )
    torch.testing.assert_close(score, value, rtol=1e-10, atol=0)
    assert relative_error(gradient, slope) < 1e-9


def test_an_inpainter_of_which_nothing_is_known_goes_through_autograd():
    image = noise(1, 2, 3, 33, 47)
    opaque, known = InpaintingError(PlainInpainter()), InpaintingError(GaussianInpainter())
    for mask in (soft_mask(2, 2, 1, 33, 47), soft_mask(2, 2, 3, 33, 47)):
        score, gradient = opaque.value_and_gradient(image, mask)
        value, slope = known.value_and_gradient(image, mask)
        torch.testing.assert_close(score, value, rtol=1e-10, atol=0)
        assert relative_error(gradient, slope) < 1e-10
    mask = hard_mask(3, 2, 33, 47)
    score, gradient = opaque.value_and_gradient(image, mask)
    value, slope = known.value_and_gradient(image, mask)
    torch.testing.assert_close(score, value, rtol=1e-10, atol=0)  # the value is the mask's own, not a softened one's
    assert relative_error(gradient, slope) < 0.05  # the slope is taken a thousandth inside


@pytest.mark.parametrize("inpainter", [GaussianInpainter(), PlainInpainter()], ids=["closed form", "autograd"])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_picture_with_an_empty_region_has_no_error_and_no_slope(inpainter, value):
    image, mask = noise(1, 1, 3, 9, 9), torch.full((1, 1, 9, 9), value).double()
    for regions in (mask, torch.cat([mask, 1 - mask], dim=1)):
        score, gradient = InpaintingError(inpainter).value_and_gradient(image, regions)
        assert score.item() == InpaintingError(inpainter)(image, regions).item() == 0
        assert (gradient == 0).all()


def test_an_inpainter_without_gradients_scores_masks_and_refuses_to_move_them():
    image, mask = noise(1, 1, 3, 9, 9), soft_mask(2, 1, 1, 9, 9)
    objective = InpaintingError(PlainInpainter(differentiable=False))
    torch.testing.assert_close(objective(image, mask), InpaintingError(GaussianInpainter())(image, mask))
    with pytest.raises(ValueError, match=r"^inpainter: expected one that gradients flow through, got PlainInpainter"):
        objective.value_and_gradient(image, mask)


def test_features_are_what_is_predicted():
    image, mask = noise(1, 2, 3, 17, 23), soft_mask(2, 2, 1, 17, 23)
    lab = InpaintingError(GaussianInpainter(), Lab())(image, mask)
    torch.testing.assert_close(
        lab, inpainting_error(PlainInpainter(), Lab()(image), torch.cat([mask, 1 - mask], dim=1)), rtol=1e-9, atol=0
    )


def test_the_range_is_that_of_two_sides():
    image = torch.zeros(1, 3, 40, 40)
    image[..., 20:] = 1
    assert PAPER(image, image[:, :1]).item() == pytest.approx(4)
    assert PAPER(image, image[:, :1].mT).item() < 2.1


def test_a_mask_of_another_size_or_type_is_refused(unchecked):
    objective = unchecked("iem.objectives").InpaintingError(unchecked("iem.inpainters").GaussianInpainter())
    image = torch.zeros(1, 3, 8, 8)
    with pytest.raises(ValueError, match=r"^mask: expected shape \[1, k, 8, 8\], got \[1, 1, 4, 4\]"):
        objective(image, torch.zeros(1, 1, 4, 4))
    with pytest.raises(TypeError, match=r"^mask: expected torch.float32 like the picture, got torch.float64"):
        objective.value_and_gradient(image, torch.zeros(1, 1, 8, 8).double())


def balance(image, mask, inpainter):
    return (InpaintingError(inpainter)(image, mask) / Diversity()(image, mask)).item()


def test_the_balance_of_the_terms_does_not_depend_on_the_size():
    """Twice the picture, each pixel four times, seen through a kernel of twice the width."""
    image, mask = smooth(1, 1, 3, 64, 64), hard_mask(2, 1, 64, 64)
    large = [values.repeat_interleave(2, 2).repeat_interleave(2, 3) for values in (image, mask)]
    torch.testing.assert_close(Diversity()(*large), Diversity()(image, mask), rtol=1e-12, atol=0)
    small = balance(image, mask, GaussianInpainter(5.0, 11))
    assert balance(*large, GaussianInpainter(10.0, 21)) == pytest.approx(small, rel=0.03)
    assert balance(*large, GaussianInpainter(5.0, 11, scale_factor=2)) == pytest.approx(small, rel=0.03)


MOVES = {
    "left-right": lambda values: values.flip(-1),
    "top-bottom": lambda values: values.flip(-2),
    "transposed": lambda values: values.mT,
    "half turn": lambda values: values.flip(-1, -2),
}
few = settings(max_examples=12, deadline=None)
sizes = st.tuples(st.integers(2, 26), st.integers(2, 26))


@few
@given(seed=st.integers(0, 2**32 - 2), size=sizes, move=st.sampled_from(sorted(MOVES)), regions=st.integers(1, 3))
@pytest.mark.parametrize("objective", [PAPER, Diversity()], ids=["inpainting_error", "diversity"])
def test_turning_the_picture_turns_the_gradient(objective, seed, size, move, regions):
    image, mask, turn = noise(seed, 1, 3, *size), soft_mask(seed + 1, 1, regions, *size), MOVES[move]
    score, gradient = objective.value_and_gradient(image, mask)
    turned = objective.value_and_gradient(turn(image), turn(mask))
    torch.testing.assert_close(turned, (score, turn(gradient)), rtol=1e-9, atol=1e-10)


@few
@given(seed=st.integers(0, 2**32 - 2), size=sizes)
@pytest.mark.parametrize("objective", [PAPER, Diversity()], ids=["inpainting_error", "diversity"])
def test_the_complement_has_the_same_score_and_the_opposite_gradient(objective, seed, size):
    image, mask = noise(seed, 1, 3, *size), soft_mask(seed + 1, 1, 1, *size)
    score, gradient = objective.value_and_gradient(image, mask)
    torch.testing.assert_close(objective.value_and_gradient(image, 1 - mask), (score, -gradient), rtol=1e-9, atol=1e-10)


@few
@given(seed=st.integers(0, 2**32 - 2), size=sizes, shift=st.floats(-3, 3))
@pytest.mark.parametrize("objective", [PAPER, Diversity()], ids=["inpainting_error", "diversity"])
def test_a_shift_of_all_colours_changes_nothing(objective, seed, size, shift):
    image, mask = noise(seed, 1, 3, *size), soft_mask(seed + 1, 1, 1, *size)
    moved = objective.value_and_gradient(image + shift, mask)
    torch.testing.assert_close(moved, objective.value_and_gradient(image, mask), rtol=1e-8, atol=1e-9)


def test_without_the_region_mean_the_origin_of_colours_matters():
    image, mask = noise(1, 1, 3, 60, 60), hard_mask(2, 1, 60, 60)
    zero = InpaintingError(GaussianInpainter(far_field="zero"))
    assert abs(zero(image + 1, mask) - zero(image, mask)).item() > 0.1
