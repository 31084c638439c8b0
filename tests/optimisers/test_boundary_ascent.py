"""The greedy rule and each of its options, step by step against the published one."""

from dataclasses import dataclass

import pytest
import torch
from references import published_rule
from references.pictures import hard_mask, noise, smooth

from iem import presets
from iem.objectives import Diversity
from iem.optimisers import BoundaryAscent

PAPER = presets.paper().objective


@dataclass(frozen=True)
class Slope:
    """An objective with this gradient, whatever the mask."""

    gradient: torch.Tensor

    def __call__(self, image, mask):
        return (self.gradient * mask).sum((1, 2, 3))

    def value_and_gradient(self, image, mask):
        return self(image, mask), self.gradient.expand_as(mask)

    def prepare(self, image):
        return self


def published_step(image, mask):
    """With the weight of the paper's 128 x 128 sum, per pixel."""
    return published_rule.step(image * 2 - 1, mask, weight=0.001 * 128**2 / image[0, 0].numel())


def push(value, mask, **options):
    """One step along the same slope everywhere."""
    image, ascent = torch.zeros(len(mask), 3, *mask.shape[2:]), BoundaryAscent(**options)
    return ascent.step(Slope(torch.full_like(mask, value)), image, ascent.init(mask)).mask


def block(size, rows, columns):
    mask = torch.zeros(1, 1, size, size)
    mask[..., slice(*rows), slice(*columns)] = 1
    return mask


@pytest.mark.parametrize("size", [(24, 31), (5, 4), (40, 33)])
def test_each_step_is_the_published_one(size):
    image, mask = smooth(1, 4, 3, *size), hard_mask(2, 4, *size)
    ascent = BoundaryAscent()
    state = ascent.init(mask)
    for _ in range(12):
        expected = published_step(image, state.mask)
        state = ascent.step(PAPER, image, state)
        assert (state.mask == expected).all()


@pytest.mark.parametrize("objective", [PAPER, Diversity()], ids=["paper", "diversity"])
def test_an_empty_mask_stays_empty_and_a_full_one_loses_its_frame(objective):
    """The published program divides 0 by 0 there, and no comparison with NaN holds."""
    image = smooth(1, 6, 3, 20, 20)
    ascent = BoundaryAscent()
    empty, full = torch.zeros(6, 1, 20, 20).double(), torch.ones(6, 1, 20, 20).double()
    assert (ascent.step(objective, image, ascent.init(empty)).mask == 0).all()
    assert (published_step(image, empty) == 0).all()
    inside = block(20, (1, 19), (1, 19)).double()
    inside[..., [1, 1, 18, 18], [1, 18, 1, 18]] = 1
    after = ascent.step(objective, image, ascent.init(full)).mask
    assert (after == inside.expand_as(after)).all()
    assert (published_step(image, full) == inside).all()


def test_after_a_full_mask_the_search_goes_on_as_published():
    image, mask = smooth(3, 2, 3, 24, 24), torch.ones(2, 1, 24, 24).double()
    state, expected = BoundaryAscent().init(mask), mask
    for _ in range(10):
        state, expected = BoundaryAscent().step(PAPER, image, state), published_step(image, expected)
        assert (state.mask == expected).all()


def test_only_the_boundary_moves():
    grown = push(1.0, block(16, (6, 10), (6, 10)), threshold=0, frame="closed")
    expected = block(16, (5, 11), (6, 10)) + block(16, (6, 10), (5, 11))
    assert (grown == expected.clamp(max=1)).all()
    assert (push(-1.0, block(16, (6, 10), (6, 10)), threshold=0) == block(16, (7, 9), (7, 9))).all()


def test_a_slope_of_zero_moves_nothing():
    mask = block(16, (6, 10), (6, 10))
    assert (push(0.0, mask, threshold=0) == mask).all()


def test_background_eats_in_from_an_open_frame_only():
    mask = block(16, (0, 16), (0, 12))
    assert (push(-1.0, mask, threshold=0, frame="open") == block(16, (1, 15), (1, 11))).all()
    assert (push(-1.0, mask, threshold=0, frame="closed") == block(16, (0, 16), (0, 11))).all()


