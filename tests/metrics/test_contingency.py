"""Against loops over pixels, and pictures as large as a camera's."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from iem.metrics.contingency import contingency

LABELS = hnp.arrays(np.int64, (3, 5), elements=st.sampled_from([0, 1, 2, 9, 65535]))
IGNORE = hnp.arrays(np.float32, (3, 5), elements=st.sampled_from([0.0, 0.5, 1.0]))


@settings(deadline=None, max_examples=60)
@given(LABELS, LABELS, IGNORE)
def test_equals_a_loop_over_pixels(predicted, true, ignore):
    """Both ways of counting: the gaps up to 65535 are too large a table, those up to 9 are not."""
    table = contingency(
        torch.from_numpy(predicted), torch.from_numpy(true), ignore=torch.from_numpy(ignore)[None, None]
    )
    counted = {}
    for p, t, void in zip(predicted.flat, true.flat, ignore.flat, strict=True):
        if void <= 0.5:
            counted[p, t] = counted.get((p, t), 0) + 1
    rows, columns = sorted({p for p, _ in counted}), sorted({t for _, t in counted})
    assert table.regions.tolist() == rows
    assert table.true_regions.tolist() == columns
    assert table.pixels.tolist() == [[counted.get((p, t), 0) for t in columns] for p in rows]


def test_twelve_megapixels_are_counted_at_once():
    labels = torch.arange(3000)[:, None].expand(3000, 4000) // 600
    start = time.process_time()
    table = contingency(labels, labels.flip(0))
    assert time.process_time() - start < 2  # a sort takes longer than that
    assert table.pixels.sum() == 12_000_000
    assert table.pixels.flip(0).diag().tolist() == [2_400_000] * 5


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_any_whole_numbers_will_do(dtype):
    labels = torch.tensor([[0, 1], [1, 2]])
    assert torch.equal(contingency(labels.to(dtype), labels).pixels, torch.diag(torch.tensor([1, 2, 1])))


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (torch.zeros(2, 2), TypeError, "whole-numbered labels, got torch.float32; convert with .long"),
        (torch.zeros(2, 2, dtype=torch.bool), TypeError, r"got torch.bool"),
        (np.zeros((2, 2), dtype=int), TypeError, r"got ndarray"),
        (torch.zeros(1, 2, 2, dtype=torch.long), ValueError, r"shape \[h, w\], got \[1, 2, 2\]"),
        (torch.zeros(0, 2, dtype=torch.long), ValueError, r"shape \[h, w\], got \[0, 2\]"),
        (torch.full((2, 2), -1), ValueError, r"from 0 to 65535, got -1 to -1"),
        (torch.full((2, 2), 65536), ValueError, r"from 0 to 65535, got 65536"),
        (torch.zeros(3, 2, dtype=torch.long), ValueError, r"labels: expected shape \[2, 2\] .*got \[3, 2\]"),
    ],
)
def test_what_is_no_pair_of_label_maps_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        contingency(wrong, torch.zeros(2, 2, dtype=torch.long))


@pytest.mark.parametrize("ignore", [torch.zeros(2, 3), torch.zeros(2, 1, 2, 2), torch.full((2, 2), 255.0)])
def test_an_ignore_map_that_does_not_fit_is_refused(ignore):
    labels = torch.zeros(2, 2, dtype=torch.long)
    with pytest.raises(ValueError, match=r"^ignore: expected"):
        contingency(labels, labels, ignore=ignore)
