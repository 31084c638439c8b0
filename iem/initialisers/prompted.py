"""First masks from prompts: a person's, or those that a person might have given."""

from dataclasses import dataclass
from typing import Literal, final

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn import functional

from iem.checks import check_choice, check_image, check_number
from iem.initialisers.square import Square
from iem.interfaces import Image, Initialiser, Mask
from iem.prompts import Box, CoarseMask, Located, Points, Scribble


@final
@dataclass(frozen=True)
class Prompted:
    """The pixels that a prompt covers, in every picture alike.

    Args:
        prompt: in pixels (x, y) of a picture of size ``size``.
        size: (height, width) of that picture; None: of the one that comes. ``iem.segment`` searches pictures at a
            reduced size, so give the original one there.

    Raises:
        ValueError: when called, a prompt that reaches beyond the picture, or that leaves no background.

    >>> from iem.prompts import Box
    >>> Prompted(Box(2, 0, 6, 4), size=(4, 8))(torch.zeros(1, 3, 2, 4))
    tensor([[[[0., 1., 1., 0.],
              [0., 1., 1., 0.]]]])
    """

    prompt: Located
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.prompt, Points | Box | Scribble | CoarseMask):
            raise TypeError(
                f"prompt: expected Points, Box, Scribble or CoarseMask, got {type(self.prompt).__name__}; "
                "take one of iem.prompts"
            )
        if self.size is not None:
            if len(self.size) != 2:
                raise ValueError(f"size: expected (height, width), got {self.size!r}")
            for length in self.size:
                check_number(length, "size", low=1, integer=True)

    def __call__(self, image: Image) -> Mask:
        """The same mask for every picture, 0 or 1."""
        check_image(image)
        new = (int(image.shape[2]), int(image.shape[3]))
        old = new if self.size is None else (self.size[0], self.size[1])
        self.prompt.to_mask(old)  # what is outside is said in the numbers that were given
        mask = (self.prompt if old == new else self.prompt.rescaled(old, new)).to_mask(new)
        if bool(mask.all()):
            raise ValueError(
                f"prompt: expected one that leaves some background, got all {new[0]} x {new[1]} pixels; make it smaller"
            )
        return mask.to(image).repeat(len(image), 1, 1, 1)


@final
@dataclass(frozen=True)
class FromMask:
    """Prompts made of another initialiser's masks, as they are made of true masks to compare methods.

    PaintSeg (Li et al., NeurIPS 2023, arXiv 2305.19406) starts from TokenCut's masks in these ways. Sizes in pixels are
    stated for a picture whose long side is ``reference``, and scale with it:

    * "coarse": the mask itself.
    * "box": its bounding box, filled.
    * "scribble": a line, 15 pixels wide, through ``number`` random pixels of its edge, as far as it is in the mask,
      then dilated by a cross of 5 x 5 pixels.
    * "point": dots of 5 pixels at ``number`` random pixels of the mask, or one at the mean of all. The published
      program means to, but averages one pixel's row and column.

    A box that would be the whole picture leaves its outermost pixels. A source without a foreground gives the centred
    square instead.

    Args:
        source: whose masks.
        kind: "coarse", "box", "scribble" or "point".
        number: of points, for scribbles (at least 2) and points.
        reference: long side of the picture that pixels are stated for.
        seed: of what is drawn; the same for every picture.

    >>> corner = lambda image: torch.eye(6)[None, None].flip(3).triu(-6) * (torch.arange(6) > 2)
    >>> FromMask(corner, "box")(torch.zeros(1, 3, 6, 6))[0, 0, :4].int()
    tensor([[0, 0, 0, 1, 1, 1],
            [0, 0, 0, 1, 1, 1],
            [0, 0, 0, 1, 1, 1],
            [0, 0, 0, 0, 0, 0]], dtype=torch.int32)
    """

    source: Initialiser
    kind: Literal["coarse", "box", "scribble", "point"] = "coarse"
    number: int = 2
    reference: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice(self.kind, "kind", ("coarse", "box", "scribble", "point"))
        check_number(self.number, "number", low=2 if self.kind == "scribble" else 1, integer=True)
        check_number(self.reference, "reference", low=8, integer=True)
        check_number(self.seed, "seed", low=0, integer=True)

    def __call__(self, image: Image) -> Mask:
        """Each picture by itself, 0 or 1."""
        check_image(image)
        found = self.source(image) >= 0.5
        found = torch.where(found.flatten(1).any(1)[:, None, None, None], found, Square()(image) >= 0.5)
        if self.kind == "coarse":
            return _with_background(found).to(image.dtype)
        drawn = [self._drawn(one[0]).to(image) for one in found]
        return torch.cat(drawn) if drawn else found.to(image.dtype)

    def _drawn(self, mask: Bool[Tensor, "h w"]) -> Mask:
        size = (int(mask.shape[0]), int(mask.shape[1]))
        scale = max(size) / self.reference
        rows, columns = mask.nonzero().cpu().T
        if self.kind == "box":
            box = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
            return _with_background(box.to_mask(size) >= 0.5).float()
        if self.kind == "point":
            picked = self._picked(len(rows)) if self.number > 1 else torch.arange(len(rows))
            places = torch.stack([columns[picked], rows[picked]], dim=1) + 0.5
            places = places.mean(0, keepdim=True) if self.number == 1 else places
            dots = Points([(float(x), float(y)) for x, y in places]).to_mask(size, radius=2.5 * scale)
            return _with_background(dots >= 0.5).float()
        edge = mask & ~_eroded(mask)
        rows, columns = edge.nonzero().cpu().T
        picked = self._picked(len(rows))
        corners = [(float(x) + 0.5, float(y) + 0.5) for x, y in zip(columns[picked], rows[picked], strict=True)]
        line = (Scribble(corners, max(1.0, 15 * scale)).to_mask(size)[0, 0] >= 0.5).to(mask.device) & mask
        return _with_background(_crossed(line, round(2 * scale))[None, None]).float()

    def _picked(self, count: int) -> Tensor:
        return torch.randperm(count, generator=torch.Generator().manual_seed(self.seed))[: self.number]


def _with_background(mask: Bool[Tensor, "b 1 h w"]) -> Bool[Tensor, "b 1 h w"]:
    """Without the picture's frame where the mask is full; without all but one pixel where all is frame."""
    inner = torch.zeros_like(mask)
    inner[..., 1:-1, 1:-1] = True
    if not bool(inner.any()):
        inner[..., mask.shape[2] // 2, mask.shape[3] // 2] = True
    return mask & (inner | ~mask.flatten(1).all(1)[:, None, None, None])


def _crossed(mask: Bool[Tensor, "h w"], arm: int) -> Bool[Tensor, "h w"]:
    """Dilated by a cross."""
    values = mask[None, None].float()
    down = functional.max_pool2d(values, (2 * arm + 1, 1), 1, (arm, 0))
    across = functional.max_pool2d(values, (1, 2 * arm + 1), 1, (0, arm))
    return (down + across)[0, 0] > 0


def _eroded(mask: Bool[Tensor, "h w"]) -> Bool[Tensor, "h w"]:
    """Without its edge; beyond the frame is nothing."""
    padded = functional.pad(mask[None, None].float(), (1, 1, 1, 1))
    return ~_crossed(padded[0, 0] < 0.5, 1)[1:-1, 1:-1]
