"""Max-F of soft masks: the F-measure at every threshold, and its maximum once it was averaged over the pictures."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchmetrics import Metric

from iem.checks import check_choice
from iem.interfaces import Mask
from iem.metrics.confusion import IgnoreRule, Polarity, ratio, threshold

LEVELS = 256
BETA_SQUARED = (3, 10)  # as a fraction, so that F is one division of whole numbers, and 1 is exact

FCurves = Float[Tensor, "n 256"]


def f_curve(
    prediction: Mask,
    truth: Mask,
    *,
    ignore: Mask | None = None,
    polarity: Polarity = "fixed",
    ignore_rule: IgnoreRule = "exclude",
) -> FCurves:
    """The F-measure of each picture at the 256 levels of an 8-bit mask, ``[b, 256]`` in [0, 1].

    Entry k takes a pixel for foreground whose value, in 255ths and rounded down, is at least k; at k = 0 that is all of
    them. With P such pixels, T true ones and TP both,

        F = (1 + beta^2) TP / (beta^2 T + P),    beta^2 = 0.3    (Achanta et al., CVPR 2009)

    Values are taken as they are: a mask is not stretched to [0, 1] first. A picture without true foreground has no F:
    its curve is NaN.

    With ``polarity="oracle"`` each picture has, as a whole, the curve of the mask or that of its complement, the one
    whose largest F is larger; k = 0, where both are the same, does not count. Other arguments and errors are those of
    ``iem.metrics.overlap.iou``.

    >>> truth = torch.tensor([[[[1.0, 0.0, 0.0]]]])
    >>> curve = f_curve(torch.tensor([[[[0.8, 0.6, 0.1]]]]), truth)[0]
    >>> [round(curve[level].item(), 3) for level in (0, 100, 200, 255)]
    [0.394, 0.565, 1.0, 0.0]
    """
    check_choice(polarity, "polarity", ("fixed", "oracle"))
    check_choice(ignore_rule, "ignore_rule", ("exclude", "background"))
    threshold(prediction, prediction, "prediction")
    true = threshold(truth, prediction, "truth")
    kept = torch.ones_like(true) if ignore is None else ~threshold(ignore, prediction, "ignore")
    true = true & kept
    if ignore_rule == "background":
        kept = torch.ones_like(true)
    fixed = _curves(prediction, true, kept)
    if polarity == "fixed":
        return fixed
    flipped = _curves(1 - prediction, true, kept)
    flip = flipped[:, 1:].amax(1) > fixed[:, 1:].amax(1)
    return torch.where(flip[:, None], flipped, fixed)


def max_f(curves: FCurves) -> Float[Tensor, ""]:
    """The largest entry of the pictures' mean curve; NaN without a picture that has one.

    The mean comes first, so that one threshold serves all pictures; the mean of the pictures' own maxima would be
    larger and let the truth choose each threshold.

    >>> two = torch.zeros(2, 256); two[0, 10] = 1; two[1, 20] = 0.5
    >>> max_f(two).item()
    0.5
    """
    return curves[~curves.isnan().any(1)].mean(0).amax()


class BinaryMaxF(Metric):
    """Max-F over a set of pictures (beta^2 = 0.3), with the polarity rule in the name of the argument.

    ``compute`` gives ``max_f``, ``level`` (the lowest threshold, in 255ths, at which the mean curve reaches it),
    ``undefined`` (pictures without true foreground; the mean leaves them out) and ``pictures``, their number. No
    picture at all gives NaN.

    Raises:
        ValueError: a rule has another name; ``update`` raises what ``f_curve`` does.

    >>> metric = BinaryMaxF()
    >>> metric.update(torch.tensor([[[[0.6, 0.2]]]]), torch.tensor([[[[1.0, 0.0]]]]))
    >>> metric.compute()["max_f"].item(), metric.compute()["level"].item()
    (1.0, 52)
    """

    _UNITS_PER_ONE = 2**40

    full_state_update = False
    is_differentiable = False
    higher_is_better = True

    curve_units: Tensor
    defined: Tensor
    pictures: Tensor
    settings: Tensor

    def __init__(self, *, polarity: Polarity = "fixed", ignore_rule: IgnoreRule = "exclude", **metric: Any) -> None:
        check_choice(polarity, "polarity", ("fixed", "oracle"))
        check_choice(ignore_rule, "ignore_rule", ("exclude", "background"))
        super().__init__(**metric)
        self.polarity: Polarity = polarity
        self.ignore_rule: IgnoreRule = ignore_rule
        self.add_state("curve_units", torch.zeros(LEVELS, dtype=torch.int64), dist_reduce_fx="sum")
        for name in ("defined", "pictures"):
            self.add_state(name, torch.tensor(0), dist_reduce_fx="sum")
        # Part of the state, so that MetricCollection never takes metrics with other rules for the same one.
        settings = torch.tensor([polarity == "oracle", ignore_rule == "background"], dtype=torch.int64)
        self.add_state("settings", settings, dist_reduce_fx="max")

    @property
    def update_called(self) -> bool:
        """Always true: without pictures the answer is NaN, which says it; torchmetrics would warn on top."""
        return True

    def update(self, prediction: Mask, truth: Mask, ignore: Mask | None = None) -> None:
        """Add pictures."""
        curves = f_curve(prediction, truth, ignore=ignore, polarity=self.polarity, ignore_rule=self.ignore_rule)
        # Sums of whole numbers are exact in any order and on any number of processes.
        self.curve_units += (curves.nan_to_num(0) * self._UNITS_PER_ONE).round().long().sum(0).to(self.device)
        self.defined += (~curves.isnan().any(1)).sum().to(self.device)
        self.pictures += len(curves)

    def compute(self) -> dict[str, Tensor]:
        """Max-F and where it is reached."""
        best, level = self.curve_units.max(0)
        return {
            "max_f": ratio(best, self.defined) / self._UNITS_PER_ONE,
            "level": level,
            "undefined": self.pictures - self.defined,
            "pictures": self.pictures,
        }


def _curves(prediction: Mask, true: Bool[Tensor, "b 1 h w"], kept: Bool[Tensor, "b 1 h w"]) -> FCurves:
    precision = torch.float32 if prediction.device.type == "mps" else torch.float64
    # The complement of an 8-bit mask, in single precision, may lie just below its level.
    level = (prediction.to(precision) * (LEVELS - 1) + 1e-3).floor().long()
    picture = torch.arange(len(true), device=true.device)[:, None, None, None]
    bins = (picture * 2 + true) * LEVELS + level
    counts = torch.bincount(bins[kept], minlength=len(true) * 2 * LEVELS).reshape(-1, 2, LEVELS)
    at_least = counts.flip(2).cumsum(2).flip(2)
    true_positive, positive = at_least[:, 1], at_least.sum(1)
    truth = true_positive[:, :1]
    over, under = BETA_SQUARED
    f = ratio((over + under) * true_positive, over * truth + under * positive)
    return torch.where(truth > 0, f, torch.nan)
