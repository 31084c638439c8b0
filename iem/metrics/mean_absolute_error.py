"""Mean absolute error of soft masks, the usual companion of F in salient object detection."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from iem.checks import check_choice
from iem.interfaces import Mask, Scores
from iem.metrics.confusion import IgnoreRule, Polarity, ratio, threshold


def mean_absolute_error(
    prediction: Mask,
    truth: Mask,
    *,
    ignore: Mask | None = None,
    polarity: Polarity = "fixed",
    ignore_rule: IgnoreRule = "exclude",
) -> Scores:
    """Mean over the pixels of ``|P - T|``, per picture in [0, 1]; smaller is better (Perazzi et al., CVPR 2012).

    The prediction is not thresholded, the truth is, at one half. With ``polarity="oracle"`` it is the *smaller* error
    of the mask and of its complement, ``min(e, 1 - e)``. Other arguments and errors are those of
    ``iem.metrics.overlap.iou``; a picture that is ignored as a whole has the error NaN.

    >>> truth = torch.tensor([[[[1.0, 0.0]]]])
    >>> soft = torch.tensor([[[[0.25, 0.75]]]])
    >>> mean_absolute_error(soft, truth).item(), mean_absolute_error(soft, truth, polarity="oracle").item()
    (0.75, 0.25)
    """
    check_choice(polarity, "polarity", ("fixed", "oracle"))
    check_choice(ignore_rule, "ignore_rule", ("exclude", "background"))
    threshold(prediction, prediction, "prediction")
    true = threshold(truth, prediction, "truth")
    kept = torch.ones_like(true) if ignore is None else ~threshold(ignore, prediction, "ignore")
    true = true & kept
    if ignore_rule == "background":
        kept = torch.ones_like(true)
    precision = torch.float32 if prediction.device.type == "mps" else torch.float64
    off = (prediction.to(precision) - true.to(precision)).abs().masked_fill(~kept, 0)
    error = ratio(off.flatten(1).sum(1), kept.flatten(1).sum(1))
    return torch.minimum(error, 1 - error) if polarity == "oracle" else error


class BinaryMeanAbsoluteError(Metric):
    """Mean over pictures of ``mean_absolute_error``, with the polarity rule in the name of the argument.

    ``compute`` gives ``mae_image_mean``, ``mae_undefined`` (pictures whose error is NaN; the mean leaves them out) and
    ``pictures``, their number. No picture at all gives NaN.

    Raises:
        ValueError: a rule has another name; ``update`` raises what ``mean_absolute_error`` does.

    >>> metric = BinaryMeanAbsoluteError(polarity="oracle")
    >>> metric.update(torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 1.0]]]]))
    >>> metric.compute()["mae_image_mean"].item()
    0.0
    """

    _UNITS_PER_ONE = 2**40

    full_state_update = False
    is_differentiable = False
    higher_is_better = False

    error_units: Tensor
    defined: Tensor
    pictures: Tensor
    settings: Tensor

    def __init__(self, *, polarity: Polarity = "fixed", ignore_rule: IgnoreRule = "exclude", **metric: Any) -> None:
        check_choice(polarity, "polarity", ("fixed", "oracle"))
        check_choice(ignore_rule, "ignore_rule", ("exclude", "background"))
        super().__init__(**metric)
        self.polarity: Polarity = polarity
        self.ignore_rule: IgnoreRule = ignore_rule
        for name in ("error_units", "defined", "pictures"):
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
        errors = mean_absolute_error(
            prediction, truth, ignore=ignore, polarity=self.polarity, ignore_rule=self.ignore_rule
        )
        # Sums of whole numbers are exact in any order and on any number of processes.
        units = (errors.nan_to_num(0) * self._UNITS_PER_ONE).round().long()
        self.error_units += units.sum().to(self.device)
        self.defined += (~errors.isnan()).sum().to(self.device)
        self.pictures += len(errors)

    def compute(self) -> dict[str, Tensor]:
        """The mean by name."""
        return {
            "mae_image_mean": ratio(self.error_units, self.defined) / self._UNITS_PER_ONE,
            "mae_undefined": self.pictures - self.defined,
            "pictures": self.pictures,
        }
