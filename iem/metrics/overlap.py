"""Overlap of a mask with the truth: IoU, Dice, accuracy and mIoU.

Every function gives one number per picture; the mean over pictures is taken once, at the end. Two rules are named,
never assumed:

* **polarity**: ``"fixed"`` scores the mask as it is. ``"oracle"`` scores the mask and its complement and keeps the
  larger number, per picture *and per metric*: the rule of the published figures (Savarese et al., CVPR 2021, and ReDO
  before it). It looks at the truth to decide which side is the foreground, so it is an upper bound.
* **ignore_rule**: what happens to pixels of an ``ignore`` map. ``"exclude"`` leaves them out of every count;
  ``"background"`` scores them, with the truth set to background there.

A pixel is foreground where its value is above one half. What has no value (0/0: nothing there and nothing predicted)
is NaN, never 0 or 1; an empty prediction of something that is there is 0.
"""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from iem.checks import check_choice
from iem.interfaces import Mask, Scores
from iem.metrics.confusion import FRACTIONS, IgnoreRule, Polarity, confusion, ratio


def iou(
    prediction: Mask,
    truth: Mask,
    *,
    ignore: Mask | None = None,
    polarity: Polarity = "fixed",
    ignore_rule: IgnoreRule = "exclude",
) -> Scores:
    """Intersection over union of the foreground, ``|P T| / |P + T - P T|`` (Jaccard index), per picture in [0, 1].

    Args:
        prediction: ``[b, 1, h, w]`` in [0, 1], foreground above one half.
        truth: the same shape and range.
        ignore: the same shape and range, 1 = see ``ignore_rule``.
        polarity: ``"fixed"``, or ``"oracle"``: the larger of the scores of the mask and of its complement.
        ignore_rule: ``"exclude"`` ignored pixels from the count, or take them as ``"background"`` of the truth.

    Raises:
        TypeError: a mask is not a floating-point tensor.
        ValueError: shapes differ, a value is NaN or outside [0, 1], or a rule has another name.

    >>> truth = torch.tensor([1.0, 1.0, 0.0, 0.0]).reshape(1, 1, 2, 2)
    >>> mask = torch.tensor([1.0, 0.0, 0.0, 0.0]).reshape(1, 1, 2, 2)
    >>> iou(mask, truth).tolist(), iou(1 - mask, truth, polarity="oracle").tolist()
    ([0.5], [0.5])
    """
    return confusion(prediction, truth, ignore=ignore, ignore_rule=ignore_rule).iou(polarity)


def dice(
    prediction: Mask,
    truth: Mask,
    *,
    ignore: Mask | None = None,
    polarity: Polarity = "fixed",
    ignore_rule: IgnoreRule = "exclude",
) -> Scores:
    """Dice coefficient of the foreground, ``2 |P T| / (|P| + |T|)`` (F1), per picture in [0, 1].

    Arguments and errors are those of ``iou``.

    >>> dice(torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[1.0, 1.0]]]])).round(decimals=4).tolist()
    [0.6667]
    """
    return confusion(prediction, truth, ignore=ignore, ignore_rule=ignore_rule).dice(polarity)


def accuracy(
    prediction: Mask,
    truth: Mask,
    *,
    ignore: Mask | None = None,
    polarity: Polarity = "fixed",
    ignore_rule: IgnoreRule = "exclude",
) -> Scores:
    """Share of pixels on the right side, per picture in [0, 1]. Arguments and errors are those of ``iou``.

    >>> accuracy(torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[1.0, 1.0]]]])).tolist()
    [0.5]
    """
    return confusion(prediction, truth, ignore=ignore, ignore_rule=ignore_rule).accuracy(polarity)


def miou(
    prediction: Mask,
    truth: Mask,
    *,
    ignore: Mask | None = None,
    polarity: Polarity = "fixed",
    ignore_rule: IgnoreRule = "exclude",
) -> Scores:
    """Mean of the foreground's and the background's IoU, per picture in [0, 1]; NaN if either is undefined.

    With ``polarity="oracle"`` the two IoU take their maxima independently, as in the published figures. One may come
    from the mask and the other from its complement, so the number can be higher than either polarity's own mIoU.
    Arguments and errors are those of ``iou``.

    >>> miou(torch.tensor([[[[1.0, 0.0, 0.0]]]]), torch.tensor([[[[1.0, 1.0, 0.0]]]])).tolist()
    [0.5]
    """
    return confusion(prediction, truth, ignore=ignore, ignore_rule=ignore_rule).miou(polarity)