def test_foreground_can_be_born_on_an_open_frame_only():
    mask = block(16, (6, 10), (6, 10))
    assert push(1.0, mask, threshold=0, frame="open")[..., 0, :].all()
    assert not push(1.0, mask, threshold=0, frame="closed")[..., 0, :].any()


def test_the_vote_smooths_and_zero_switches_it_off():
    """A spike of one pixel has three votes at its tip and four beside its foot."""
    spike = block(16, (6, 10), (6, 10)) + block(16, (4, 6), (7, 8))
    assert (push(0.0, spike, threshold=0) == spike).all()
    assert push(0.0, spike, threshold=4)[0, 0, 4, 7] == 0
    four, five = (push(0.0, spike, threshold=threshold) for threshold in (4, 5))
    assert four.sum() > five.sum()
    corner = (0, 0, 9, 9)  # a right angle has four votes
    assert four[corner] == 1
    assert five[corner] == 0


def test_the_default_is_the_papers():
    assert BoundaryAscent() == BoundaryAscent(threshold=4, frame="open") == presets.paper().optimiser


def test_a_soft_start_is_cut_at_one_half():
    mask = noise(1, 1, 1, 8, 8)
    mask[..., 0, 0] = 0.5
    assert (BoundaryAscent().init(mask).mask == (mask >= 0.5)).all()


@dataclass(frozen=True)
class Circle:
    """Leads from each of some masks to the next, and from the last to the first."""

    masks: tuple[torch.Tensor, ...]

    def __call__(self, image, mask):
        return mask.sum((1, 2, 3))

    def value_and_gradient(self, image, mask):
        here = next(i for i, other in enumerate(self.masks) if torch.equal(other, mask))
        return self(image, mask), self.masks[(here + 1) % len(self.masks)] - 0.5

    def prepare(self, image):
        return self


def test_period_one_is_a_mask_that_stands_still():
    mask = block(16, (6, 10), (6, 10))
    ascent = BoundaryAscent(threshold=0)
    state = ascent.step(Slope(torch.zeros(1, 1, 16, 16)), torch.zeros(1, 3, 16, 16), ascent.init(mask))
    assert state.period.tolist() == [1]
    assert state.moved.tolist() == [0]


@pytest.mark.parametrize("period", [2, 3, 4])
@pytest.mark.parametrize("memory", [1, 2, 3, 4])
def test_a_cycle_is_seen_if_it_is_no_longer_than_the_memory(period, memory):
    """A block whose right edge moves by one column each step: back and forth, with stops for an odd period."""
    ends = {2: [8, 9], 3: [8, 9, 9], 4: [8, 9, 10, 9]}[period]
    rows = {2: [8, 8], 3: [8, 8, 9], 4: [8, 8, 8, 9]}[period]
    masks = tuple(block(16, (4, row), (4, end)) for row, end in zip(rows, ends, strict=True))
    ascent = BoundaryAscent(threshold=0, frame="closed", memory=memory)
    state, periods = ascent.init(masks[0]), []
    for _ in range(2 * period):
        state = ascent.step(Circle(masks), torch.zeros(1, 3, 16, 16), state)
        periods.append(int(state.period))
    first_return = period - 1
    assert periods[:first_return] == [0] * first_return
    assert periods[first_return:] == [period if period <= memory else 0] * (period + 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 10}, "threshold: expected a whole number from 0 to 9, got 10"),
        ({"threshold": 82, "window": 9}, "threshold: expected a whole number from 0 to 81, got 82"),
        ({"window": 4}, "window: expected an odd whole number from 1 to 15, got 4"),
        ({"frame": "shut"}, "frame: expected one of open, closed, got 'shut'"),
        ({"memory": 0}, "memory: expected a whole number of at least 1, got 0"),
    ],
)
def test_wrong_options_are_named(options, message, unchecked):
    with pytest.raises(ValueError, match=f"^{message}$"):
        unchecked("iem.optimisers").BoundaryAscent(**options)


def test_regions_are_refused(unchecked):
    with pytest.raises(ValueError, match=r"^mask: expected one channel, got 3; use GradientAscent for k regions$"):
        unchecked("iem.optimisers").BoundaryAscent().init(torch.zeros(1, 3, 8, 8))
