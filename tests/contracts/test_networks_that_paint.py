"""What every inpainter promises, of those that are networks, with tiny random weights. Add a new one to the list.

What holds at one size, holds for all of them by default; at further sizes it is checked where slow tests are.
"""

import contextlib
import re

import pytest
import torch
from references.pictures import hard_mask, noise, soft_mask
from references.tiny_painters import tiny_controlnet, tiny_deepfill

from iem.inpainters import mat
from iem.interfaces import Inpainter
from iem.objectives import InpaintingError

pytest.importorskip("diffusers")

from references.tiny_external import external_source, tiny_external
from references.tiny_lama import tiny_lama, tiny_lama_program, without_shape_checks
from references.tiny_repaint import tiny_repaint
from references.tiny_stable_diffusion_inpainting import tiny_stable_diffusion_inpainting

MAKERS = {
    "deepfill": tiny_deepfill,
    "deepfill_tensorflow": lambda folder: tiny_deepfill(folder, convention="tensorflow"),
    "lama": tiny_lama,
    "lama_program": tiny_lama_program,
    "lama_refined": lambda folder: tiny_lama(folder, refine_steps=1, refine_scales=2, refine_least_side=16),
    "external": lambda folder: tiny_external(folder / "external"),
    "external_differentiable": lambda folder: tiny_external(folder / "external", differentiable=True),
    "external_export": lambda folder: tiny_external(folder / "external", kind="export_fixed"),
    "mat": lambda folder: mat(external_source(folder / "external", "python")),
    "stable_diffusion": lambda folder: tiny_stable_diffusion_inpainting(folder, size=16),
    "stable_diffusion_plain": lambda folder: tiny_stable_diffusion_inpainting(folder, channels=4, size=16),
    "controlnet": lambda folder: tiny_controlnet(folder, size=16),
    "repaint": lambda folder: tiny_repaint(folder, size=16),
}
DIFFERENTIABLE = ("deepfill", "deepfill_tensorflow", "lama", "lama_program", "external_differentiable")
SAMPLERS = ("stable_diffusion", "stable_diffusion_plain", "controlnet", "repaint")
FORCED = [name for name in MAKERS if name not in DIFFERENTIABLE]
SIZE = (17, 23)
MORE_SIZES = [(1, 1), (1, 7), (9, 1), (2, 2), (40, 31), (16, 130)]

every_network = pytest.mark.parametrize("network", MAKERS, indirect=True)
every_size = pytest.mark.parametrize(
    "size", [SIZE, *(pytest.param(size, marks=pytest.mark.slow) for size in MORE_SIZES)], ids=str
)


@pytest.fixture(scope="session")
def zoo(tmp_path_factory):
    """Each network made once: name -> painter."""
    made = {}

    def make(name):
        if name not in made:
            made[name] = MAKERS[name](tmp_path_factory.getbasetemp() / "painters")
        return made[name]

    return make


@pytest.fixture
def network(request, zoo):
    return zoo(request.param)


def picture(seed, batch=1, size=SIZE):
    return noise(seed, batch, 3, *size).float()


