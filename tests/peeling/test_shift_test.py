"""The null distribution against a slow loop over shifts; what is there and what is not; false alarms."""

import numpy as np
import pytest
import torch
from references.pictures import hard_mask, noise
from sklearn.metrics import mutual_info_score

from iem.finders.appearance import Appearance
from iem.finders.contrast import bands
from iem.finders.views import alone
from iem.peeling import ShiftTest
from iem.peeling.shift_test import _APART, _INSIDE


def everything(image):
    return torch.ones_like(image[:, :1])


def box(top, bottom, left, right, h=64, w=64):
    mask = torch.zeros(1, 1, h, w)
    mask[..., top:bottom, left:right] = 1
    return mask


def grainy(image, seed=0, strength=0.05):
    return (image + strength * torch.randn(image.shape, generator=torch.Generator().manual_seed(seed))).clamp(0, 1)


def by_loop(shares, mask, within):
    """The score of the mask at every shift that says something, the first one that of the mask itself."""
    sides = [side[0, 0].numpy().astype(np.float64) for side in bands(mask, within - mask)]
    shares, mask, within = shares[0].numpy().astype(np.float64), mask[0, 0].numpy(), within[0, 0].numpy()
    scores = []
    for shift in np.ndindex(mask.shape):
        moved = [np.roll(side, shift, (0, 1)) * within for side in sides]
        held = [side.sum() for side in moved]
        on_mask = [(side * mask).sum() / max(1, count) for side, count in zip(moved, held, strict=True)]
        if min(count / side.sum() for count, side in zip(held, sides, strict=True)) < _INSIDE:
            continue
        if shift != (0, 0) and abs(on_mask[0] - on_mask[1]) >= _APART:
            continue
        counts = np.stack([(shares * side).sum((1, 2)) for side in moved])
        table = counts / counts.sum(1, keepdims=True)
        scores.append(mutual_info_score(None, None, contingency=np.rint(1e8 * table).astype(np.int64)))
    return scores


@pytest.mark.parametrize("where", ["whole", "region"])
def test_the_null_is_that_of_a_loop_over_all_shifts(where):
    """By the p-value, on a picture where thousandths of a nat decide."""
    image = noise(1, 1, 3, 22, 29, dtype=torch.float32)
    image[..., 5:14, 6:17] *= 0.85
    within = everything(image)
    if where == "region":
        within[..., 18:, :] = 0
        within[..., 24:] = 0
    mask = torch.zeros_like(within)
    mask[..., 5:14, 6:17] = 1
    appearance = Appearance.of(image)
    shares = appearance.shares(appearance.describe(alone(image, within)))
    score, *null = by_loop(shares, mask, within)
    verdict = ShiftTest()(image, mask, within)
    assert len(null) > 20
    assert verdict.score == pytest.approx(score, abs=1e-5)
    # The transform's rounding may turn a tie.
    as_good = [sum(other >= score + slack for other in null) for slack in (3e-6, -3e-6)]
    assert (1 + as_good[0]) / (1 + len(null)) <= verdict.p_value <= (1 + as_good[1]) / (1 + len(null))
    assert 0.002 < verdict.p_value < 0.9


def test_an_object_is_significant_where_it_is_and_nowhere_else():
    image = torch.full((1, 3, 64, 64), 0.3)
    square = box(14, 38, 12, 34)
    image = grainy(torch.where(square > 0, 0.6, image))
    there = ShiftTest()(image, square, everything(image))
    assert there.significant
    assert there.p_value < 0.01
    assert 0.35 < there.score <= np.log(2) + 1e-6
    for shift in [(24, 0), (0, 26), (22, 22)]:
        assert not ShiftTest()(image, square.roll(shift, (-2, -1)), everything(image)).significant


def test_an_object_is_significant_in_a_region_as_in_the_whole_picture():
    region, part = box(6, 58, 4, 48), box(14, 36, 12, 30)
    around, wall, door = (
        torch.tensor(colour).view(1, 3, 1, 1) for colour in ((0.9, 0.8, 0.4), (0.3, 0.5, 0.3), (0.6, 0.3, 0.6))
    )
    image = grainy(torch.where(part > 0, door, torch.where(region > 0, wall, around)))
    assert ShiftTest()(image, part, region).significant
    assert not ShiftTest()(image, part.roll((20, 16), (-2, -1)), region).significant


