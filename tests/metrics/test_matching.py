"""Against every permutation tried in turn, and hand-made pictures."""

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

from iem.metrics.matching import MatchedIoU, best_match_iou, match_polarity, match_regions


@pytest.fixture
def users_view(monkeypatch):
    """Without the shape checks of the test run: users meet the library's own messages."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def iou_by_sets(a, b):
    return len(a & b) / len(a | b) if a | b else 0.0


def pixels(labels, value, kept):
    return {tuple(p) for p in np.argwhere((labels == value) & kept)}


def best_by_trying(predicted, true, kept):
    """Best mean IoU over the true regions present: every one-to-one pairing in turn, as sets of pixels."""
    present = [m for m in range(true.max() + 1) if pixels(true, m, kept)]
    if not present:
        return math.nan
    regions = [*range(predicted.max() + 1), *[None] * len(present)]
    best = 0.0
    for order in itertools.permutations(regions, len(present)):
        pairs = [(k, m) for k, m in zip(order, present, strict=True) if k is not None]
        best = max(best, sum(iou_by_sets(pixels(predicted, k, kept), pixels(true, m, kept)) for k, m in pairs))
    return best / len(present)


@settings(deadline=None, max_examples=40)
@given(
    hnp.arrays(np.int64, (2, 3, 4), elements=st.integers(0, 2)),
    hnp.arrays(np.int64, (2, 3, 4), elements=st.integers(0, 3)),
    hnp.arrays(np.float32, (2, 1, 3, 4), elements=st.sampled_from([0.0, 0.0, 1.0])),
)
def test_equals_trying_every_pairing(predicted, true, ignore):
    ours = best_match_iou(torch.from_numpy(predicted), torch.from_numpy(true), ignore=torch.from_numpy(ignore))
    for picture in range(2):
        expected = best_by_trying(predicted[picture], true[picture], ignore[picture, 0] < 0.5)
        assert ours[picture].item() == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_renaming_the_regions_changes_nothing_but_the_assignment():
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(0, 4, (3, 9, 8), generator=generator)
    order = torch.tensor([2, 0, 3, 1])
    matching = match_regions(order[truth], truth)
    assert matching.iou.tolist() == [[1.0] * 4] * 3
    assert matching.assignment.tolist() == [order.tolist()] * 3


def test_each_pair_is_scored_by_its_own_iou():
    generator = torch.Generator().manual_seed(1)
    predicted, true = (torch.randint(0, 3, (1, 12, 12), generator=generator) for _ in range(2))
    matching = match_regions(predicted, true)
    for m in range(3):
        k = matching.assignment[0, m].item()
        expected = sklearn.metrics.jaccard_score((true == m).flatten().numpy(), (predicted == k).flatten().numpy())
        assert matching.iou[0, m].item() == pytest.approx(expected, abs=1e-12)


def test_soft_regions_are_read_by_their_largest_entry():
    generator = torch.Generator().manual_seed(2)
    soft = torch.rand(2, 3, 5, 5, generator=generator).softmax(1)
    true = torch.randint(0, 3, (2, 5, 5), generator=generator)
    hard = match_regions(soft.argmax(1), torch.nn.functional.one_hot(true, 3).permute(0, 3, 1, 2).float())
    ours = match_regions(soft, true)
    assert torch.equal(ours.assignment, hard.assignment)
    assert torch.equal(ours.iou, hard.iou)


def test_absent_regions_are_nan_and_unmatched_ones_are_zero():
    true = torch.tensor([[[0, 0, 1, 1, 3, 3]]])
    predicted = torch.tensor([[[0, 0, 1, 1, 1, 1]]])
    matching = match_regions(predicted, true)
    assert matching.assignment.tolist()[0][0] == 0
    assert matching.iou[0, 0].item() == 1
    assert matching.iou[0, 2].isnan()
    assert sorted(matching.iou[0, [1, 3]].tolist()) == [0, 0.5]
    assert matching.assignment[0, 2].item() == -1
    assert matching.mean().item() == pytest.approx(1.5 / 3)


def test_regions_without_a_common_pixel_are_not_paired():
    predicted = torch.tensor([[[2, 2, 2, 0], [2, 2, 2, 1]]])
    true = torch.tensor([[[0, 0, 1, 1], [0, 0, 1, 1]]])
    ignore = torch.tensor([[[[0.0, 0, 0, 1], [0, 0, 0, 1]]]])
    assert match_regions(predicted, true, ignore=ignore).assignment.tolist() == [[2, -1]]


def test_a_picture_ignored_whole_is_undefined():
    labels = torch.tensor([[[0, 1]]])
    assert best_match_iou(labels, labels, ignore=torch.ones(1, 1, 1, 2)).isnan().all()


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("regions", "truth", "error", "message"),
    [
        (torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 2).long(), ValueError, "at least two regions"),
        (torch.full((1, 2, 2, 2), math.nan), torch.zeros(1, 2, 2).long(), ValueError, "NaN"),
        (torch.zeros(1, 2, 2).long() - 1, torch.zeros(1, 2, 2).long(), ValueError, "from 0 to 1023, got -1 to -1"),
        (torch.zeros(1, 2, 2).long(), torch.full((1, 2, 2), 70000), ValueError, "return_inverse"),
        (torch.zeros(1, 2, 2).long(), torch.zeros(1, 3, 2).long(), ValueError, "truth: expected"),
    ],
)
def test_what_is_no_set_of_regions_is_refused(regions, truth, error, message):
    with pytest.raises(error, match=message):
        match_regions(regions, truth)


def test_polarity_is_turned_where_the_complement_is_better():
    truth = torch.tensor([[[[1.0, 1, 0, 0]]]]).repeat(3, 1, 1, 1)
    mask = torch.tensor([[[[0.9, 0.8, 0.2, 0.1]]], [[[0.1, 0.2, 0.8, 0.9]]], [[[0.9, 0.1, 0.9, 0.1]]]])
    turned, flipped = match_polarity(mask, truth)
    assert flipped.tolist() == [False, True, False]  # the last is a tie
    assert torch.equal(turned[0], mask[0])
    assert torch.allclose(turned[1], 1 - mask[1])
    assert torch.equal(turned[2], mask[2])


def test_polarity_looks_away_from_ignored_pixels():
    truth = torch.tensor([[[[1.0, 1, 1, 0]]]])
    mask = torch.tensor([[[[1.0, 0, 0, 1]]]])
    assert match_polarity(mask, truth)[1].item() is True
    assert match_polarity(mask, truth, ignore=torch.tensor([[[[0.0, 1, 1, 0]]]]))[1].item() is False


def test_metric_is_the_mean_over_pictures_however_split():
    generator = torch.Generator().manual_seed(3)
    predicted, true = (torch.randint(0, 3, (5, 6, 6), generator=generator) for _ in range(2))
    whole, left, right = MatchedIoU(), MatchedIoU(), MatchedIoU()
    whole.update(predicted, true)
    left.update(predicted[:1], true[:1])
    right.update(predicted[1:], true[1:])
    left.merge_state(right)
    expected = np.mean(
        [best_by_trying(p.numpy(), t.numpy(), np.ones((6, 6), bool)) for p, t in zip(predicted, true, strict=True)]
    )
    assert whole.compute().item() == pytest.approx(expected, abs=1e-10)
    assert left.compute().item() == whole.compute().item()
    assert pickle.loads(pickle.dumps(whole)).compute().item() == whole.compute().item()


def test_metric_leaves_out_undefined_pictures_and_no_picture_is_nan():
    labels = torch.tensor([[[0, 1]], [[0, 1]]])
    metric = MatchedIoU()
    assert metric.compute().isnan()
    metric.reset()
    metric.update(labels, labels, ignore=torch.tensor([[[[0.0, 0]]], [[[1.0, 1]]]]))
    assert metric.compute().item() == 1
