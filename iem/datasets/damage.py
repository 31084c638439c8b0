"""Pictures of which a part is hidden by something of another picture, so that what is behind it is known."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch

from iem.checks import check_choice, check_image, check_mask, check_number
from iem.interfaces import Image, Mask
from iem.masks.holes import Placement, blob_hole, box_hole, object_hole, soften, thin_hole

Kind = Literal["thin", "box", "blob", "object"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True)
class Damage:
    """A picture with something laid over it.

    Attributes:
        truth: ``[1, 3, h, w]``, what is behind it, too.
        image: likewise, what a camera would see.
        mask: ``[1, 1, h, w]``, 0 or 1: what covers the truth, without its blurred rim.
        cover: how much of it covers each pixel, in [0, 1].
    """

    truth: Image
    image: Image
    mask: Mask
    cover: Mask


def damage(
    truth: Image,
    other: Image,
    shape: Mask,
    *,
    kind: Kind,
    share: float,
    rim_blur: float = 0.0,
    generator: torch.Generator,
) -> Damage:
    """Lay a part of another picture over a picture.

    An object keeps its own colours. What lies on strokes, boxes and blobs is the other picture where it is as large as
    the first. A camera blurs the edges of things, so that around a pasted object there is a rim where both are mixed::

        image = (1 - cover) truth + cover other,    cover = the mask, blurred by ``rim_blur``

    Args:
        truth: ``[1, 3, h, w]`` in [0, 1].
        other: ``[1, 3, h', w']`` in [0, 1], of any size.
        shape: ``[1, 1, h', w']``, the object in it; looked at by "object" alone.
        kind: of the hole, see ``iem.masks.holes``: "thin", "box", "blob" or "object".
        share: of the picture's area, above 0 and at most 1.
        rim_blur: sigma of a Gaussian, in pixels; 0 for an edge as if cut by scissors.
        generator: of all that is drawn at random.

    Raises:
        ValueError: another shape, another kind, or a number out of range.

    >>> truth, other = torch.zeros(1, 3, 20, 30), torch.ones(1, 3, 8, 8)
    >>> found = damage(truth, other, other[:, :1], kind="box", share=0.1, generator=torch.Generator().manual_seed(0))
    >>> torch.equal(found.image[:, :1], found.mask)
    True
    """
    check_image(truth, "truth")
    check_image(other, "other")
    check_mask(shape, like=other, name="shape")
    check_choice(kind, "kind", KINDS)
    check_number(rim_blur, "rim_blur", low=0)
    size = (truth.shape[2], truth.shape[3])
    placement = Placement(size, size, 0, 0)
    if kind == "object":
        mask, placement = object_hole(shape.cpu(), size, share, generator)
    else:
        mask = {"thin": thin_hole, "box": box_hole, "blob": blob_hole}[kind](size, share, generator)
    mask = mask.to(truth)
    cover = soften(mask, rim_blur)
    content = placement(other).to(truth).clamp(0, 1)
    return Damage(truth, (1 - cover) * truth + cover * content, mask, cover)
