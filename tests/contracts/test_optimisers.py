"""What every optimiser promises. Add a new one to the list."""

import dataclasses
from functools import partial

import pytest
import torch
from references.pictures import hard_mask, noise, smooth

from iem import presets
from iem.interfaces import Optimiser, State
from iem.masks import CoarseGrid, Hard
from iem.optimisers import BoundaryAscent, GradientAscent

OPTIMISERS = {
    "boundary": BoundaryAscent(),
    "boundary_closed": BoundaryAscent(threshold=5, frame="closed"),
    "adam": GradientAscent(),
    "sgd": GradientAscent(optimiser=partial(torch.optim.SGD, lr=50.0, momentum=0.9)),
    "rmsprop": GradientAscent(optimiser=partial(torch.optim.RMSprop, lr=0.05), anneal_steps=3),
    "coarse": GradientAscent(CoarseGrid(4)),
    "hard": GradientAscent(Hard()),
}
OBJECTIVE = presets.paper().objective

every_optimiser = pytest.mark.parametrize("optimiser", OPTIMISERS.values(), ids=OPTIMISERS)


def tensors(state):
    """Everything that a state holds, memory included."""

    def flatten(value):
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, dict):
            for item in value.values():
                yield from flatten(item)
        elif isinstance(value, list | tuple):
            for item in value:
                yield from flatten(item)

    return [tensor for field in dataclasses.fields(state) for tensor in flatten(getattr(state, field.name))]


def run(optimiser, image, mask, steps):
    state = optimiser.init(mask)
    for _ in range(steps):
        state = optimiser.step(OBJECTIVE, image, state)
    return state


@every_optimiser
def test_state_in_state_out_and_nothing_written_to(optimiser):
    assert isinstance(optimiser, Optimiser)
    image, mask = smooth(1, 2, 3, 24, 20).float(), hard_mask(2, 2, 24, 20).float()
    copies = image.clone(), mask.clone()
    state = optimiser.init(mask)
    for _ in range(3):
        assert isinstance(state, State)
        held = tensors(state)
        before = [tensor.clone() for tensor in held]
        following = optimiser.step(OBJECTIVE, image, state)
        for tensor, copy in zip(held, before, strict=True):
            torch.testing.assert_close(tensor, copy, rtol=0, atol=0, equal_nan=True)
        state = following
    assert (image == copies[0]).all()
    assert (mask == copies[1]).all()


@every_optimiser
def test_a_step_from_the_same_state_is_the_same_step(optimiser):
    image, mask = smooth(1, 2, 3, 24, 20), hard_mask(2, 2, 24, 20)
    state = run(optimiser, image, mask, 2)
    first, second = optimiser.step(OBJECTIVE, image, state), optimiser.step(OBJECTIVE, image, state)
    torch.testing.assert_close(tensors(first), tensors(second), rtol=0, atol=0)


@every_optimiser
def test_shapes_ranges_and_the_score_before_the_step(optimiser):
    image, mask = smooth(1, 2, 3, 24, 20), hard_mask(2, 2, 24, 20)
    state = optimiser.init(mask)
    assert state.score.isnan().all()
    assert (state.period == 0).all()
    for _ in range(4):
        old, state = state, optimiser.step(OBJECTIVE, image, state)
        assert state.mask.shape == mask.shape
        assert state.mask.dtype == mask.dtype
        assert not state.mask.requires_grad
        assert state.mask.min() >= 0
        assert state.mask.max() <= 1
        torch.testing.assert_close(state.score, OBJECTIVE(image, old.mask), rtol=1e-9, atol=1e-9)
        assert (state.moved == ((state.mask >= 0.5) != (old.mask >= 0.5)).flatten(1).sum(1)).all()


@every_optimiser
def test_the_mask_moves_uphill(optimiser):
    image, mask = smooth(1, 2, 3, 24, 20), hard_mask(2, 2, 24, 20)
    first, last = optimiser.init(mask), run(optimiser, image, mask, 25)
    assert (OBJECTIVE(image, last.mask) > OBJECTIVE(image, first.mask)).all()


@every_optimiser
@pytest.mark.parametrize("order", [[0], [2, 0], [1, 1, 2]])
def test_pictures_are_independent_and_can_be_selected_at_any_step(optimiser, order):
    image, mask = smooth(1, 3, 3, 24, 20), hard_mask(2, 3, 24, 20)
    whole = run(optimiser, image, mask, 5)
    state = run(optimiser, image, mask, 2).select(torch.tensor(order))
    for _ in range(3):
        state = optimiser.step(OBJECTIVE, image[order], state)
    torch.testing.assert_close(state.mask, whole.mask[order], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(state.score, whole.score[order], rtol=1e-9, atol=1e-9)
    assert (state.period == whole.period[order]).all()


@every_optimiser
def test_a_mask_of_three_dimensions_is_refused(optimiser, unchecked):
    plain = getattr(unchecked("iem.optimisers"), type(optimiser).__name__)()
    with pytest.raises(ValueError, match=r"^mask: expected shape \[b, k, h, w\], got \[1, 8, 8\]"):
        plain.init(torch.zeros(1, 8, 8))


@every_optimiser
def test_works_where_gradients_are_switched_off(optimiser):
    image, mask = noise(1, 1, 3, 12, 12), hard_mask(2, 1, 12, 12)
    expected = run(optimiser, image, mask, 3)
    with torch.no_grad():
        torch.testing.assert_close(run(optimiser, image, mask, 3).mask, expected.mask, rtol=0, atol=0)