class BinaryOverlap(Metric):
    """IoU, Dice, accuracy and mIoU over a set of pictures, with the polarity rule in the name of the argument.

    ``compute`` gives, for each of the four, ``<name>_image_mean`` (the mean over pictures: the literature's rule),
    ``<name>_pixel_pooled`` (all pixels counted as one picture: large pictures and large objects weigh more) and
    ``<name>_undefined`` (pictures whose score is NaN; the mean leaves them out), and ``pictures``, their number.
    With ``polarity="oracle"`` pooling first chooses each picture's better polarity. No picture at all gives NaN.

    Raises:
        ValueError: a rule has another name; ``update`` raises what ``iou`` does.

    >>> metric = BinaryOverlap(polarity="oracle")
    >>> metric.update(torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 1.0]]]]))
    >>> metric.compute()["iou_image_mean"].item()
    1.0
    """

    _UNITS_PER_ONE = 2**40

    full_state_update = False
    is_differentiable = False
    higher_is_better = True

    score_units: Tensor
    defined: Tensor
    fractions: Tensor
    pictures: Tensor
    settings: Tensor

    def __init__(self, *, polarity: Polarity = "fixed", ignore_rule: IgnoreRule = "exclude", **metric: Any) -> None:
        check_choice(polarity, "polarity", ("fixed", "oracle"))
        check_choice(ignore_rule, "ignore_rule", ("exclude", "background"))
        super().__init__(**metric)
        self.polarity: Polarity = polarity
        self.ignore_rule: IgnoreRule = ignore_rule
        self.add_state("score_units", torch.zeros(4, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("defined", torch.zeros(4, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("fractions", torch.zeros(len(FRACTIONS), 2, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("pictures", torch.tensor(0), dist_reduce_fx="sum")
        # MetricCollection lets metrics with equal states share them for good after the first update; metrics with
        # other rules may well agree on the first batch, so the rules are part of the state.
        settings = torch.tensor([polarity == "oracle", ignore_rule == "background"], dtype=torch.int64)
        self.add_state("settings", settings, dist_reduce_fx="max")

    @property
    def update_called(self) -> bool:
        """Always true: without pictures the answer is NaN, which says it; torchmetrics would warn on top."""
        return True

    def update(self, prediction: Mask, truth: Mask, ignore: Mask | None = None) -> None:
        """Add pictures."""
        counts = confusion(prediction, truth, ignore=ignore, ignore_rule=self.ignore_rule)
        scores = torch.stack(list(counts.scores(self.polarity).values()))
        # Sums of whole numbers are exact in any order and on any number of processes, and every device has them.
        units = (scores.nan_to_num(0) * self._UNITS_PER_ONE).round().long()
        pooled = [torch.stack(counts.fraction(name, self.polarity)).sum(1) for name in FRACTIONS]
        self.score_units += units.sum(1).to(self.device)
        self.defined += (~scores.isnan()).sum(1).to(self.device)
        self.fractions += torch.stack(pooled).to(self.device)
        self.pictures += prediction.shape[0]

    def compute(self) -> dict[str, Tensor]:
        """The means by name."""
        names = ("iou", "dice", "accuracy", "miou")
        means = ratio(self.score_units, self.defined) / self._UNITS_PER_ONE
        pooled = dict(zip(FRACTIONS, ratio(self.fractions[:, 0], self.fractions[:, 1]), strict=True))
        pooled["miou"] = (pooled["iou"] + pooled["background_iou"]) / 2
        return {
            **{f"{name}_image_mean": mean for name, mean in zip(names, means, strict=True)},
            **{f"{name}_pixel_pooled": pooled[name] for name in names},
            **{f"{name}_undefined": self.pictures - n for name, n in zip(names, self.defined, strict=True)},
            "pictures": self.pictures,
        }
