"""The greedy rule under constraints, against the published rule and a clamp written out."""

import pytest
import torch
from references import published_rule
from references.pictures import hard_mask, noise, smooth

from iem import presets
from iem.interfaces import Status
from iem.maximise import maximise
from iem.optimisers import BoundaryAscent, Constrained

PAPER = presets.paper().objective
NOTHING = torch.zeros(1, 1, 24, 31, dtype=torch.bool)


def drawn(rows, columns, size=(24, 31)):
    mask = torch.zeros(1, 1, *size, dtype=torch.bool)
    mask[..., slice(*rows), slice(*columns)] = True
    return mask


def test_is_the_published_step_and_then_the_clamp():
    image, mask = smooth(3, 2, 3, 24, 31).float(), hard_mask(4, 2, 24, 31).float()
    inside, outside = drawn((2, 6), (3, 9)), drawn((10, 24), (20, 31))
    optimiser = Constrained(BoundaryAscent(), inside, outside)
    state = optimiser.init(mask)
    mask = torch.where(inside, 1.0, torch.where(outside, 0.0, mask))
    assert (state.mask == mask).all()
    for _ in range(4):
        state = optimiser.step(PAPER, image, state)
        new = published_rule.step(image * 2 - 1, mask, weight=0.001 * 128**2 / (24 * 31))
        new = torch.where(inside, 1.0, torch.where(outside, 0.0, new.to(mask)))
        assert (state.mask == new).all()
        assert state.moved.tolist() == (new != mask).flatten(1).sum(1).tolist()
        mask = new


def test_without_constraints_it_is_the_ascent_itself():
    image, mask = noise(5, 2, 3, 24, 31).float(), hard_mask(6, 2, 24, 31).float()
    free = maximise(PAPER, BoundaryAscent(), image, mask, max_steps=40)
    bound = maximise(PAPER, Constrained(BoundaryAscent(), NOTHING, NOTHING), image, mask, max_steps=40)
    assert (free.mask == bound.mask).all()
    assert (free.steps.tolist(), free.status) == (bound.steps.tolist(), bound.status)
    assert torch.equal(free.history["score"].nan_to_num(), bound.history["score"].nan_to_num())


def test_the_period_is_that_of_the_clamped_masks():
    """Only the clamp stops this mask: free, it would go on shrinking."""
    image, mask = smooth(7, 1, 3, 24, 31).float(), hard_mask(8, 1, 24, 31).float()
    optimiser = Constrained(BoundaryAscent(), drawn((8, 16), (8, 20)), ~drawn((6, 18), (6, 22)))
    state, masks = optimiser.init(mask), []
    while not state.period[0] and len(masks) < 200:
        masks.append(state.mask)
        state = optimiser.step(PAPER, image, state)
    period = int(state.period[0])
    assert period > 0
    assert (state.mask == masks[-period]).all()
    assert all((masks[i] != masks[j]).any() for i in range(len(masks)) for j in range(i))  # its first return
    later = state
    for _ in range(period):
        later = optimiser.step(PAPER, image, later)
    assert (later.mask == state.mask).all()


def test_a_mask_that_is_all_decided_stands_still_at_once():
    inside = drawn((4, 12), (5, 15))
    solution = maximise(
        PAPER, Constrained(BoundaryAscent(), inside, ~inside), noise(9, 1, 3, 24, 31).float(), torch.ones(1, 1, 24, 31)
    )
    assert (solution.mask[0] == inside[0]).all()
    assert (solution.status[0], int(solution.steps[0])) == (Status.CONVERGED, 1)


def test_a_batch_equals_a_loop():
    image, mask = smooth(10, 3, 3, 24, 31).float(), hard_mask(11, 3, 24, 31).float()
    optimiser = Constrained(BoundaryAscent(), drawn((2, 6), (3, 9)), drawn((10, 24), (20, 31)))
    together = maximise(PAPER, optimiser, image, mask, max_steps=30)
    for i in range(3):
        alone = maximise(PAPER, optimiser, image[i : i + 1], mask[i : i + 1], max_steps=30)
        assert (alone.mask[0] == together.mask[i]).all()
        assert (alone.steps[0], alone.status[0]) == (together.steps[i], together.status[i])


def test_refuses_what_cannot_be_held(unchecked):
    optimisers = unchecked("iem.optimisers")
    ascent = optimisers.BoundaryAscent()
    with pytest.raises(ValueError, match="outside: expected no pixel of inside, got 12; decide on which side they"):
        optimisers.Constrained(ascent, drawn((0, 3), (0, 4)), drawn((0, 5), (0, 5)))
    with pytest.raises(
        ValueError, match=r"outside: expected the shape of inside, \[1, 1, 24, 31\], got \[1, 1, 8, 8\]"
    ):
        optimisers.Constrained(ascent, NOTHING, drawn((0, 3), (0, 4), (8, 8)))
    with pytest.raises(ValueError, match=r"mask: expected the size of the constraints, 24 x 31, got 8 x 8; draw them"):
        optimisers.Constrained(ascent, NOTHING, NOTHING).init(torch.zeros(1, 1, 8, 8))
