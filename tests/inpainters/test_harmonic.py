"""Against a sparse direct solution of the same equations, written down pixel by pixel, over holes of every kind."""

import math

import pytest
import torch
from references.laplace import exact
from references.pictures import noise, soft_mask
from torch.nn import functional

from iem.inpainters import Harmonic, harmonic, multigrid
from iem.inpainters.fast_poisson import FastPoisson, Ring
from iem.inpainters.multigrid import Conductance, Multigrid
from iem.objectives import InpaintingError

SIZE = (61, 83)


def picture(seed, *size):
    """Large shapes, edges and noise, in [0, 1]."""
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, side) for side in size), indexing="ij")
    shapes = torch.stack([x > 0.1, x + y > 0.3, (x**2 + y**2).sqrt() * 0.7], dim=0)[None].float()
    return 0.7 * shapes + 0.3 * noise(seed, 1, 3, *size).float()


def holes():
    height, width = SIZE
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    scattered = noise(1, height, width)
    one, line, serpent, thin = torch.ones(SIZE), torch.ones(SIZE), torch.zeros(SIZE), torch.zeros(SIZE)
    one[20, 30] = 0
    line[:, 41] = 0
    thin[30] = thin[:, ::9] = 1
    for i in range(0, height - 8, 8):
        serpent[i : i + 7] = 1
        serpent[i + 7, 0 if i % 16 else -1] = 1
    distance = ((y - 30) ** 2 + (x - 40) ** 2).sqrt()
    components = ((y // 7 + x // 9) % 2).float()
    return {
        "disc": (distance < 20).float(),
        "at the frame": (x > 50).float(),
        "a corner known": ((x > 1) | (y > 1)).float(),
        "few": (scattered < 0.25).float(),
        "many": (scattered < 0.95).float(),
        "all but one": one,
        "all but a line": line,
        "thin": thin,
        "serpent": serpent,
        "components": components,
        "a ring": ((distance < 25) & (distance > 20)).float(),
        "soft edge": torch.sigmoid((20 - distance) / 2),
        "hard and soft": torch.sigmoid((20 - distance) / 2).where(distance > 20, 1).where(distance < 30, 0),
        "noise": scattered.float(),
        "almost all": torch.full(SIZE, 0.999),
        "steep": 10.0 ** (-8 * scattered.float()),
    }


each_hole = pytest.mark.parametrize("kind", holes())


@each_hole
def test_is_the_exact_solution_to_the_tolerance(kind):
    image, hole = picture(3, *SIZE), holes()[kind][None, None]
    expected = exact(image, hole)
    for tolerance in (1e-3, 1e-5):
        painted = Harmonic(tolerance=tolerance)(image, hole)
        assert (painted - expected).abs().max() < tolerance + 1e-6
    painted = Harmonic(tolerance=1e-12)(image.double(), hole.double())
    torch.testing.assert_close(painted, exact(image, hole.double()), rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [(1, 2), (1, 300), (200, 1), (2, 129), (3, 64), (5, 5)])
def test_thin_pictures(size):
    image, hole = noise(1, 1, 3, *size), torch.ones(1, 1, *size).double()
    hole[..., 0, 0] = 0
    hole[..., -1, -1] = 0.3
    torch.testing.assert_close(Harmonic()(image, hole), exact(image, hole), rtol=0, atol=1e-3)


def test_along_a_line_it_is_a_straight_line():
    image, hole = torch.zeros(1, 1, 1, 101), torch.ones(1, 1, 1, 101)
    image[..., -1] = 1
    hole[..., 0] = hole[..., -1] = 0
    expected = torch.linspace(0, 1, 101)[None, None, None]
    torch.testing.assert_close(Harmonic(tolerance=1e-5)(image, hole), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("offset", "factor"), [(0, 1e-4), (0, 1e4), (100, 1)])
def test_the_tolerance_goes_by_the_range_of_the_values(offset, factor):
    """Features need not lie in [0, 1]."""
    image, hole = picture(3, *SIZE), holes()["disc"][None, None]
    painted = Harmonic()(offset + factor * image, hole)
    assert (painted - offset - factor * exact(image, hole)).abs().max() < 1e-3 * factor + 1e-4 * (offset > 0)


@each_hole
def test_paint_stays_between_the_least_and_the_largest_known_value(kind):
    """The maximum principle."""
    image, hole = picture(3, *SIZE), holes()[kind][None, None]
    painted = Harmonic()(image, hole)
    known = torch.where(hole < 1, image, torch.nan).flatten(2)
    low, high = (known.nan_to_num(sign * torch.inf) for sign in (1, -1))
    assert (painted.flatten(2) > low.amin(2, keepdim=True) - 1e-3).all()
    assert (painted.flatten(2) < high.amax(2, keepdim=True) + 1e-3).all()


def test_a_full_hole_is_zero_and_does_not_disturb_others():
    image, hole = picture(3, *SIZE).expand(3, -1, -1, -1), torch.stack([holes()["disc"], torch.ones(SIZE)])[[0, 1, 0]]
    painted = Harmonic()(image, hole[:, None])
    assert (painted[1] == 0).all()
    assert (painted[0] == painted[2]).all()
    assert (painted[0] == Harmonic()(image[:1], hole[:1, None])[0]).all()


@each_hole
def test_few_cycles_are_enough(kind, monkeypatch):
    """Whatever the shape of the hole."""
    cycles = []
    one = Multigrid._cycle
    monkeypatch.setattr(
        Multigrid,
        "_cycle",
        lambda self, right, rooms, depth=0: cycles.append(depth) or one(self, right, rooms, depth),
    )
    harmonic._paint(picture(3, *SIZE), holes()[kind][None, None], 1e-3)
    assert 1 <= cycles.count(0) <= 7


@pytest.mark.parametrize("fields", [torch.float16, torch.bfloat16])
def test_half_precision_is_worked_on_in_single(fields):
    image, hole = picture(3, *SIZE).to(fields), holes()["disc"][None, None].to(fields)
    painted = Harmonic()(image, hole)
    assert painted.dtype == fields
    torch.testing.assert_close(painted, Harmonic()(image.float(), hole.float()).to(fields))


def test_whole_pictures_solved_together_give_what_each_in_its_box_gives():
    """Together is what an accelerator does."""
    image = torch.cat([picture(3, *SIZE), picture(4, *SIZE)])
    hole = torch.stack([holes()["disc"], holes()["soft edge"]])[:, None]  # the former by fast transforms
    together = harmonic._paint(image, hole, 1e-6)
    torch.testing.assert_close(together, Harmonic(tolerance=1e-6)(image, hole), rtol=0, atol=1e-5)


def test_derivatives_need_no_more_than_the_default_tolerance():
    image, hole = noise(1, 1, 3, 30, 30), soft_mask(2, 1, 1, 30, 30)
    gradients = []
    for tolerance in (1e-3, 1e-12):
        free = hole.clone().requires_grad_()
        Harmonic(tolerance)(image, free).square().mean().backward()
        gradients.append(free.grad)
    assert (gradients[0] - gradients[1]).abs().max() < 5e-3 * gradients[1].abs().max()


def test_the_objective_climbs_with_it():
    """The score's gradient is that of finite differences where all is soft."""
    objective = InpaintingError(Harmonic(tolerance=1e-12))
    image, mask = noise(1, 1, 3, 8, 8), soft_mask(2, 1, 1, 8, 8)
    _, gradient = objective.value_and_gradient(image, mask)
    nudged = mask.clone()
    nudged[0, 0, 3, 4] += 1e-6
    expected = (objective(image, nudged) - objective(image, mask)) / 1e-6
    torch.testing.assert_close(gradient[0, 0, 3, 4], expected[0], rtol=1e-3, atol=1e-5)


def small_holes():
    """Not for multigrid: by what they are, and where they touch the frame."""
    y, x = torch.meshgrid(torch.arange(18.0), torch.arange(24.0), indexing="ij")
    pierced = torch.ones(18, 24)
    pierced[[4, 9, 12], [3, 20, 7]] = 0
    shapes = {
        "rectangle": torch.ones(18, 24),
        "pixel": torch.ones(1, 1),
        "row": torch.ones(1, 24),
        "disc": (((y - 8.5) / 9) ** 2 + ((x - 11.5) / 12) ** 2 < 1).float(),
        "corners": ((x < 5) & (y < 6) | (x > 15) & (y > 9)).float(),
        "pierced": pierced,
    }
    rings = [(4, 5, 3, 2), (0, 5, 3, 2), (4, 0, 0, 2), (0, 0, 3, 2), (0, 0, 0, 2), (4, 5, 0, 0)]
    return [
        pytest.param(functional.pad(shape, ring)[None, None], id=f"{name} {ring}")
        for name, shape in shapes.items()
        for ring in rings
    ]


each_small_hole = pytest.mark.parametrize("hole", small_holes())


@pytest.fixture
def without_multigrid(monkeypatch):
    monkeypatch.setattr(harmonic, "Multigrid", None)


@each_small_hole
def test_small_holes_are_exact_without_multigrid(hole, without_multigrid):
    image = 3 + picture(3, *hole.shape[-2:])
    expected = exact(image, hole)
    for tolerance in (1e-3, 1e-5):
        painted = Harmonic(tolerance=tolerance)(image, hole)
        assert (painted - expected).abs().max() < tolerance + 1e-6
    painted = Harmonic(tolerance=1e-12)(image.double(), hole.double())
    torch.testing.assert_close(painted, exact(image, hole.double()), rtol=0, atol=1e-10)


@each_small_hole
def test_small_holes_have_the_derivatives_that_multigrid_finds(hole):
    hole, upstream = hole.double(), noise(2, 1, 3, *hole.shape[-2:])
    image, free = noise(1, 1, 3, *hole.shape[-2:]).requires_grad_(), hole.clone().requires_grad_()
    painted = Harmonic(tolerance=1e-12)(image, free)
    painted.backward(upstream)
    influence = harmonic._influence(upstream, hole, 1e-12)
    torch.testing.assert_close(image.grad, influence * (1 - hole))
    around = harmonic._mean_of_neighbours(painted.detach())
    torch.testing.assert_close(free.grad, (influence * (around - image.detach())).sum(1, keepdim=True))


def test_fast_transforms_are_left_what_suits_them():
    around, ones = Ring(True, True, True, True), torch.ones(1, 1, 20, 20)
    disc = torch.ones(1, 1, 20, 20)
    disc[..., :5, :5] = 0
    assert FastPoisson.of(ones, around, 1e-3).direct
    assert not FastPoisson.of(ones, around, 1e-6).direct  # single precision's rounding is looked at again
    assert not FastPoisson.of(disc, around, 1e-3).direct
    assert FastPoisson.of(disc * 0.999, around, 1e-3) is None
    assert FastPoisson.of(ones, Ring(False, False, False, False), 1e-3) is None
    assert FastPoisson.of((noise(1, 1, 1, 20, 20) < 0.5).float(), around, 1e-3) is None
    assert FastPoisson.of(torch.ones(1, 1, 10, 500), around, 1e-3).direct
    assert FastPoisson.of(functional.pad(disc, (0, 100)), around, 1e-3) is None


def test_restriction_is_the_transpose_of_interpolation():
    for size in ((8, 6), (7, 9), (1, 5), (2, 2)):
        halved = (size[0] > 1, size[1] > 1)
        fine = noise(1, 1, 2, *size)
        coarse = noise(2, 1, 2, *(math.ceil(side / (1 + half)) for side, half in zip(size, halved, strict=True)))
        left = (multigrid.prolonged(coarse, halved, fine.shape) * fine).sum()
        torch.testing.assert_close(left, (coarse * multigrid.restricted(fine, halved)).sum())


def test_interpolation_keeps_slopes():
    slope = torch.arange(8.0).expand(1, 1, 8, 8)
    fine = multigrid.prolonged(slope, (True, True), torch.Size((1, 1, 16, 15)))
    expected = (torch.arange(15.0) - 0.5) / 2
    torch.testing.assert_close(fine[0, 0, :, 1:-1], expected[1:-1].expand(16, -1))


def test_neighbours_are_those_within_the_frame():
    ones = torch.ones(1, 1, 3, 4)
    expected = torch.tensor([[2.0, 3, 3, 2], [3, 4, 4, 3], [2, 3, 3, 2]])
    assert (multigrid.neighbours(ones, Conductance(1, 1)) == expected).all()


@pytest.mark.parametrize("tolerance", [0, 0.5, math.nan, "high"])
def test_wrong_settings_are_named(tolerance, unchecked):
    with pytest.raises(ValueError, match=r"^tolerance: expected a finite number from 1e-14 to 0\.1, got"):
        unchecked("iem.inpainters").Harmonic(tolerance=tolerance)
