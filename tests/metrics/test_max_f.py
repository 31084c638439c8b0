"""Against a plain loop over thresholds and scikit-learn's F."""

import math

import numpy as np
import pytest
import sklearn.metrics
import torch
from torchmetrics import MetricCollection

from iem.metrics.max_f import BinaryMaxF, f_curve, max_f


def masks(seed, soft, b=5, h=7, w=6):
    values = torch.rand(b, 1, h, w, generator=torch.Generator().manual_seed(seed))
    return values if soft else (values > 0.5).float()


def curve_by_loop(prediction, truth, ignore, ignore_rule):
    """Precision and recall first, as the literature states it, one threshold at a time."""
    values, true = prediction.double().numpy().ravel(), truth.numpy().ravel() > 0.5
    if ignore is not None:
        void = ignore.numpy().ravel() > 0.5
        if ignore_rule == "exclude":
            values, true = values[~void], true[~void]
        else:
            true = true & ~void
    if not true.any():
        return np.full(256, math.nan)
    curve = []
    for level in range(256):
        found = np.floor(values * 255) >= level
        hits = (found & true).sum()
        precision, recall = hits / max(found.sum(), 1), hits / true.sum()
        curve.append(1.3 * precision * recall / (0.3 * precision + recall) if hits else 0.0)
    return np.array(curve)


def oracle_by_loop(prediction, truth, ignore, ignore_rule):
    fixed, flipped = (curve_by_loop(each, truth, ignore, ignore_rule) for each in (prediction, 1 - prediction))
    return flipped if flipped[1:].max() > fixed[1:].max() else fixed


@pytest.mark.parametrize("ignore_rule", ["exclude", "background"])
@pytest.mark.parametrize("with_ignore", [False, True])
@pytest.mark.parametrize("polarity", ["fixed", "oracle"])
@pytest.mark.parametrize("soft", [False, True])
def test_equals_a_loop_over_thresholds(ignore_rule, with_ignore, polarity, soft):
    prediction, truth = masks(1, soft), masks(2, soft=False)
    truth[3] = 0
    prediction[1] = 1 - truth[1]
    prediction[2] = 0
    ignore = (masks(3, soft=True) > 0.7).float() if with_ignore else None
    ours = f_curve(prediction, truth, ignore=ignore, polarity=polarity, ignore_rule=ignore_rule)
    assert ours.shape == (5, 256)
    assert ours.dtype == torch.float64
    by_loop = oracle_by_loop if polarity == "oracle" else curve_by_loop
    for i in range(5):
        void = None if ignore is None else ignore[i, 0]
        expected = by_loop(prediction[i, 0], truth[i, 0], void, ignore_rule)
        np.testing.assert_allclose(ours[i].numpy(), expected, atol=1e-12)


def test_equals_scikit_learn_at_one_level():
    prediction, truth = masks(4, soft=True), masks(5, soft=False)
    curves = f_curve(prediction, truth)
    for i in range(5):
        found = (prediction[i] * 255).floor().flatten() >= 100
        expected = sklearn.metrics.fbeta_score(truth[i].flatten(), found, beta=0.3**0.5)
        assert curves[i, 100].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("complement", [False, True])
def test_every_level_of_an_8_bit_mask_is_its_own(complement):
    levels = torch.arange(256).float().reshape(1, 1, 16, 16) / 255
    levels = 1 - levels.flip(2, 3) if complement else levels
    for level in range(1, 256):
        truth = (torch.arange(256) >= level).float().reshape(1, 1, 16, 16)
        curve = f_curve(levels, truth)[0]
        assert curve[level].item() == 1
        assert (curve == 1).sum() == 1


def test_the_mean_comes_before_the_maximum():
    truth = torch.zeros(2, 1, 4, 4)
    truth[:, :, :2] = 1
    prediction = torch.zeros_like(truth)
    prediction[0, :, :2], prediction[0, :, 2:] = 0.9, 0.5
    prediction[1, :, :2], prediction[1, :, 2:] = 0.4, 0.1
    curves = f_curve(prediction, truth)
    assert curves.amax(1).tolist() == [1, 1]
    # Between 0.1 and 0.4: the first picture is all foreground, F = 1.3 * 8 / (0.3 * 8 + 16), the second is right.
    assert max_f(curves).item() == pytest.approx((1.3 * 8 / (0.3 * 8 + 16) + 1) / 2)
    metric = BinaryMaxF()
    metric.update(prediction, truth)
    assert metric.compute()["max_f"].item() == pytest.approx(max_f(curves).item(), abs=1e-11)
    assert metric.compute()["level"].item() == 26  # the first above 0.1 * 255


def test_the_oracle_turns_a_mask_as_a_whole():
    truth = torch.zeros(1, 1, 4, 4)
    truth[..., :1, :] = 1
    assert f_curve(1 - truth, truth, polarity="oracle")[0, 1:].tolist() == [1.0] * 255
    empty = torch.zeros_like(truth)
    # Everything as foreground has an F, nothing has none: the complement of the empty mask is taken.
    assert f_curve(empty, truth, polarity="oracle")[0, 255].item() == pytest.approx(1.3 * 4 / (0.3 * 4 + 16))
    assert f_curve(empty, truth)[0, 255].item() == 0


def test_a_picture_without_foreground_is_undefined_and_not_in_the_mean():
    truth = torch.zeros(2, 1, 3, 3)
    truth[0, 0, 0] = 1
    curves = f_curve(truth, truth)
    assert curves[1].isnan().all()
    assert max_f(curves).item() == 1
    metric = BinaryMaxF()
    metric.update(truth, truth)
    assert {key: value.item() for key, value in metric.compute().items()} == {
        "max_f": 1.0,
        "level": 1,
        "undefined": 1,
        "pictures": 2,
    }
    assert max_f(curves[1:]).isnan()
    assert BinaryMaxF().compute()["max_f"].isnan()


def test_any_order_gives_the_same_bits():
    prediction, truth = masks(6, soft=True, b=9), masks(7, soft=False, b=9)
    found = set()
    for order in (range(9), reversed(range(9)), [4, 0, 8, 2, 6, 1, 5, 3, 7]):
        metric = BinaryMaxF(polarity="oracle")
        for i in order:
            metric.update(prediction[i : i + 1], truth[i : i + 1])
        found.add(metric.compute()["max_f"].item())
    assert len(found) == 1


def test_a_collection_keeps_the_rules_apart():
    metrics = MetricCollection({rule: BinaryMaxF(polarity=rule) for rule in ("fixed", "oracle")})
    truth = torch.zeros(1, 1, 2, 8)
    truth[..., :1] = 1
    metrics["fixed"].update(truth, truth)
    metrics.update(truth, truth)
    metrics.update(1 - truth, truth)
    assert metrics["oracle"].compute()["max_f"].item() == 1
    assert metrics["fixed"].compute()["max_f"].item() < 1


@pytest.mark.parametrize(("argument", "value"), [("polarity", "best"), ("ignore_rule", "drop")])
def test_unknown_rules_are_refused(argument, value):
    one = torch.ones(1, 1, 2, 2)
    with pytest.raises(ValueError, match=f"^{argument}: expected one of"):
        f_curve(one, one, **{argument: value})
    with pytest.raises(ValueError, match=f"^{argument}: expected one of"):
        BinaryMaxF(**{argument: value})
