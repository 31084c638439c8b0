"""Against scikit-learn, every permutation tried in turn, and a covering by sets; then what a metric must keep to."""

import itertools
import math
import pickle
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torchmetrics import MetricCollection

from iem.metrics import AdjustedRandIndex, BestMatchIoU, Covering, partition_scores

PREDICTED = hnp.arrays(np.int64, (4, 5), elements=st.integers(0, 3))
TRUE = hnp.arrays(np.int64, (4, 5), elements=st.integers(0, 4))
IGNORE = hnp.arrays(np.float32, (4, 5), elements=st.sampled_from([0.0, 0.0, 1.0]))
METRICS = {
    "ari": AdjustedRandIndex,
    "match": BestMatchIoU,
    "foreground": lambda: BestMatchIoU(background=0),
    "covering": Covering,
}
every_metric = pytest.mark.parametrize("make", METRICS.values(), ids=METRICS)


def sets(labels, kept):
    return {value: {tuple(p) for p in np.argwhere((labels == value) & kept)} for value in np.unique(labels[kept])}


def iou(a, b):
    return len(a & b) / len(a | b)


def covering_by_sets(predicted, true):
    pixels = sum(map(len, true.values()))
    return sum(len(r) * max(iou(r, s) for s in predicted.values()) for r in true.values()) / pixels


def match_by_trying(predicted, true):
    best = 0.0
    for order in itertools.permutations([*predicted.values(), *[set()] * len(true)], len(true)):
        best = max(best, sum(iou(r, s) for r, s in zip(true.values(), order, strict=True)))
    return best / len(true)


@settings(deadline=None, max_examples=40)
@given(PREDICTED, TRUE, IGNORE)
def test_equals_the_references(predicted, true, ignore):
    kept = ignore < 0.5
    ours = partition_scores(torch.from_numpy(predicted), torch.from_numpy(true), ignore=torch.from_numpy(ignore))
    if not kept.any():
        assert all(map(math.isnan, (ours.adjusted_rand_index, ours.best_match_iou, ours.covering)))
        return
    p, t = sets(predicted, kept), sets(true, kept)
    expected = sklearn.metrics.adjusted_rand_score(true[kept], predicted[kept])
    assert ours.adjusted_rand_index == pytest.approx(expected, abs=1e-12)
    assert ours.best_match_iou == pytest.approx(match_by_trying(p, t), abs=1e-12)
    assert ours.covering == pytest.approx(covering_by_sets(p, t), abs=1e-12)
    assert (ours.regions, ours.true_regions) == (len(p), len(t))


@settings(deadline=None, max_examples=30)
@given(PREDICTED, TRUE)
def test_the_background_is_left_out_of_the_truth_alone(predicted, true):
    ours = partition_scores(torch.from_numpy(predicted), torch.from_numpy(true), background=0).best_match_iou
    kept = np.ones_like(true, dtype=bool)
    objects = {label: pixels for label, pixels in sets(true, kept).items() if label != 0}
    if not objects:
        assert math.isnan(ours)
        return
    assert ours == pytest.approx(match_by_trying(sets(predicted, kept), objects), abs=1e-12)


def test_hand_counted_picture():
    """Truth: two halves of 8 pixels. Predicted: the left half, and the right half in two parts of 6 and 2."""
    true = torch.zeros(4, 4, dtype=torch.long)
    true[:, 2:] = 1
    predicted = true.clone()
    predicted[3, 2:] = 2
    scores = partition_scores(predicted, true)
    assert scores.best_match_iou == (1 + 6 / 8) / 2
    assert scores.covering == (8 * 1 + 8 * 6 / 8) / 16
    # pairs: S = 28 + 15 + 1, A = 44, B = 56, of 120
    assert scores.adjusted_rand_index == pytest.approx((44 - 44 * 56 / 120) / ((44 + 56) / 2 - 44 * 56 / 120))


