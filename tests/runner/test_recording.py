"""Curves of a recording: what the metrics say of each mask, one by one."""

import pytest
import torch
from references.pictures import hard_mask

from iem.interfaces import Progress
from iem.metrics.overlap import dice, iou
from iem.runner.recording import Recording


@pytest.mark.parametrize("rule", ["exclude", "background"])
@pytest.mark.parametrize("polarity", ["fixed", "oracle"])
def test_traces_are_the_metrics_of_every_mask(rule, polarity):
    masks = [torch.rand(3, 1, 12, 10, generator=torch.Generator().manual_seed(k)) for k in range(70)]
    masks[4] = torch.zeros_like(masks[4])
    truth, ignore = hard_mask(1, 3, 24, 20).float(), hard_mask(2, 3, 24, 20).float()
    truth[2] = 0
    recording = Recording()
    for step, mask in enumerate(masks):
        recording(Progress(step + 1, 70, mask, torch.zeros(3), torch.zeros(3, dtype=torch.long)))
    found = recording.traces(truth, ignore, rule)
    small, hidden = truth[..., 1::2, 1::2], ignore[..., 1::2, 1::2]
    for name, metric in {"iou": iou, "dice": dice}.items():
        expected = [
            metric((mask * 255).round() / 255, small, ignore=hidden, ignore_rule=rule, polarity=polarity)
            for mask in masks
        ]
        assert torch.equal(found[f"{name}_{polarity}"].nan_to_num(-1), torch.stack(expected).nan_to_num(-1))
