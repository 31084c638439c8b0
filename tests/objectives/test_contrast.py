"""The contrast, and the score that PaintSeg's two moves raise."""

from dataclasses import dataclass

import pytest
import torch
from references.blurring import PlainInpainter
from references.derivatives import finite_differences, relative_error
from references.pictures import hard_mask, noise, soft_mask

from iem.features import Fourier, Lab
from iem.inpainters import GaussianInpainter, Harmonic, Mean, Nearest
from iem.interfaces import Objective
from iem.maximise import maximise
from iem.objectives import Contrast
from iem.objectives.contrast import contrast
from iem.optimisers import GradientAscent

OBJECTIVES = {
    "two_painters": Contrast(GaussianInpainter(2.0, 5, 2), Mean()),
    "lab": Contrast(Mean(), None, Lab()),
    "fourier": Contrast(Harmonic(1e-12), PlainInpainter(2.0, 5, 2), Fourier(Lab(), 0.5, 6)),
}
every_objective = pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)


@dataclass(frozen=True)
class Coarse:
    """Means of 4 x 4 pixels, as a network's patches."""

    def __call__(self, image):
        return torch.nn.functional.avg_pool2d(image, 4)


def by_hand(image, mask, inside, outside, features):
    total = 0.0
    for hole, painter in ((mask, inside), (1 - mask, outside)):
        difference = (features(painter(image, hole)) - features(image)) ** 2
        total += (hole[:, 0] * difference.sum(1)).sum((1, 2)) / hole.sum((1, 2, 3))
    return total


def test_value_is_that_of_the_equation():
    image, mask = noise(1, 2, 3, 17, 12), hard_mask(2, 2, 17, 12)
    mask[1] = soft_mask(3, 1, 1, 17, 12)[0]
    inside, outside = GaussianInpainter(2.0, 5, 2), Mean()
    for features in (Lab(), Fourier(Lab())):
        found = Contrast(inside, outside, features)(image, mask)
        torch.testing.assert_close(found, by_hand(image, mask, inside, outside, features))
    torch.testing.assert_close(Contrast(inside)(image, mask), by_hand(image, mask, inside, inside, lambda x: x))


def test_the_contrast_of_a_coarse_map_is_enlarged_to_the_nearest():
    image, hole = noise(1, 1, 3, 8, 12), hard_mask(2, 1, 8, 12)
    found = contrast(image, hole, Mean(), Coarse())
    painted = Mean()(image, hole)
    expected = (Coarse()(painted) - Coarse()(image)).square().sum(1, keepdim=True)
    torch.testing.assert_close(found, expected.repeat_interleave(4, 2).repeat_interleave(4, 3))
    assert Contrast(Mean(), features=Coarse()).distance(painted, image).equal(found)


@every_objective
def test_gradient_equals_finite_differences(objective):
    assert isinstance(objective, Objective)
    image, mask = noise(1, 2, 3, 9, 8), soft_mask(2, 2, 1, 9, 8)
    score, gradient = objective.value_and_gradient(image, mask)
    entries = noise(3, mask[0].numel()).argsort()[:30]
    expected = finite_differences(objective, image, mask, entries)
    assert relative_error(gradient.flatten(1)[:, entries], expected) < 1e-5
    torch.testing.assert_close(score, objective(image, mask))


@every_objective
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_empty_side_scores_nothing_beside_an_ordinary_mask(objective, value):
    image, mask = noise(1, 2, 3, 12, 9), torch.full((2, 1, 12, 9), value).double()
    mask[1] = hard_mask(2, 1, 12, 9)
    score, gradient = objective.value_and_gradient(image, mask)
    assert score[0] == 0
    assert (gradient[0] == 0).all()
    alone = objective.value_and_gradient(image[1:], mask[1:])
    torch.testing.assert_close((score[1:], gradient[1:]), alone)
    assert score[1] > 0


def test_gradient_ascent_climbs_it():
    image = 0.2 + 0.05 * noise(1, 1, 3, 24, 24).float()
    image[..., 6:18, 8:16] += 0.6
    start = torch.full((1, 1, 24, 24), 0.3)
    start[..., 3:20, 6:19] = 0.7
    objective = Contrast(Mean())
    solution = maximise(objective, GradientAscent(), image, start, max_steps=60)
    found, truth = solution.mask > 0.5, image[:, :1] > 0.5
    assert solution.score > objective(image, start)
    assert (found & truth).sum() / (found | truth).sum() > 0.9


def test_painters_without_gradients_score_and_do_not_move():
    image, mask = noise(1, 1, 3, 12, 12), hard_mask(2, 1, 12, 12)
    for name, objective in {"inside": Contrast(Nearest()), "outside": Contrast(Mean(), Nearest())}.items():
        assert objective(image, mask).isfinite().all()
        message = f"^{name}: expected one that gradients flow through, got Nearest; use it to score masks"
        with pytest.raises(ValueError, match=message):
            objective.value_and_gradient(image, mask)


def test_one_painter_serves_k_regions_and_two_do_not():
    image, mask = noise(1, 2, 3, 12, 9), hard_mask(2, 2, 12, 9)
    both = torch.cat([mask, 1 - mask], dim=1)
    torch.testing.assert_close(Contrast(Mean())(image, both), Contrast(Mean())(image, mask))
    with pytest.raises(ValueError, match=r"^mask: expected one channel, got 2; leave outside out"):
        Contrast(Mean(), Mean())(image, both)
