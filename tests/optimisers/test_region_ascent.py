"""The rule for several regions against a loop over pixels, and what it must keep to."""

import itertools
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iem.features import RGB, Palette
from iem.interfaces import Optimiser, State, Status
from iem.maximise import maximise
from iem.objectives import MutualInformation
from iem.optimisers import RegionAscent

COLOURS = MutualInformation(Palette(RGB(), colours=8, width=0.1, radius=0))


@dataclass(frozen=True)
class Slope:
    """An objective with this gradient, whatever the regions."""

    gradient: torch.Tensor

    def __call__(self, image, mask):
        return (self.gradient * mask).sum((1, 2, 3))

    def value_and_gradient(self, image, mask):
        return self(image, mask), self.gradient

    def prepare(self, image):
        return self


@dataclass(frozen=True)
class Contrary(Slope):
    """Every pixel would rather be anything but what it is."""

    def value_and_gradient(self, image, mask):
        return self(image, mask), -mask


def regions(labels, count):
    return torch.nn.functional.one_hot(torch.as_tensor(labels), count).movedim(-1, 1).double()


def step(labels, gradient, **options):
    labels = torch.as_tensor(labels)
    ascent = RegionAscent(**options)
    image = torch.zeros(len(labels), 3, *labels.shape[1:]).double()
    state = ascent.init(regions(labels, gradient.shape[1]))
    return ascent.step(Slope(gradient), image, state).mask.argmax(1)