@pytest.mark.parametrize("period", [4, 6, 8])
@pytest.mark.parametrize("drawn", ["square", "half", "bar"])
def test_a_piece_of_stripes_is_not_significant(period, drawn):
    """A bar is as clear as can be, but so are all others."""
    bars = (torch.arange(64) % period < period // 2).float()
    image = grainy((0.3 + 0.4 * bars).expand(1, 3, 64, 64), strength=0.02)
    start = 4 * period
    masks = {
        "square": box(18, 44, 20, 42),
        "half": box(0, 64, 0, 32),
        "bar": box(0, 64, start, start + period // 2),
    }
    assert not ShiftTest()(image, masks[drawn], everything(image)).significant


def test_a_wall_that_slowly_darkens_has_no_boundary():
    image = grainy(torch.linspace(0.3, 0.7, 64).expand(1, 3, 64, 64), strength=0.02)
    verdict = ShiftTest()(image, box(0, 64, 0, 32), everything(image))
    assert verdict.p_value > 0.1
    assert not verdict.significant


def test_of_noise_hardly_any_region_is_significant():
    """Regions that were not searched for: their p-values are as likely as they say, even without a margin."""
    p_values = []
    for seed in range(60):
        image = noise(seed, 1, 3, 40, 44, dtype=torch.float32)
        mask = hard_mask(1000 + seed, 1, 40, 44, dtype=torch.float32)
        verdict = ShiftTest(margin=0.0)(image, mask, everything(image))
        assert verdict.significant == (verdict.p_value <= 0.05)
        p_values.append(verdict.p_value)
    assert np.mean(np.array(p_values) <= 0.05) <= 0.12
    assert 0.3 < np.mean(p_values) < 0.7


def test_a_boundary_that_is_clear_beyond_doubt_needs_no_shift():
    """A square of a board could as well be any other of its kind, and yet is there."""
    rows, columns = torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij")
    image = grainy(torch.where((rows // 32 + columns // 32) % 2 == 0, 0.3, 0.7).expand(1, 3, -1, -1), strength=0.02)
    square = box(32, 64, 32, 64, 128, 128)
    verdict = ShiftTest(alpha=0.001, margin=0.0, certain=1.0)(image, square, everything(image))
    assert verdict.score > 0.1
    assert not verdict.significant
    for certain, significant in [(verdict.score - 0.01, True), (verdict.score + 0.01, False)]:
        judged = ShiftTest(alpha=0.001, margin=0.0, certain=certain)(image, square, everything(image))
        assert judged.significant == significant
    assert not ShiftTest(alpha=0.001, margin=1.0, certain=0.0)(image, square, everything(image)).significant


def test_the_margin_and_the_rate_decide():
    square = box(14, 38, 12, 34)
    image = grainy(torch.where(square > 0, 0.6, torch.full((1, 3, 64, 64), 0.3)))
    score = ShiftTest()(image, square, everything(image)).score
    assert not ShiftTest(margin=score + 0.01)(image, square, everything(image)).significant
    assert ShiftTest(margin=score - 0.01)(image, square, everything(image)).significant
    moved = square.roll(3, -1)
    p_value = ShiftTest(margin=0)(image, moved, everything(image)).p_value
    assert ShiftTest(alpha=p_value, margin=0)(image, moved, everything(image)).significant


@pytest.mark.parametrize("mask", [box(0, 0, 0, 0), box(0, 64, 0, 64), box(30, 50, 30, 50)], ids=["empty", "all", "out"])
def test_nothing_and_everything_are_never_significant(mask):
    image = noise(3, 1, 3, 64, 64, dtype=torch.float32)
    within = box(0, 20, 0, 64) if mask.sum() == 400 else everything(image)
    verdict = ShiftTest(alpha=1.0, margin=0.0)(image, mask, within)
    assert (verdict.score, verdict.p_value, verdict.significant) == (0.0, 1.0, False)


def test_prepared_for_a_picture_it_says_the_same():
    square = box(14, 38, 12, 34)
    image = grainy(torch.where(square > 0, 0.6, torch.full((1, 3, 64, 64), 0.3)))
    prepared = ShiftTest().prepare(image)
    for shift in (0, 20):
        mask = square.roll(shift, -1)
        assert prepared(image, mask, everything(image)) == ShiftTest()(image, mask, everything(image))


def test_a_large_picture_is_reduced():
    square = box(14, 38, 12, 34)
    image = grainy(torch.where(square > 0, 0.6, torch.full((1, 3, 64, 64), 0.3)))
    large, mask = (each.repeat_interleave(4, 2).repeat_interleave(4, 3) for each in (image, square))
    small = ShiftTest(size=64)(image, square, everything(image))
    found = ShiftTest(size=64)(large, mask, everything(large))
    # Resizing leaves the picture but for its edges.
    assert (found.score, found.p_value) == pytest.approx((small.score, small.p_value), abs=0.03)
    assert ShiftTest()(large, mask, everything(large)).score != found.score


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 2.0}, "alpha: expected a finite number from 0 to 1, got 2.0"),
        ({"certain": -1.0}, "certain: expected a finite number of at least 0, got -1.0"),
        ({"margin": -0.1}, "margin: expected a finite number of at least 0, got -0.1"),
        ({"size": 4}, "size: expected a whole number of at least 8, got 4"),
    ],
)
def test_wrong_settings_are_named(options, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        ShiftTest(**options)


def test_wrong_shapes_are_refused_in_our_words():
    test = ShiftTest()
    image = torch.zeros(1, 3, 16, 16)
    with pytest.raises(ValueError, match=r"^mask: expected shape \[1, k, 16, 16\], got \[1, 1, 8, 8\]"):
        test(image, torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 16, 16))
    with pytest.raises(ValueError, match=r"^within: expected shape"):
        test(image, torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 8, 8))
