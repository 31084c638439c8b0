"""LaMa's refinement: the published answers, what it lowers, what it keeps, and how it is called."""

import numpy as np
import pytest
import torch
from references.pictures import noise
from references.tiny_lama import tiny_lama

from iem.inpainters.lama import Refinement, refinement
from iem.objectives import InpaintingError

# The authors' refine_predict(n_iters 6, lr 0.02, min_side 32): row 30, columns 20, 32, 44 and 56.
REFINED = [
    [0.185148, 0.352048, 0.1389, 0.683939],
    [0.224088, 0.371042, 0.511503, 0.396128],
    [0.078149, 0.418268, 0.231452, 0.598812],
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lama")


@pytest.fixture(scope="module")
def painter(folder):
    return tiny_lama(folder)


def refined(folder, **settings):
    return tiny_lama(folder, **{"refine_steps": 5, "refine_rate": 0.02, "refine_least_side": 32, **settings})


def scene(height: int, width: int, *, batch: int = 1, seed: int = 1):
    image = noise(seed, batch, 3, height, width).float()
    hole = torch.zeros(batch, 1, height, width)
    hole[..., height // 4 : height // 4 + max(1, height // 2), width // 3 : width // 3 + max(1, width // 2)] = 1
    return image, hole


def test_answers_are_the_published_ones(folder):
    image = torch.from_numpy(np.random.RandomState(1).uniform(size=(1, 3, 64, 96)))
    hole = torch.zeros(1, 1, 64, 96, dtype=torch.float64)
    hole[..., 8:56, 10:70] = 1
    found = refined(folder)(image, hole)[0, :, 30, 20:60:12]
    torch.testing.assert_close(found, torch.tensor(REFINED).double(), atol=1e-6, rtol=0)


def test_lowers_what_it_lowers(folder, monkeypatch):
    seen, measure = [], refinement.disagreement
    monkeypatch.setattr(refinement, "disagreement", lambda *each: seen.append(measure(*each)) or seen[-1])
    image, hole = scene(64, 96)
    refined(folder, refine_steps=8, refine_rate=0.002)(image, hole)
    losses = torch.stack(seen).detach()
    assert len(losses) == 8
    assert bool((losses.diff() < 0).all())


def test_agrees_better_with_the_coarser_scale(folder, painter):
    image, hole = scene(64, 96)
    hole[..., 4:60, 6:90] = 1
    small = refinement.halved(image * (1 - hole))
    coarser = painter(small, (refinement.halved(hole) > 0).float())
    inside = (slice(None), slice(None), slice(10, 22), slice(11, 37))
    before, after = (
        (refinement.halved(each(image, hole)) - coarser)[inside].abs().mean()
        for each in (painter, refined(folder, refine_steps=15, refine_rate=0.1))
    )
    assert after < 0.95 * before


def test_keeps_known_pixels_and_sees_no_hidden_one(folder):
    image, hole = scene(48, 70)
    known = hole.expand_as(image) == 0
    each = refined(folder, refine_steps=2, refine_least_side=16)
    painted = each(image, hole)
    assert torch.equal(painted[known], image[known])
    assert torch.equal(each(image.where(known, torch.nan), hole), painted)
    assert torch.equal(each(image, hole), painted)


def test_one_scale_is_no_refinement(folder, painter):
    image, hole = scene(40, 60)
    assert torch.equal(refined(folder)(image, hole), painter(image, hole))


def test_thin_and_full_holes_are_finite(folder):
    image, hole = scene(48, 48)
    each = refined(folder, refine_steps=2)
    thin = torch.zeros_like(hole)
    thin[..., 20:22, :] = 1
    for other in (thin, torch.ones_like(hole)):
        assert bool(each(image, other).isfinite().all())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_wherever_it_is_called(folder, mode):
    each = refined(folder, refine_steps=2)
    expected = each(*scene(48, 48))
    with mode():
        assert torch.equal(each(*scene(48, 48)), expected)


def test_no_gradient_flows(folder):
    each = refined(folder, refine_steps=1)
    image, hole = scene(48, 48)
    assert not each.differentiable
    assert not each(image, hole.requires_grad_()).requires_grad
    with pytest.raises(ValueError, match="expected one that gradients flow through, got Lama"):
        InpaintingError(each).value_and_gradient(image, hole.detach())


def test_tells_its_steps_and_can_be_ended(folder):
    steps = []
    refined(folder, refine_steps=2, refine_least_side=16, on_step=lambda *each: steps.append(each))(*scene(64, 64))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]

    def cancel(step, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refined(folder, on_step=cancel)(*scene(64, 64))


def test_weights_stay(folder):
    each, plain = refined(folder, refine_steps=1), tiny_lama(folder)
    each(*scene(48, 48))
    assert torch.equal(tiny_lama(folder)(*scene(40, 40)), plain(*scene(40, 40)))
    assert not any(weight.requires_grad for weight in each._network.parameters())


@pytest.mark.parametrize(
    ("setting", "value"), [("steps", 0), ("rate", -1), ("scales", 1), ("least_side", 2), ("rate", float("nan"))]
)
def test_numbers_out_of_range(setting, value, unchecked):
    with pytest.raises(ValueError, match=f"^{setting}: expected"):
        unchecked("iem.inpainters.lama").Refinement(**{setting: value})
    assert Refinement() == Refinement(15, 0.002, 3, 512)
