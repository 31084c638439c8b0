"""Against a loop over pixels and torchmetrics' own pooled error."""

import itertools
import math

import pytest
import torch
from torchmetrics import MetricCollection
from torchmetrics.functional import mean_absolute_error as pooled_error

from iem.metrics.mean_absolute_error import BinaryMeanAbsoluteError, mean_absolute_error


def masks(seed, soft, b=5, h=7, w=6):
    values = torch.rand(b, 1, h, w, generator=torch.Generator().manual_seed(seed))
    return values if soft else (values > 0.5).float()


def error_by_loop(prediction, truth, ignore, ignore_rule, flip):
    errors = []
    for row, column in itertools.product(*map(range, prediction.shape)):
        p, t = float(prediction[row, column]), float(truth[row, column] > 0.5)
        if ignore is not None and ignore[row, column] > 0.5:
            if ignore_rule == "exclude":
                continue
            t = 0.0
        errors.append(abs((1 - p if flip else p) - t))
    return sum(errors) / len(errors) if errors else math.nan


@pytest.mark.parametrize("ignore_rule", ["exclude", "background"])
@pytest.mark.parametrize("with_ignore", [False, True])
@pytest.mark.parametrize("polarity", ["fixed", "oracle"])
def test_equals_a_loop_over_pixels(ignore_rule, with_ignore, polarity):
    prediction, truth = masks(1, soft=True), masks(2, soft=True)
    ignore = masks(3, soft=False) if with_ignore else None
    if ignore is not None:
        ignore[4] = 1
    ours = mean_absolute_error(prediction, truth, ignore=ignore, polarity=polarity, ignore_rule=ignore_rule)
    assert ours.dtype == torch.float64
    for i in range(5):
        void = None if ignore is None else ignore[i, 0]
        both = [error_by_loop(prediction[i, 0], truth[i, 0], void, ignore_rule, flip) for flip in (False, True)]
        expected = both[0] if polarity == "fixed" else min(both)
        assert ours[i].item() == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_the_mean_over_pictures_of_one_size_is_torchmetrics_error():
    prediction, truth = masks(4, soft=True, b=6), masks(5, soft=False, b=6)
    metric = BinaryMeanAbsoluteError()
    for start in (0, 2, 3):
        metric.update(prediction[start : {0: 2, 2: 3, 3: 6}[start]], truth[start : {0: 2, 2: 3, 3: 6}[start]])
    assert metric.compute()["mae_image_mean"].item() == pytest.approx(pooled_error(prediction, truth).item(), abs=1e-6)
    assert metric.compute()["pictures"] == 6


def test_any_order_gives_the_same_bits():
    prediction, truth = masks(6, soft=True, b=9), masks(7, soft=False, b=9)
    found = set()
    for order in (range(9), reversed(range(9)), [4, 0, 8, 2, 6, 1, 5, 3, 7]):
        metric = BinaryMeanAbsoluteError(polarity="oracle")
        for i in order:
            metric.update(prediction[i : i + 1], truth[i : i + 1])
        found.add(metric.compute()["mae_image_mean"].item())
    assert len(found) == 1


def test_a_wholly_ignored_picture_is_undefined_and_not_in_the_mean():
    prediction, truth, ignore = torch.full((2, 1, 3, 3), 0.25), torch.zeros(2, 1, 3, 3), torch.zeros(2, 1, 3, 3)
    ignore[1] = 1
    metric = BinaryMeanAbsoluteError()
    metric.update(prediction, truth, ignore)
    assert {key: value.item() for key, value in metric.compute().items()} == {
        "mae_image_mean": 0.25,
        "mae_undefined": 1,
        "pictures": 2,
    }


def test_no_picture_is_nan():
    assert BinaryMeanAbsoluteError().compute()["mae_image_mean"].isnan()


def test_a_collection_keeps_the_rules_apart():
    metrics = MetricCollection(
        {rule: BinaryMeanAbsoluteError(polarity=rule) for rule in ("fixed", "oracle")}, prefix="mae_"
    )
    half = torch.tensor([[[[1.0, 0.0]]]])
    metrics.update(half * 0 + 0.5, half)
    metrics.update(1 - half, half)
    found = metrics.compute()
    assert sorted(value.item() for key, value in found.items() if key.endswith("image_mean")) == [0.25, 0.75]


@pytest.mark.parametrize(("argument", "value"), [("polarity", "best"), ("ignore_rule", "drop")])
def test_unknown_rules_are_refused(argument, value):
    one = torch.ones(1, 1, 2, 2)
    with pytest.raises(ValueError, match=f"^{argument}: expected one of"):
        mean_absolute_error(one, one, **{argument: value})
    with pytest.raises(ValueError, match=f"^{argument}: expected one of"):
        BinaryMeanAbsoluteError(**{argument: value})


def test_values_out_of_range_are_refused():
    one = torch.ones(1, 1, 2, 2)
    with pytest.raises(ValueError, match=r"^prediction: expected values in \[0, 1\], got \[255, 255\]"):
        mean_absolute_error(255 * one, one)