def box(size=SIZE, batch=1):
    """A hole in the middle, of at least one pixel."""
    height, width = size
    hole = torch.zeros(batch, 1, height, width)
    hole[..., height // 3 : 2 * height // 3 + 1, width // 3 : 2 * width // 3 + 1] = 1
    return hole


def scattered(seed, batch=1, size=SIZE):
    return (noise(seed, batch, 1, *size) > 0.5).float()


@every_network
@every_size
@torch.no_grad()
def test_known_pixels_come_back_to_the_bit_and_hidden_ones_have_no_influence(network, size):
    image, hole = picture(1, size=size), scattered(2, size=size)
    copies = image.clone(), hole.clone()
    painted = network(image, hole)
    assert painted.shape == image.shape
    assert painted.dtype == image.dtype
    assert painted.isfinite().all()
    known = hole.expand_as(image) == 0
    assert (painted[known] == image[known]).all()
    assert (image == copies[0]).all()
    assert (hole == copies[1]).all()
    for other in (picture(3, size=size), torch.full_like(image, 1e3)):
        assert (network(torch.where(hole == 1, other, image), hole) == painted).all()


@every_network
@torch.no_grad()
def test_hidden_pixels_may_be_anything_at_all(network):
    image, hole = picture(1), box()
    expected = network(image, hole)
    for anything in (torch.nan, torch.inf):
        assert (network(torch.where(hole == 1, anything, image), hole) == expected).all()


@every_network
@every_size
@torch.no_grad()
def test_an_empty_hole_returns_the_picture_and_a_full_one_something_finite(network, size):
    image, hole = picture(1, size=size), torch.zeros(1, 1, *size)
    assert (network(image, hole) == image).all()
    full = network(image, hole + 1)
    assert full.isfinite().all()
    assert (full == network(1 - image, hole + 1)).all()


@every_network
@every_size
@torch.no_grad()
def test_a_batch_equals_a_loop_and_twice_is_the_same(network, size):
    image, hole = picture(1, 2, size), torch.cat([scattered(2, size=size), box(size)])
    loop = torch.cat([network(image[i : i + 1], hole[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(network(image, hole), loop, rtol=1e-6, atol=1e-6)
    assert (network(image[:1], hole[:1]) == loop[:1]).all()


@pytest.mark.parametrize("name", SAMPLERS)
def test_another_seed_paints_something_else(name, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "painters"
    maker = {"controlnet": tiny_controlnet, "repaint": tiny_repaint}.get(name, tiny_stable_diffusion_inpainting)
    settings = {"size": 16, **({"channels": 4} if name == "stable_diffusion_plain" else {})}
    image, hole = picture(1), box()
    same, other = (maker(folder, seed=seed, **settings)(image, hole) for seed in (5, 6))
    again = maker(folder, seed=5, **settings)
    assert (again(image, hole) == same).all()
    assert ((same - other).abs() > 1e-3).any()


@every_network
@torch.no_grad()
def test_the_hole_is_painted_not_what_is_around_it(network):
    """A red frame stays red; weights that know nothing paint its inside with anything but what was there."""
    size = (24, 24)
    image = torch.zeros(1, 3, *size)
    image[:, 0] = 0.9
    hole = box(size)
    painted = network(image, hole)
    inside = hole.expand_as(image) == 1
    assert (painted == image)[~inside].all()
    assert ((painted - image).abs() > 0.01)[inside].float().mean() > 0.5


@every_network
@torch.no_grad()
def test_what_is_known_makes_a_difference(network):
    image, hole = picture(1), box()
    other = torch.where(hole == 1, image, 1 - image)
    inside = hole.expand_as(image) == 1
    assert ((network(other, hole) - network(image, hole)).abs() > 1e-4)[inside].any()


@every_network
@torch.no_grad()
def test_a_soft_hole_lies_between_the_picture_and_its_paint(network):
    image, hole = picture(1), box()
    soft = torch.where(hole == 1, 0.5, hole)
    painted = network(image, soft)
    assert painted.isfinite().all()
    outside = hole.expand_as(image) == 0
    assert (painted == image)[outside].all()
    assert ((painted - image).abs() > 1e-3)[~outside].any()
    faint = network(image, hole * 1e-4)
    torch.testing.assert_close(faint, image, rtol=0, atol=1e-2)


@every_network
def test_says_whether_gradients_flow(network, request):
    name = request.node.callspec.params["network"]
    assert isinstance(network, Inpainter)
    assert network.differentiable is (name in DIFFERENTIABLE)
    hole = soft_mask(1, 1, 1, *SIZE, dtype=torch.float32).requires_grad_()
    if not network.differentiable:
        refused = pytest.raises(
            ValueError, match=r"expected a picture and a hole without requires_grad, got one with it; "
        )
        with refused if name in SAMPLERS else contextlib.nullcontext():
            assert not network(picture(2), hole).requires_grad
        return
    network(picture(2), hole).square().sum().backward()
    assert hole.grad.isfinite().all()
    assert (hole.grad != 0).float().mean() > 0.9


@pytest.mark.parametrize("network", ["deepfill", "lama"], indirect=True)
def test_derivatives_are_those_of_finite_differences(network):
    """Along one direction of a soft hole, at double precision; both computed by the network alone."""
    image, hole = noise(1, 1, 3, *SIZE), 0.2 + 0.6 * soft_mask(2, 1, 1, *SIZE)
    weights, direction, step = noise(3, 1, 3, *SIZE), noise(4, 1, 1, *SIZE) - 0.5, 1e-6
    value = lambda hole: (network(image, hole) * weights).sum()  # noqa: E731
    (slope,) = torch.autograd.grad(value(hole.requires_grad_()), hole)
    with torch.no_grad():
        expected = (value(hole + step * direction) - value(hole - step * direction)) / (2 * step)
    torch.testing.assert_close((slope * direction).sum(), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("network", FORCED, indirect=True)
def test_without_gradients_masks_are_scored_and_not_moved(network):
    image = picture(1)
    masks = [hard_mask(seed, 1, *SIZE).float() for seed in (2, 3, 4)]
    scores = [float(InpaintingError(network)(image, mask)) for mask in masks]
    assert len(set(scores)) == 3
    assert all(score == score for score in scores)
    assert float(InpaintingError(network)(image, masks[0])) == scores[0]
    message = f"expected one that gradients flow through, got {type(network).__name__}; use it to score masks"
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        InpaintingError(network).value_and_gradient(image, masks[0])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("network", DIFFERENTIABLE, indirect=True)
def test_with_gradients_masks_are_moved(network):
    score, slope = InpaintingError(network).value_and_gradient(picture(1), soft_mask(2, 1, 1, *SIZE).float())
    assert score.isfinite().all()
    assert slope.isfinite().all()
    assert slope.any()


@every_network
def test_a_hole_of_another_size_is_refused(network):
    for shape in ((1, 1, 4, 4), (2, 1, *SIZE)):
        with (
            without_shape_checks(),
            pytest.raises(ValueError, match=r"^hole: expected shape \[1, k, 17, 23\], got ") as e,
        ):
            network(picture(1), torch.zeros(shape))
        assert "\n" not in str(e.value)
