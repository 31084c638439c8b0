"""How a data set's pictures and masks become what is searched and scored: size, crop, resampling, polarity."""

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from iem import images
from iem.checks import check_choice, check_number

Resampling = Literal["nearest", "antialiased"]
Polarity = Literal["oracle", "fixed"]


@final
@dataclass(frozen=True)
class EvaluationProtocol:
    """A rule of evaluation, which every data set takes by name or as a value.

    Three have names:

    * ``"paper"``: as published. The shorter side is brought to 128 pixels by the nearest pixel and the square in the
      middle is cut out, both exactly as the loader of ReDO (github.com/mickaelChen/ReDO, ``datasets.py``), which the
      program of IEM uses too, does it with torchvision and Pillow; values are those stored in the file, whatever its
      colour profile; every mask counts, also one without foreground. The published scores take, picture by picture,
      the better of a mask and its complement (``polarity="oracle"``).
    * ``"fixed"``: stricter, as in the literature on saliency. The whole picture at its own size, with no pixel of the
      true mask lost; with a size, the shorter side is brought to it with an antialiasing filter. A mask stands for
      itself: what is called foreground is compared with foreground (``polarity="fixed"``).
    * ``"square"``: pictures as they are; with a size, the antialiased square in the middle.

    Both polarities are always measured; ``polarity`` says which one is the headline.

    Args:
        name: what reports call it.
        size: pixels of the shorter side where the data set is not given a size; None for pictures as they are.
        crop: cut out the square in the middle (needs a size), or keep the whole picture.
        resampling: "nearest" or "antialiased", for pictures; masks are always resampled by the nearest pixel.
        polarity: the headline score, "oracle" or "fixed".
        stored_values: take colours as stored rather than converted to sRGB.
        keeps_empty: whether a mask that is all background or all foreground counts, or is a problem to be listed.

    >>> get_protocol("paper").size, get_protocol("paper").polarity
    (128, 'oracle')
    >>> get_protocol("fixed").fit(torch.zeros(1, 3, 30, 60), 10).shape
    torch.Size([1, 3, 10, 20])
    """

    name: str
    size: int | None = None
    crop: bool = True
    resampling: Resampling = "antialiased"
    polarity: Polarity = "oracle"
    stored_values: bool = False
    keeps_empty: bool = False

    def __post_init__(self) -> None:
        if self.size is not None:
            check_number(self.size, "size", low=1, integer=True)
        check_choice(self.resampling, "resampling", ("nearest", "antialiased"))
        check_choice(self.polarity, "polarity", ("oracle", "fixed"))

    def fit(self, image: Float[Tensor, "b c h w"], size: int | None = None) -> Float[Tensor, "b c new_h new_w"]:
        """The picture as it is searched; ``size`` replaces the protocol's own."""
        size = self.size if size is None else size
        if size is None:
            return image
        if self.resampling == "nearest":
            return _nearest(image, size, self.crop)
        return images.square(image, size) if self.crop else images.short_side(image, size)

    def fit_mask(self, mask: Float[Tensor, "b c h w"], size: int | None = None) -> Float[Tensor, "b c new_h new_w"]:
        """The mask as it is scored, of the same size as its picture."""
        size = self.size if size is None else size
        if size is None:
            return mask
        if self.resampling == "nearest":
            return _nearest(mask, size, self.crop)
        if self.crop:
            return images.square_mask(mask, size)
        shape = images.short_side(mask, size).shape
        return images.resize_mask(mask, (shape[2], shape[3]))


#: The protocols that have names.
PROTOCOLS = (
    EvaluationProtocol(
        "paper", size=128, resampling="nearest", polarity="oracle", stored_values=True, keeps_empty=True
    ),
    EvaluationProtocol("fixed", crop=False, polarity="fixed"),
    EvaluationProtocol("square"),
)


def get_protocol(protocol: str | EvaluationProtocol) -> EvaluationProtocol:
    """The protocol of a name; a value is returned as it is.

    Raises:
        ValueError: an unknown name.

    >>> get_protocol("strict")
    Traceback (most recent call last):
    ...
    ValueError: protocol: expected one of paper, fixed, square, got 'strict'
    """
    if isinstance(protocol, EvaluationProtocol):
        return protocol
    known = {each.name: each for each in PROTOCOLS}
    check_choice(protocol, "protocol", tuple(known))
    return known[protocol]


def _nearest(values: Tensor, size: int, crop: bool) -> Tensor:
    """Shorter side to ``size`` and the middle, by the very pixels that torchvision's Resize and CenterCrop take."""
    rows, columns = (_places(side, min(values.shape[2:]), size, crop) for side in values.shape[2:])
    return values[:, :, rows][:, :, :, columns]


def _places(side: int, short: int, size: int, crop: bool) -> Tensor:
    """Which pixels of a side are kept. Pillow is asked, for its rounding is its own."""
    target = int(size * side / short)
    row = Image.fromarray(np.arange(side, dtype=np.int32)[None])
    places = np.array(row.resize((target, 1), Image.Resampling.NEAREST))[0]
    if crop:
        first = round((target - size) / 2)  # to the even number where it is halfway, as Python rounds
        places = places[first : first + size]
    return torch.from_numpy(places.astype(np.int64))
