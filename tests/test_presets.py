"""Presets: frozen, named, and ``paper`` as published."""

import dataclasses

import pytest
import torch
from references import published_rule
from references.derivatives import relative_error
from references.pictures import hard_mask, smooth

from iem import presets, segment
from iem.interfaces import Initialiser, Objective, Optimiser


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_preset_is_complete_named_and_frozen(name):
    preset = presets.PRESETS[name]()
    assert preset.name == name
    assert isinstance(preset.initialiser, Initialiser)
    assert isinstance(preset.objective, Objective)
    assert isinstance(preset.optimiser, Optimiser)
    assert preset.max_steps >= 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset.max_steps = 1
    with pytest.raises(TypeError):
        presets.PRESETS["mine"] = presets.paper


def test_the_paper_has_its_published_settings():
    paper = presets.paper()
    error, diversity = paper.objective.terms["inpainting_error"], paper.objective.terms["diversity"]
    inpainter = error.inpainter
    assert (inpainter.sigma, inpainter.kernel_size, inpainter.passes, inpainter.scale_factor) == (5.0, 11, 2, 1)
    assert inpainter.far_field == "region_mean"
    assert error.features == diversity.features
    assert (error.features.low, error.features.high) == (-1.0, 1.0)
    assert (paper.optimiser.threshold, paper.optimiser.frame, paper.max_steps) == (4, "open", 150)
    assert paper.initialiser.inset == 5


def test_the_papers_objective_is_the_published_one_at_128():
    image, mask = smooth(1, 2, 3, 128, 128, scale=16), hard_mask(2, 2, 128, 128)
    score, gradient = presets.paper().objective.value_and_gradient(image, mask)
    free = mask.clone().requires_grad_()
    value = published_rule.objective(image * 2 - 1, free, weight=0.001)
    (slope,) = torch.autograd.grad(value.sum(), free)
    torch.testing.assert_close(score, value.detach(), rtol=1e-10, atol=0)
    assert relative_error(gradient, slope) < 1e-10


def test_the_balance_is_the_same_at_256():
    """Both terms of the same scene, twice as large, weigh about the same against each other."""
    image, mask = smooth(1, 2, 3, 64, 64, scale=24), hard_mask(2, 2, 64, 64)
    large = [values.repeat_interleave(2, 2).repeat_interleave(2, 3) for values in (image, mask)]
    terms = presets.paper().objective
    small, big = terms.values(image, mask), terms.values(*large)
    torch.testing.assert_close(big["diversity"], small["diversity"])
    torch.testing.assert_close(big["inpainting_error"], small["inpainting_error"], rtol=0.35, atol=0)


@pytest.mark.parametrize("name", presets.PRESETS)
@pytest.mark.parametrize("size", [(64, 64), (40, 61)])
def test_not_even_the_last_digit_depends_on_the_neighbours_in_a_batch(name, size):
    image = smooth(11, 5, 3, *size).float()
    together = segment(image, name, size=40)
    for first, last in ((0, 1), (1, 3), (4, 5)):
        apart = segment(image[first:last], name, size=40)
        assert torch.equal(apart.score, together.score[first:last])
        assert torch.equal(apart.mask, together.mask[first:last])


def test_without_an_optimiser_the_first_mask_is_the_answer():
    image = smooth(12, 2, 3, 40, 40).float()
    paper = presets.paper()
    solution = segment(image, dataclasses.replace(paper, optimiser=None), size=40)
    assert torch.equal(solution.mask, paper.initialiser(image))
    assert solution.steps.tolist() == [0, 0]
    assert torch.equal(solution.score, paper.objective(image, solution.mask))
