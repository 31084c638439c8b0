"""Pixels of each kind: what all scores of a mask against the truth are read off."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from iem.checks import check_choice, check_mask, check_range
from iem.interfaces import Counts, Mask, Scores

Polarity = Literal["fixed", "oracle"]  #: the mask as it is, or the larger score of the mask and its complement
IgnoreRule = Literal["exclude", "background"]  #: ignored pixels are not counted, or are background of the truth


@dataclass(frozen=True)
class Confusion:
    """Pixels of each kind, one entry per picture; all scores of this page are read off it."""

    true_positive: Counts
    false_positive: Counts
    false_negative: Counts
    true_negative: Counts

    def complement(self) -> "Confusion":
        """The counts of the complement of the prediction; ignored pixels stay ignored."""
        return Confusion(self.false_negative, self.true_negative, self.true_positive, self.false_positive)

    def fraction(self, name: str, polarity: Polarity = "fixed") -> tuple[Counts, Counts]:
        """Numerator and denominator of one of ``FRACTIONS``, in the better polarity of each picture if it is an oracle.

        >>> one = torch.ones(1, 1, 2, 2)
        >>> confusion(0 * one, one).fraction("accuracy", "oracle")
        (tensor([4]), tensor([4]))
        """
        check_choice(name, "name", tuple(FRACTIONS))
        check_choice(polarity, "polarity", ("fixed", "oracle"))
        fixed = FRACTIONS[name](self)
        if polarity == "fixed":
            return fixed
        flipped = FRACTIONS[name](self.complement())
        # If either is undefined so is the larger of the two: an empty mask of an empty truth must not become a 0.
        flip = (ratio(*flipped) > ratio(*fixed)) | (flipped[1] == 0)
        return torch.where(flip, flipped[0], fixed[0]), torch.where(flip, flipped[1], fixed[1])

    def iou(self, polarity: Polarity = "fixed") -> Scores:
        """See ``iem.metrics.overlap.iou``."""
        return ratio(*self.fraction("iou", polarity))

    def dice(self, polarity: Polarity = "fixed") -> Scores:
        """See ``iem.metrics.overlap.dice``."""
        return ratio(*self.fraction("dice", polarity))

    def accuracy(self, polarity: Polarity = "fixed") -> Scores:
        """See ``iem.metrics.overlap.accuracy``."""
        return ratio(*self.fraction("accuracy", polarity))

    def miou(self, polarity: Polarity = "fixed") -> Scores:
        """See ``iem.metrics.overlap.miou``."""
        background = ratio(*self.fraction("background_iou", polarity))
        return (self.iou(polarity) + background) / 2

    def scores(self, polarity: Polarity = "fixed") -> dict[str, Scores]:
        """All four by name, in the order iou, dice, accuracy, miou.

        >>> one = torch.ones(1, 1, 2, 2)
        >>> {name: score.item() for name, score in confusion(one, one).scores().items()}
        {'iou': 1.0, 'dice': 1.0, 'accuracy': 1.0, 'miou': nan}
        """
        return {
            "iou": self.iou(polarity),
            "dice": self.dice(polarity),
            "accuracy": self.accuracy(polarity),
            "miou": self.miou(polarity),
        }


def confusion(
    prediction: Mask, truth: Mask, *, ignore: Mask | None = None, ignore_rule: IgnoreRule = "exclude"
) -> Confusion:
    """Count the pixels of each kind, per picture; arguments and errors are those of ``iem.metrics.overlap.iou``.

    >>> confusion(torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[1.0, 1.0]]]])).false_negative.tolist()
    [1]
    """
    check_choice(ignore_rule, "ignore_rule", ("exclude", "background"))
    predicted = threshold(prediction, prediction, "prediction")
    true = threshold(truth, prediction, "truth")
    if ignore is None:
        pixels = torch.full_like(_count(true), true[0].numel())
    else:
        kept = ~threshold(ignore, prediction, "ignore")
        true = true & kept
        if ignore_rule == "exclude":
            predicted = predicted & kept
            pixels = _count(kept)
        else:
            pixels = torch.full_like(_count(true), true[0].numel())
    true_positive, predicted_positive, positive = _count(predicted & true), _count(predicted), _count(true)
    return Confusion(
        true_positive=true_positive,
        false_positive=predicted_positive - true_positive,
        false_negative=positive - true_positive,
        true_negative=pixels - positive - predicted_positive + true_positive,
    )


def threshold(mask: Mask, like: Mask, name: str) -> Tensor:
    """The mask's foreground, ``bool[b, 1, h, w]``: where it is above one half, once it has the shape of ``like``.

    Raises:
        TypeError: not a floating-point tensor.
        ValueError: another shape than ``like``'s, more than one channel, NaN, or values outside [0, 1].

    >>> threshold(torch.tensor([[[[0.5, 0.6]]]]), torch.zeros(1, 1, 1, 2), "mask").tolist()
    [[[[False, True]]]]
    """
    check_mask(mask, name=name)
    if mask.shape[1] != 1:
        raise ValueError(
            f"{name}: expected shape [b, 1, h, w], got {list(mask.shape)}; use iem.metrics.matching for several regions"
        )
    if mask.shape != like.shape:
        raise ValueError(
            f"{name}: expected shape {list(like.shape)} like the prediction, got {list(mask.shape)}; resize one of them"
        )
    check_range(mask, 0.0, 1.0, name)
    return mask > 0.5


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Divide counts in double precision (single where a device has no other); 0/0 is NaN.

    >>> ratio(torch.tensor([1, 0]), torch.tensor([2, 0])).tolist()
    [0.5, nan]
    """
    precision = torch.float32 if numerator.device.type == "mps" else torch.float64
    return numerator.to(precision) / denominator.to(precision)


def _count(pixels: Tensor) -> Counts:
    return pixels.flatten(1).sum(1)


def _iou(c: Confusion) -> tuple[Counts, Counts]:
    return c.true_positive, c.true_positive + c.false_positive + c.false_negative


def _background_iou(c: Confusion) -> tuple[Counts, Counts]:
    return c.true_negative, c.true_negative + c.false_positive + c.false_negative


def _dice(c: Confusion) -> tuple[Counts, Counts]:
    return 2 * c.true_positive, 2 * c.true_positive + c.false_positive + c.false_negative


def _accuracy(c: Confusion) -> tuple[Counts, Counts]:
    right = c.true_positive + c.true_negative
    return right, right + c.false_positive + c.false_negative


FRACTIONS: Mapping[str, Callable[[Confusion], tuple[Counts, Counts]]] = {
    "iou": _iou,
    "background_iou": _background_iou,
    "dice": _dice,
    "accuracy": _accuracy,
}