def test_partitions_that_leave_nothing_to_agree_on():
    one, two = torch.zeros(2, 2, dtype=torch.long), torch.tensor([[0, 0], [1, 1]])
    assert partition_scores(one + 5, one).adjusted_rand_index == 1
    assert partition_scores(two, one).adjusted_rand_index == 0
    assert partition_scores(one, two).adjusted_rand_index == 0
    assert partition_scores(torch.tensor([[3]]), torch.tensor([[1]])).adjusted_rand_index == 1


def test_large_pictures_are_counted_exactly():
    """Pairs of pixels times pairs of pixels are far beyond 64 bits."""
    labels = (torch.arange(3000)[:, None] * 4 // 3000).expand(3000, 4000).contiguous()
    true = (torch.arange(4000)[None] * 4 // 4000).expand(3000, 4000).contiguous()
    assert partition_scores(labels, labels).adjusted_rand_index == 1.0
    n, a = 12_000_000, 4 * math.comb(3_000_000, 2)
    expected = Fraction(a * a, math.comb(n, 2))
    ours = partition_scores(labels, true).adjusted_rand_index
    assert ours == float((16 * math.comb(750_000, 2) - expected) / (a - expected))


@every_metric
def test_the_mean_over_pictures_in_any_form_and_order(make):
    generator = torch.Generator().manual_seed(0)
    predicted = torch.randint(0, 4, (5, 6, 7), generator=generator)
    true = torch.randint(0, 3, (5, 6, 7), generator=generator)
    ignore = (torch.rand(5, 1, 6, 7, generator=generator) > 0.8).float()
    whole = make()
    whole.update(predicted, true, ignore)
    singly = make()
    for i in (3, 0, 4, 2, 1):
        singly.update(predicted[i], true[i], ignore[i, 0])
    lists = make()
    lists.update(list(predicted), list(true), list(ignore[:, None]))
    single = [make()(predicted[i], true[i], ignore[i]).item() for i in range(5)]
    assert whole.compute().item() == singly.compute().item() == lists.compute().item()
    assert whole.compute().item() == pytest.approx(np.mean(single), abs=1e-9)


@every_metric
def test_pictures_of_different_sizes_and_undefined_ones(make):
    one = torch.tensor([[0, 1, 1]])
    metric = make()
    metric.update([one, torch.tensor([[0, 1], [0, 1]])], [one, torch.tensor([[0, 1], [0, 1]])])
    metric.update([one], [one], [torch.ones(1, 1, 1, 3)])
    assert metric.compute().item() == 1
    assert make().compute().isnan()


@every_metric
def test_pickle_reset_and_clone(make):
    one, two = torch.tensor([[0, 1, 1]]), torch.tensor([[0, 0, 1]])
    metric = make()
    metric.update(one, two)
    assert pickle.loads(pickle.dumps(metric)).compute() == metric.compute() == metric.clone().compute()
    metric.reset()
    assert metric.compute().isnan()


def test_a_collection_does_not_share_states():
    """All of them agree on the first picture, and none on the second."""
    collection = MetricCollection({name: make() for name, make in METRICS.items()})
    alone = {name: make() for name, make in METRICS.items()}
    one, other = torch.tensor([[0, 1, 1, 2, 2, 2]]), torch.tensor([[0, 0, 1, 1, 1, 1]])
    for pair in ((one, one), (one, other)):
        collection.update(*pair)
        for metric in alone.values():
            metric.update(*pair)
    together = {name: value.item() for name, value in collection.compute().items()}
    assert together == {name: metric.compute().item() for name, metric in alone.items()}
    assert len(set(together.values())) == 4


def test_wrong_numbers_of_pictures_and_a_wrong_background_are_refused():
    labels = torch.zeros(2, 3, 3, dtype=torch.long)
    with pytest.raises(ValueError, match=r"got 2, 1 and 1; give one of each"):
        Covering().update(labels, labels[:1])
    with pytest.raises(ValueError, match=r"^background: expected a whole number from 0 to 65535, got -1"):
        BestMatchIoU(background=-1)


def test_torchmetrics_is_not_imported_to_count_pixels():
    code = "import sys, iem.metrics.confusion; sys.exit('torchmetrics' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