def loop(old, gradient, window):
    """One step of one picture, pixel by pixel; ``old`` is a list of rows."""
    height, width, count = len(old), len(old[0]), len(gradient)

    def largest(values, own):
        most = max(values.values())
        return own if values.get(own) == most else min(label for label, value in values.items() if value == most)

    moved = [[0] * width for _ in range(height)]
    for y in range(height):
        for x in range(width):
            around = [(y, x), (y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            near = {old[j][i] for j, i in around if 0 <= j < height and 0 <= i < width}
            moved[y][x] = largest({label: gradient[label][y][x] for label in near}, old[y][x])
    new = [[0] * width for _ in range(height)]
    for y in range(height):
        for x in range(width):
            up, left = min(window // 2, y, height - 1 - y), min(window // 2, x, width - 1 - x)
            inside = [moved[j][i] for j in range(y - up, y + up + 1) for i in range(x - left, x + left + 1)]
            new[y][x] = largest({label: inside.count(label) for label in range(count)}, moved[y][x])
    while lost := {label for row in old for label in row} - {label for row in new for label in row}:
        new = [[o if o in lost else n for o, n in zip(*rows, strict=True)] for rows in zip(old, new, strict=True)]
    return new


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([1, 3, 5, 7]), st.sampled_from([(7, 6), (3, 9), (1, 8)]))
def test_each_step_is_that_of_the_loop(seed, window, size):
    """Whole-numbered slopes, so that many tie."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 4, (2, 3, 3), generator=generator).double()
    labels = torch.nn.functional.interpolate(coarse[:, None], size=size, mode="nearest")[:, 0].long()
    gradient = torch.randint(-2, 3, (2, 4, *size), generator=generator).double()
    ours = step(labels, gradient, window=window)
    for picture in range(2):
        assert ours[picture].tolist() == loop(labels[picture].tolist(), gradient[picture].tolist(), window)


def test_no_region_vanishes():
    """The first loses its pixel to the second and gets it back; so the second has none, and gets its own back."""
    gradient = torch.zeros(1, 3, 1, 3).double()
    gradient[0, 1, 0, 0] = gradient[0, 2, 0, 1:] = 1
    assert step([[[0, 1, 2]]], gradient, window=1).tolist() == [[[0, 1, 2]]]
    dot = torch.zeros(1, 9, 9, dtype=torch.long)
    dot[0, 4, 4] = 1
    assert torch.equal(step(dot, torch.zeros(1, 2, 9, 9).double(), window=5), dot)
    assert step(dot, torch.zeros(1, 3, 9, 9).double()).max() == 1, "one that was empty from the start stays so"


def test_a_boundary_that_meets_the_frame_at_a_slant_stays():
    """A diagonal is a tie all along, in a window that is centred."""
    diagonal = (torch.arange(12)[:, None] >= torch.arange(12)).long()[None]
    assert torch.equal(step(diagonal, torch.zeros(1, 2, 12, 12).double(), window=7), diagonal)


def test_cycles_and_rest_are_recognised():
    image = torch.zeros(1, 3, 1, 2).double()
    ascent = RegionAscent(window=1)
    state = ascent.init(regions([[[0, 1]]], 2))
    objective = Contrary(torch.zeros(1, 2, 1, 2).double())
    periods = []
    for _ in range(3):
        state = ascent.step(objective, image, state)
        periods.append(state.period.item())
    assert periods == [0, 2, 2]
    short = RegionAscent(window=1, memory=1)
    state = short.step(objective, image, short.step(objective, image, short.init(regions([[[0, 1]]], 2))))
    assert state.period.item() == 0
    still = ascent.step(Slope(torch.zeros(1, 2, 1, 2).double()), image, ascent.init(regions([[[0, 1]]], 2)))
    assert (still.period.item(), still.moved.item()) == (1, 0)


def bands(batch=1):
    """Four bands of grey whose boundaries the start has 3 pixels off."""
    place = torch.arange(24)
    image = (place // 6 / 4).double().expand(batch, 3, 20, 24).contiguous()
    start = ((place + 3) // 6).clamp_max(3).expand(batch, 20, 24)
    return image, regions(start, 4), place // 6


def test_the_contract_of_an_optimiser():
    image, mask, _ = bands(3)
    image[1] += 0.1 * torch.rand(20, 24, generator=torch.Generator().manual_seed(0)).double()
    image[2] = image[2].flip(-1)
    ascent = RegionAscent(window=3)
    assert isinstance(ascent, Optimiser)
    states = [ascent.init(mask)]
    assert isinstance(states[0], State)
    assert states[0].score.isnan().all()
    for _ in range(4):
        held = [getattr(states[-1], name) for name in ("mask", "score", "moved", "period", "earlier")]
        copies = [part.clone() for part in held]
        states.append(ascent.step(COLOURS, image, states[-1]))
        torch.testing.assert_close(held, copies, rtol=0, atol=0, equal_nan=True)
    for old, new in itertools.pairwise(states):
        assert torch.equal(new.score, COLOURS(image, old.mask))
        assert torch.equal(new.moved, (new.mask.argmax(1) != old.mask.argmax(1)).flatten(1).sum(1))
        assert (new.mask.sum(1) == 1).all()
        assert new.mask.unique().tolist() == [0, 1]
    order = torch.tensor([2, 0])
    state = states[2].select(order)
    for _ in range(2):
        state = ascent.step(COLOURS, image[order], state)
    assert torch.equal(state.mask, states[4].mask[order])
    assert torch.equal(state.period, states[4].period[order])


def test_all_boundaries_move_to_their_places():
    image, start, truth = bands()
    solution = maximise(COLOURS, RegionAscent(), image, start)
    assert solution.status == (Status.CONVERGED,)
    assert (solution.mask[0].argmax(0) == truth).all()
    assert solution.score > solution.history["score"][0]


def test_flat_and_unfinished_pictures():
    image, start, _ = bands(2)
    image[0] = 0.5
    solution = maximise(COLOURS, RegionAscent(), image, start, max_steps=1)
    assert solution.status == (Status.CONSTANT, Status.MAX_STEPS)
    assert (solution.mask[0, 0] == 1).all()


def test_soft_regions_start_from_their_largest():
    mask = torch.tensor([0.4, 0.5, 0.1]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert RegionAscent().init(mask).mask[0, :, 0, 0].tolist() == [0, 1, 0]


def test_wrong_input_is_refused(unchecked):
    plain = unchecked("iem.optimisers").RegionAscent()
    with pytest.raises(ValueError, match=r"^mask: expected at least two regions, got one channel; use BoundaryAscent"):
        plain.init(torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match=r"^mask: expected shape \[b, k, h, w\], got \[2, 8, 8\]"):
        plain.init(torch.zeros(2, 8, 8))


@pytest.mark.parametrize("settings", [{"window": 4}, {"window": 17}, {"memory": 0}])
def test_wrong_settings_are_refused(settings):
    with pytest.raises(ValueError, match="expected"):
        RegionAscent(**settings)
