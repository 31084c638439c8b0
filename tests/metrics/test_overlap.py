"""Against plain loops, scikit-learn and torchmetrics' own functions; then the properties that a score must have."""

import itertools
import math
import pickle

import jaxtyping
import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torchmetrics import MetricCollection
from torchmetrics.functional.classification import binary_accuracy, binary_f1_score, binary_jaccard_index

from iem.metrics.confusion import confusion, threshold
from iem.metrics.overlap import BinaryOverlap, accuracy, dice, iou, miou

FUNCTIONS = {"iou": iou, "dice": dice, "accuracy": accuracy, "miou": miou}


@pytest.fixture
def users_view(monkeypatch):
    """Without the shape checks of the test run: users meet the library's own messages."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def count_by_loop(prediction, truth, ignore, ignore_rule):
    """True positives, false positives, false negatives, true negatives of one picture, pixel by pixel."""
    tp = fp = fn = tn = 0
    for row, column in itertools.product(*map(range, prediction.shape)):
        p, t = prediction[row, column] > 0.5, truth[row, column] > 0.5
        if ignore is not None and ignore[row, column] > 0.5:
            if ignore_rule == "exclude":
                continue
            t = False
        tp, fp, fn, tn = tp + (p and t), fp + (p and not t), fn + (t and not p), tn + (not p and not t)
    return tp, fp, fn, tn


def divide(numerator, denominator):
    return numerator / denominator if denominator else math.nan


def score_by_loop(prediction, truth, ignore=None, ignore_rule="exclude"):
    tp, fp, fn, tn = count_by_loop(prediction, truth, ignore, ignore_rule)
    foreground, background = divide(tp, tp + fp + fn), divide(tn, tn + fp + fn)
    return {
        "iou": foreground,
        "background": background,
        "dice": divide(2 * tp, 2 * tp + fp + fn),
        "accuracy": divide(tp + tn, tp + fp + fn + tn),
        "miou": (foreground + background) / 2,
    }


def oracle_by_loop(prediction, truth, ignore=None, ignore_rule="exclude"):
    mask = score_by_loop(prediction, truth, ignore, ignore_rule)
    complement = score_by_loop(1 - prediction, truth, ignore, ignore_rule)
    best = {
        name: math.nan if math.isnan(mask[name] + complement[name]) else max(mask[name], complement[name])
        for name in mask
    }
    return best | {"miou": (best["iou"] + best["background"]) / 2}


def random_masks(seed, b=5, h=7, w=6, share=0.5):
    return (torch.rand(b, 1, h, w, generator=torch.Generator().manual_seed(seed)) < share).float()


def masks(count=2):
    binary = hnp.arrays(np.float32, (1, 1, 4, 5), elements=st.sampled_from([0.0, 1.0]))
    return st.tuples(*[binary.map(torch.from_numpy)] * count)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("ignore_rule", ["exclude", "background"])
@pytest.mark.parametrize("with_ignore", [False, True])
@pytest.mark.parametrize("polarity", ["fixed", "oracle"])
def test_equals_a_loop_over_pixels(name, ignore_rule, with_ignore, polarity):
    prediction, truth = torch.rand(5, 1, 7, 6, generator=torch.Generator().manual_seed(1)), random_masks(2)
    truth[3] = 0
    prediction[4] = 0
    ignore = random_masks(3, share=0.3) if with_ignore else None
    ours = FUNCTIONS[name](prediction, truth, ignore=ignore, polarity=polarity, ignore_rule=ignore_rule)
    by_loop = oracle_by_loop if polarity == "oracle" else score_by_loop
    for picture in range(5):
        void = None if ignore is None else ignore[picture, 0].numpy()
        expected = by_loop(prediction[picture, 0].numpy(), truth[picture, 0].numpy(), void, ignore_rule)[name]
        assert ours[picture].item() == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_equals_scikit_learn():
    prediction, truth = random_masks(4), random_masks(5)
    pairs = [(p.flatten().numpy(), t.flatten().numpy()) for p, t in zip(prediction, truth, strict=True)]
    references = {
        "iou": lambda p, t: sklearn.metrics.jaccard_score(t, p),
        "dice": lambda p, t: sklearn.metrics.f1_score(t, p),
        "accuracy": lambda p, t: sklearn.metrics.accuracy_score(t, p),
        "miou": lambda p, t: sklearn.metrics.jaccard_score(t, p, average="macro"),
    }
    for name, reference in references.items():
        expected = [reference(p, t) for p, t in pairs]
        assert FUNCTIONS[name](prediction, truth).tolist() == pytest.approx(expected, abs=1e-12)


def test_hand_counted_picture():
    truth = torch.tensor([[[[1.0, 1, 1, 0, 0, 0, 0, 0]]]])
    mask = torch.tensor([[[[1.0, 1, 0, 1, 0, 0, 0, 0]]]])
    assert iou(mask, truth).item() == pytest.approx(2 / 4)
    assert dice(mask, truth).item() == pytest.approx(4 / 6)
    assert accuracy(mask, truth).item() == pytest.approx(6 / 8)
    assert miou(mask, truth).item() == pytest.approx((2 / 4 + 4 / 6) / 2)


def test_oracle_miou_may_combine_both_polarities():
    truth = torch.tensor([[[[1.0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]]])
    mask = torch.tensor([[[[0.0, 1, 1, 0, 0, 0, 0, 0, 0, 0]]]])
    # Foreground: mask 0/3, complement 1/8. Background: mask 7/10, complement 2/10.
    better_polarity = max(miou(mask, truth).item(), miou(1 - mask, truth).item())
    assert better_polarity == pytest.approx(0.35)
    assert miou(mask, truth, polarity="oracle").item() == pytest.approx((1 / 8 + 7 / 10) / 2)


def test_oracle_takes_each_maximum_by_itself():
    truth = torch.tensor([[[[1.0, 1, 0, 0, 0, 0]]]])
    empty = torch.zeros_like(truth)
    assert accuracy(empty, truth, polarity="oracle").item() == pytest.approx(4 / 6)  # of the mask
    assert iou(empty, truth, polarity="oracle").item() == pytest.approx(2 / 6)  # of its complement


def test_undefined_is_nan_and_a_missed_object_is_zero():
    empty, full = torch.zeros(1, 1, 3, 3), torch.ones(1, 1, 3, 3)
    for polarity in ("fixed", "oracle"):
        assert iou(empty, empty, polarity=polarity).isnan().all()
        assert dice(empty, empty, polarity=polarity).isnan().all()
        assert miou(empty, empty, polarity=polarity).isnan().all()
        assert accuracy(empty, empty, polarity=polarity).item() == 1
    assert iou(empty, full).item() == 0
    assert iou(full, empty).item() == 0
    assert dice(empty, full).item() == 0
    for function in FUNCTIONS.values():
        assert function(full, full, ignore=full).isnan().all()


def test_ignored_pixels_stay_excluded_from_the_complement():
    truth = torch.tensor([[[[1.0, 1, 0, 0]]]])
    mask = torch.tensor([[[[0.0, 0, 1, 1]]]])
    ignore = torch.tensor([[[[0.0, 1, 0, 1]]]])
    assert iou(mask, truth, ignore=ignore, polarity="oracle").item() == 1
    assert iou(mask, truth, ignore=ignore, polarity="oracle", ignore_rule="background").item() == pytest.approx(1 / 2)


def test_exactly_one_half_is_background():
    assert threshold(torch.full((1, 1, 1, 1), 0.5), torch.zeros(1, 1, 1, 1), "mask").item() is False


def test_the_masks_may_differ_in_precision_and_are_not_written_to():
    prediction, truth = random_masks(6), random_masks(7).double()
    before = prediction.clone(), truth.clone()
    assert iou(prediction.half(), truth).tolist() == iou(prediction, truth.float()).tolist()
    assert torch.equal(prediction, before[0])
    assert torch.equal(truth, before[1])


def test_counts_of_large_pictures_are_exact():
    # 2^24 + 1 is the first whole number that single precision cannot hold.
    mask = torch.ones(1, 1, 4097, 4097)
    truth = mask.clone()
    truth[0, 0, 0, 0] = 0
    assert confusion(mask, truth).true_positive.item() == 4097**2 - 1
    assert iou(mask, truth).item() == (4097**2 - 1) / 4097**2


@pytest.mark.parametrize("wrong", [math.nan, math.inf, 2.0, -1.0])
@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.usefixtures("users_view")
def test_values_that_are_no_mask_are_refused(wrong, position):
    three = [random_masks(8), random_masks(9), random_masks(10)]
    three[position][0, 0, 0, 0] = wrong
    with pytest.raises(ValueError, match=("prediction", "truth", "ignore")[position] + ": expected"):
        iou(three[0], three[1], ignore=three[2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"polarity": "best"}, "polarity: expected one of fixed, oracle, got 'best'"),
        ({"ignore_rule": "skip"}, "ignore_rule: expected one of exclude, background, got 'skip'"),
    ],
)
@pytest.mark.usefixtures("users_view")
def test_rules_of_another_name_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        BinaryOverlap(**arguments)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("prediction", "truth", "error", "message"),
    [
        (torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 3), ValueError, r"truth: .*\[1, 1, 2, 2\].*got \[1, 1, 2, 3\]"),
        (torch.zeros(2, 1, 2, 2), torch.zeros(1, 1, 2, 2), ValueError, r"truth: .*\[2, 1, 2, 2\]"),
        (torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2), ValueError, "iem.metrics.matching for several regions"),
        (torch.zeros(2, 2), torch.zeros(2, 2), ValueError, "give batch and channel axes"),
        (
            torch.zeros(1, 1, 2, 2).bool(),
            torch.zeros(1, 1, 2, 2),
            TypeError,
            r"got torch.bool; convert with .float\(\)",
        ),
        (np.zeros((1, 1, 2, 2)), torch.zeros(1, 1, 2, 2), TypeError, "expected a torch.Tensor, got ndarray"),
        (torch.zeros(0, 1, 2, 2), torch.zeros(0, 1, 2, 2), ValueError, "at least one value"),
    ],
)
def test_what_is_no_pair_of_masks_is_refused(prediction, truth, error, message):
    with pytest.raises(error, match=message):
        iou(prediction, truth)


@settings(deadline=None, max_examples=60)
@given(masks())
def test_symmetry_flips_and_identity(pair):
    prediction, truth = pair
    for function in FUNCTIONS.values():
        score = function(prediction, truth)
        assert torch.equal(function(truth, prediction).nan_to_num(2), score.nan_to_num(2))
        assert torch.equal(function(prediction.flip(3), truth.flip(3)).nan_to_num(2), score.nan_to_num(2))
        assert torch.equal(function(prediction.mT, truth.mT).nan_to_num(2), score.nan_to_num(2))
    assert iou(truth, truth).nan_to_num(1).item() == 1
    assert iou(truth, truth).isnan().item() == (truth.sum().item() == 0)


@settings(deadline=None, max_examples=60)
@given(masks(3), st.sampled_from(["exclude", "background"]))
def test_oracle_is_no_lower_and_blind_to_polarity(triple, ignore_rule):
    prediction, truth, ignore = triple
    for function in FUNCTIONS.values():
        fixed = function(prediction, truth, ignore=ignore, ignore_rule=ignore_rule)
        oracle = function(prediction, truth, ignore=ignore, ignore_rule=ignore_rule, polarity="oracle")
        turned = function(1 - prediction, truth, ignore=ignore, ignore_rule=ignore_rule, polarity="oracle")
        assert torch.equal(oracle.nan_to_num(2), turned.nan_to_num(2))
        assert oracle.isnan().all() or (oracle >= fixed).all()


@settings(deadline=None, max_examples=60)
@given(masks())
def test_dice_follows_from_iou(pair):
    score = iou(*pair)
    assert torch.allclose(dice(*pair), 2 * score / (1 + score), equal_nan=True)


def test_image_mean_and_pixel_pooled():
    prediction, truth = random_masks(11, b=3), random_masks(12, b=3)
    prediction[0], truth[0] = 1, 1
    metric = BinaryOverlap()
    metric.update(prediction, truth)
    result = metric.compute()
    predicted, true = prediction.flatten().long(), truth.flatten().long()
    assert result["iou_pixel_pooled"].item() == pytest.approx(binary_jaccard_index(predicted, true).item(), abs=1e-6)
    assert result["dice_pixel_pooled"].item() == pytest.approx(binary_f1_score(predicted, true).item(), abs=1e-6)
    assert result["accuracy_pixel_pooled"].item() == pytest.approx(binary_accuracy(predicted, true).item(), abs=1e-6)
    background = binary_jaccard_index(1 - predicted, 1 - true)
    pooled = (binary_jaccard_index(predicted, true) + background).item() / 2
    assert result["miou_pixel_pooled"].item() == pytest.approx(pooled, abs=1e-6)
    each = [
        sklearn.metrics.jaccard_score(t.flatten().numpy(), p.flatten().numpy())
        for p, t in zip(prediction, truth, strict=True)
    ]
    assert result["iou_image_mean"].item() == pytest.approx(np.mean(each), abs=1e-9)
    assert abs(result["iou_image_mean"] - result["iou_pixel_pooled"]) > 0.01


def test_pooled_oracle_turns_each_picture_first():
    truth = torch.tensor([[[[1.0, 1, 0, 0]]], [[[1.0, 1, 0, 0]]]])
    mask = torch.stack([truth[0], 1 - truth[1]])
    metric = BinaryOverlap(polarity="oracle")
    metric.update(mask, truth)
    assert metric.compute()["iou_pixel_pooled"].item() == 1
    fixed = BinaryOverlap()
    fixed.update(mask, truth)
    assert fixed.compute()["iou_pixel_pooled"].item() == pytest.approx(2 / 6)


def test_undefined_pictures_are_counted_and_not_averaged():
    truth = torch.stack([torch.ones(1, 2, 2), torch.zeros(1, 2, 2)])
    metric = BinaryOverlap()
    metric.update(truth, truth)
    result = metric.compute()
    assert result["iou_image_mean"].item() == 1
    assert result["iou_undefined"].item() == 1
    assert result["accuracy_undefined"].item() == 0
    assert result["pictures"].item() == 2
    assert result["miou_image_mean"].isnan()
    assert result["miou_undefined"].item() == 2


@pytest.mark.parametrize("polarity", ["fixed", "oracle"])
def test_any_split_and_any_order_give_the_same_bits(polarity):
    prediction, truth = random_masks(13, b=9), random_masks(14, b=9)
    whole, left, right = (BinaryOverlap(polarity=polarity) for _ in range(3))
    whole.update(prediction, truth)
    for index in (8, 2, 5):
        left.update(prediction[[index]], truth[[index]])
    right.update(prediction[[0, 1, 3, 4, 6, 7]], truth[[0, 1, 3, 4, 6, 7]])
    left.merge_state(right)
    expected = whole.compute()
    assert {name: value.item() for name, value in left.compute().items()} == {
        name: value.item() for name, value in expected.items()
    }


def test_gathered_states_reduce_to_one():
    # What torchmetrics does between processes: gather every state, reduce it; one process has seen no picture.
    prediction, truth = random_masks(15), random_masks(16)
    ranks = [BinaryOverlap(ignore_rule="background") for _ in range(3)]
    ranks[0].update(prediction[:2], truth[:2])
    ranks[1].update(prediction[2:], truth[2:])
    gathered = iter([[rank.metric_state[name] for rank in ranks] for name in ranks[0].metric_state])
    ranks[2].dist_sync_fn = lambda state, group: next(gathered)
    ranks[2].distributed_available_fn = lambda: True
    assert ranks[2].compute()["iou_image_mean"].item() == pytest.approx(iou(prediction, truth).mean().item(), abs=1e-11)
    assert ranks[2].compute()["pictures"].item() == 5


def test_forward_gives_the_batch_and_keeps_the_total():
    prediction, truth = random_masks(17), random_masks(18)
    metric = BinaryOverlap()
    first = metric(prediction[:2], truth[:2])
    metric(prediction[2:], truth[2:])
    assert first["iou_image_mean"].item() == pytest.approx(iou(prediction[:2], truth[:2]).mean().item(), abs=1e-11)
    assert metric.compute()["iou_image_mean"].item() == pytest.approx(iou(prediction, truth).mean().item(), abs=1e-11)


def test_a_collection_does_not_share_states_between_rules():
    # The first batch is scored alike by all three rules; torchmetrics would then share one state among them.
    good, bad, ignore = torch.eye(4)[None, None], 1 - torch.eye(4)[None, None], torch.zeros(1, 1, 4, 4)
    collection = MetricCollection(
        {
            "fixed": BinaryOverlap(),
            "oracle": BinaryOverlap(polarity="oracle"),
            "background": BinaryOverlap(ignore_rule="background"),
        }
    )
    collection.update(good, good, ignore)
    collection.update(bad, good, ignore)
    collection.update(good, good, good)
    result = collection.compute()
    assert result["fixed_iou_image_mean"].item() == pytest.approx(0.5)
    assert result["oracle_iou_image_mean"].item() == pytest.approx(1)
    assert result["background_iou_image_mean"].item() == pytest.approx(1 / 3)


def test_pickle_and_reset():
    metric = BinaryOverlap(polarity="oracle")
    metric.update(random_masks(19), random_masks(20))
    again = pickle.loads(pickle.dumps(metric))
    assert again.compute()["dice_image_mean"].item() == metric.compute()["dice_image_mean"].item()
    assert again.polarity == "oracle"
    again.reset()
    assert again.compute()["pictures"].item() == 0


def test_no_picture_gives_nan_without_a_warning():
    result = BinaryOverlap().compute()
    assert result["iou_image_mean"].isnan()
    assert result["iou_pixel_pooled"].isnan()
    assert result["pictures"].item() == 0
