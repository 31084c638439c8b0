"""Soft masks: the torch optimisers, their memory, the annealing, and three regions at once."""

import itertools
from functools import partial

import pytest
import torch
from references.pictures import hard_mask, noise, smooth

from iem import Status, maximise, presets
from iem.initialisers import Strips
from iem.inpainters import GaussianInpainter
from iem.masks import CoarseGrid, Logits
from iem.objectives import Diversity, InpaintingError, WeightedSum
from iem.optimisers import GradientAscent

OBJECTIVE = presets.paper().objective
TORCH = {
    "adam": partial(torch.optim.Adam, lr=0.1),
    "sgd": partial(torch.optim.SGD, lr=20.0, momentum=0.9, nesterov=True),
    "rmsprop": partial(torch.optim.RMSprop, lr=0.05, momentum=0.5),
    "lbfgs": partial(torch.optim.LBFGS, max_iter=6, history_size=5),
}


def by_hand(objective, image, mask, optimiser, steps, sharpness):
    """The loop that everybody would write with torch: one live optimiser, never saved nor loaded."""
    logits = mask.clamp(0.05, 0.95).logit().requires_grad_()
    optimiser = optimiser([logits])
    for step in range(steps):

        def closure(step=step):
            optimiser.zero_grad()
            loss = -objective(image, (logits * sharpness[step]).sigmoid()).sum()
            loss.backward()
            return loss

        optimiser.step(closure)
    return (logits.detach() * sharpness[steps]).sigmoid()


@pytest.mark.parametrize("name", TORCH)
def test_equals_a_torch_loop_by_hand(name):
    image, mask = smooth(1, 1, 3, 16, 20), hard_mask(2, 1, 16, 20)
    ascent = GradientAscent(optimiser=TORCH[name], sharpness=(1.0, 2.0), anneal_steps=5)
    state = ascent.init(mask)
    for _ in range(8):
        state = ascent.step(OBJECTIVE, image, state)
    sharpness = [2 ** min(step / 4, 1) for step in range(9)]
    expected = by_hand(OBJECTIVE, image, mask, TORCH[name], 8, sharpness)
    torch.testing.assert_close(state.mask, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", TORCH)
def test_every_optimiser_finds_a_bright_block(name):
    image = torch.zeros(1, 3, 24, 24)
    image[..., 6:17, 8:20] = 1
    mask = torch.full((1, 1, 24, 24), 0.4)
    mask[..., 8:20, 6:18] = 0.6
    solution = maximise(Diversity(), GradientAscent(optimiser=TORCH[name]), image, mask, max_steps=150)
    assert ((solution.mask > 0.5) == (image[:, :1] > 0.5)).all()
    assert solution.score > Diversity()(image, mask)


def test_lbfgs_takes_one_picture():
    ascent = GradientAscent(optimiser=TORCH["lbfgs"])
    image, mask = noise(1, 2, 3, 8, 8), hard_mask(2, 2, 8, 8)
    with pytest.raises(ValueError, match=r"^optimiser: L-BFGS couples the pictures of a batch, got 2; give it one"):
        ascent.step(OBJECTIVE, image, ascent.init(mask))


def test_sharpness_rises_geometrically_and_then_stays():
    mask = 0.2 + 0.6 * noise(1, 1, 1, 8, 8)
    ascent = GradientAscent(optimiser=partial(torch.optim.SGD, lr=0.0), sharpness=(1.0, 8.0), anneal_steps=4)
    state = ascent.init(mask)
    for expected in (1.0, 2.0, 4.0, 8.0, 8.0, 8.0):
        torch.testing.assert_close(state.mask, (mask.logit() * expected).sigmoid())
        state = ascent.step(OBJECTIVE, noise(2, 1, 3, 8, 8), state)


def test_without_annealing_the_sharpness_is_one():
    mask = 0.2 + 0.6 * noise(1, 1, 1, 8, 8)
    ascent = GradientAscent(optimiser=partial(torch.optim.SGD, lr=0.0), sharpness=(1.0, 1.0))
    state = ascent.step(OBJECTIVE, noise(2, 1, 3, 8, 8), ascent.init(mask))
    torch.testing.assert_close(state.mask, mask)


def test_tolerance_stops_after_the_annealing_only():
    image, mask = smooth(1, 2, 3, 16, 20), hard_mask(2, 2, 16, 20)
    still = partial(torch.optim.SGD, lr=0.0)
    ascent = GradientAscent(optimiser=still, sharpness=(1.0, 1.0), anneal_steps=6, tolerance=1e-3)
    solution = maximise(OBJECTIVE, ascent, image, mask, max_steps=20)
    assert solution.status == (Status.CONVERGED, Status.CONVERGED)
    assert solution.steps.tolist() == [6, 6]
    never = GradientAscent(optimiser=still, sharpness=(1.0, 1.0), anneal_steps=6)
    solution = maximise(OBJECTIVE, never, image, mask, max_steps=20)
    assert solution.status == (Status.MAX_STEPS, Status.MAX_STEPS)
    assert solution.steps.tolist() == [20, 20]


def test_tolerance_waits_while_the_mask_still_moves():
    image, mask = smooth(1, 1, 3, 16, 20), hard_mask(2, 1, 16, 20)
    ascent = GradientAscent(anneal_steps=2, tolerance=1e-9)
    assert maximise(OBJECTIVE, ascent, image, mask, max_steps=10).steps.tolist() == [10]


def best_match(mask, label):
    """Share of pixels in the right region under the best naming."""
    regions, found = mask.shape[1], mask.argmax(1)
    return max(
        (torch.tensor(order)[found] == label).double().mean().item() for order in itertools.permutations(range(regions))
    )


def three_areas(size=48):
    """Three flat areas with slanted borders, and where they are."""
    row, column = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    place = column + (row - size // 2) // 4
    label = (place >= size // 4).long() + (place >= 3 * size // 5)
    colours = torch.tensor([[0.9, 0.2, 0.2], [0.2, 0.8, 0.3], [0.2, 0.3, 0.9]])
    return colours[label].movedim(-1, 0)[None], label[None]


@pytest.mark.parametrize("parameterisation", [Logits(), CoarseGrid(2)], ids=str)
def test_three_regions_find_three_flat_areas(parameterisation):
    image, label = three_areas()
    start = Strips(3)(image)
    assert best_match(start, label) < 0.85
    objective = WeightedSum(
        {"inpainting_error": InpaintingError(GaussianInpainter()), "diversity": Diversity()},
        {"inpainting_error": 1.0, "diversity": 16.0},
    )
    ascent = GradientAscent(parameterisation, optimiser=partial(torch.optim.Adam, lr=0.2), anneal_steps=60)
    solution = maximise(objective, ascent, image, start, max_steps=120)
    assert best_match(solution.mask, label) > 0.98
    torch.testing.assert_close(solution.mask.sum(1), torch.ones(1, 48, 48))
    assert solution.score > objective(image, start)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sharpness": (0.0, 1.0)}, "sharpness: expected a finite number of at least 0.001, got 0.0"),
        ({"anneal_steps": 0}, "anneal_steps: expected a whole number of at least 1, got 0"),
        ({"tolerance": -1.0}, "tolerance: expected a finite number of at least 0, got -1.0"),
    ],
)
def test_wrong_options_are_named(options, message, unchecked):
    with pytest.raises(ValueError, match=f"^{message}$"):
        unchecked("iem.optimisers").GradientAscent(**options)
