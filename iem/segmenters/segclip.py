"""SegCLIP: everything is segmented, and what fits the words best is taken."""

import math
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, final

import torch
from scipy import ndimage

from iem.checks import check_choice, check_number
from iem.interfaces import Image, Mask, Prompt, Proposal, Refiner, Segmenter
from iem.prompts import Text
from iem.refiners import Grow
from iem.segmenters.clip_ranker import CLIPRanker, Ranker
from iem.segmenters.crops import BACKGROUNDS, Background, cut_out
from iem.segmenters.networks import check_picture
from iem.segmenters.sam import SAM
from iem.segmenters.words import one_text

_STEPS = 100  #: of the whole, half of them while everything is being segmented
_REACH = 3.0  #: of the blur, in its sigmas


@final
@dataclass(frozen=True)
class SegCLIP:
    """SegCLIP (Rehman, *Paint from noise: mask-free image inpainting with diffusion models*, Imperial College, 2023).

    Everything in the picture is segmented, each piece is cut out, and a ranker says how well the words describe it. The
    published method takes the best piece, and so can take but one object. With a ``threshold``, a ``margin``, or both,
    all pieces that fit are united: the union is proposed first, then each of them, and if none fits, nothing.

    At last the mask is grown and its edge is blurred, as published (by how much is not): paint over an exact mask picks
    up what is left of the object along the edge. For the mask itself, set ``grow=None`` and ``blur=0``.

    Args:
        segmenter: any that proposes everything when it is asked without a prompt, such as ``SAM(...)``, or
            ``RegionsOf(...)`` for a function; or the folder or name of a SAM network.
        ranker: any ``(crops, text) -> scores``, such as ``CLIPRanker(...)``; or the folder or name of a CLIP network.
        threshold: least score of what fits; with CLIP a cosine, of about 0.2 to 0.35 for what does. None: no least.
        margin: how much less than the best score may be that of what fits; with CLIP, 0.01 to 0.03. None: no matter.
        most: proposals at most, besides the union.
        most_area: pieces that cover more than this share of the picture are left out: as a rule the words fit the whole
            picture, too.
        background: of a piece that is cut out: "grey", "mean" for the picture's mean colour, "keep" for what is there.
        context: around a piece's bounding box, as a share of its longer side.
        side: of what is cut out, in pixels.
        grow: of the masks proposed; None leaves them.
        blur: sigma of the Gaussian over their edge, as a share of the picture's short side; the masks are then soft,
            and nowhere less than they were. 0 for none.
        batch: pieces that are ranked at a time.
        device: where networks given by name run, such as "cuda"; None: where the picture is.
        on_step: called with (step, steps); what it raises ends the search.

    Raises:
        ValueError: no such folder, a number out of its range; at the first picture, weights that are not here.
        ImportError: the extra ``features`` is not installed.

    >>> import torch
    >>> from iem.segmenters import RegionsOf
    >>> halves = RegionsOf(lambda image: [(image[:, :1] > 0.5).float(), (image[:, :1] <= 0.5).float()])
    >>> brightness = lambda crops, text: crops.mean((1, 2, 3)) * (1 if text == "bright" else -1)
    >>> find = SegCLIP(halves, brightness, grow=None, blur=0)
    >>> proposals = find(torch.tensor([0.0, 1.0]).expand(1, 3, 1, 2), [Text("dark")])
    >>> [proposal.mask.flatten().tolist() for proposal in proposals]
    [[1.0, 0.0], [0.0, 1.0]]
    """

    segmenter: Segmenter | Path | str = "sam-vit-base"
    ranker: Ranker | Path | str = "clip-vit-base-patch16"
    _: KW_ONLY
    threshold: float | None = None
    margin: float | None = None
    most: int = 5
    most_area: float = 0.9
    background: Background = "grey"
    context: float = 0.1
    side: int = 224
    grow: Refiner | None = Grow(0.01)
    blur: float = 0.005
    batch: int = 32
    device: str | None = None
    on_step: Callable[[int, int], None] | None = field(default=None, repr=False, compare=False)
    _finder: Any = field(default=None, init=False, repr=False, compare=False)
    _judge: Any = field(default=None, init=False, repr=False, compare=False)

    answers: ClassVar[tuple[type, ...]] = (Text,)

    def __post_init__(self) -> None:
        for name in ("threshold", "margin"):
            if (value := getattr(self, name)) is not None:
                check_number(value, name, low=0 if name == "margin" else -math.inf)
        check_number(self.most, "most", low=1, integer=True)
        check_number(self.most_area, "most_area", low=0, high=1)
        check_choice(self.background, "background", BACKGROUNDS)
        check_number(self.context, "context", low=0, high=10)
        check_number(self.side, "side", low=1, high=4096, integer=True)
        check_number(self.blur, "blur", low=0, high=1)
        check_number(self.batch, "batch", low=1, integer=True)
        object.__setattr__(self, "_finder", self._made_finder())
        object.__setattr__(self, "_judge", self._made_judge())

    def load(self, device: torch.device | str = "cpu") -> None:
        """Load the networks now, so that what is wrong with them is known before any other work.

        Args:
            device: of the pictures to come.
        """
        for part in (self._finder, self._judge):
            if hasattr(part, "load"):
                part.load(device)

    def prepare(self, image: Image) -> "PreparedSegCLIP":
        """The same segmenter for this picture alone, ``[1, 3, h, w]`` in [0, 1], everything in it segmented once."""
        check_picture(image)
        pieces = []
        for proposal in self._finder(image, []):
            area = int((proposal.mask >= 0.5).sum())
            if 0 < area <= self.most_area * image.shape[2] * image.shape[3]:
                pieces.append(proposal.mask)
        crops = cut_out(image, pieces, side=self.side, margin=self.context, background=self.background)
        return PreparedSegCLIP(self, image, pieces, crops)

    def __call__(self, image: Image, prompts: Sequence[Prompt]) -> list[Proposal]:
        """What fits the words, the best first; soft masks if their edge is blurred.

        Args:
            image: ``[1, 3, h, w]`` in [0, 1].
            prompts: one ``Text``.

        Raises:
            TypeError: not a floating-point tensor.
            ValueError: another shape, values outside [0, 1], no text or several, a text too long for the ranker, or a
                segmenter that does not propose everything.
        """
        check_picture(image)
        text = one_text(prompts, "SegCLIP")
        if hasattr(self._judge, "check"):
            self._judge.check(text, image.device)  # before the minutes that everything takes
        return self.prepare(image)(image, prompts)

    def _made_finder(self) -> Any:
        if not isinstance(self.segmenter, str | Path):
            if not callable(self.segmenter):
                raise _no_part("segmenter", "a segmenter, or the folder or name of a SAM network", self.segmenter)
            return self.segmenter
        try:
            return SAM(self.segmenter, device=self.device, on_step=self._on_segmented)
        except ValueError as error:
            raise ValueError(f"segmenter{str(error).removeprefix('model')}") from None

    def _made_judge(self) -> Any:
        if isinstance(self.ranker, str | Path):
            return CLIPRanker(self.ranker, batch=self.batch, device=self.device)
        if not callable(self.ranker):
            raise _no_part("ranker", "a function (crops, text) -> scores, or the folder or name of CLIP", self.ranker)
        return self.ranker

    def _on_segmented(self, step: int, steps: int) -> None:
        if self.on_step is not None:
            self.on_step(_STEPS // 2 * step // steps, _STEPS)


@final
@dataclass(frozen=True, eq=False)
class PreparedSegCLIP:
    """``SegCLIP`` for one picture; see ``SegCLIP.prepare``.

    Attributes:
        settings: those of the segmenter.
        image: ``[1, 3, h, w]``, the picture.
        pieces: ``[1, 1, h, w]`` each, all that was found in it.
        crops: ``[n, 3, side, side]``, how the ranker sees them.
    """

    settings: SegCLIP
    image: Image
    pieces: Sequence[Mask]
    crops: Image

    answers: ClassVar[tuple[type, ...]] = (Text,)

    def __call__(self, image: Image, prompts: Sequence[Prompt]) -> list[Proposal]:
        """See ``SegCLIP.__call__``; ``image`` is the picture that this was prepared for."""
        text = one_text(prompts, "SegCLIP")
        if image.shape != self.image.shape:
            raise ValueError(
                f"image: expected the picture that this was prepared for, {list(self.image.shape)}, got "
                f"{list(image.shape)}; prepare it anew"
            )
        if not self.pieces:
            return []
        scores = self.scores(text)
        order = scores.argsort(descending=True, stable=True).tolist()
        chosen, union = self._fitting(scores, order), []
        if self._unites and len(chosen) > 1:
            hard = torch.stack([self.pieces[i] for i in chosen]).amax(0)
            union = [Proposal(self._finished(hard), float(scores[chosen[0]]), text)]
        each = [Proposal(self._finished(self.pieces[i]), float(scores[i]), text) for i in chosen[: self.settings.most]]
        return union + each

    def scores(self, text: str) -> torch.Tensor:
        """How well the words describe each of the pieces, ``[n]``."""
        batches, found = self.crops.split(self.settings.batch), []
        for step, crops in enumerate(batches, 1):
            some = torch.as_tensor(self.settings._judge(crops, text)).detach().float().cpu()
            if some.shape != (len(crops),) or not bool(some.isfinite().all()):
                raise ValueError(
                    f"ranker: expected {len(crops)} finite scores, one for each crop, got "
                    f"{'NaN or infinity' if some.shape == (len(crops),) else f'shape {list(some.shape)}'}; check it"
                )
            found.append(some)
            if self.settings.on_step is not None:
                self.settings.on_step(_STEPS // 2 + math.ceil(_STEPS / 2 * step / len(batches)), _STEPS)
        return torch.cat(found)

    @property
    def _unites(self) -> bool:
        return self.settings.threshold is not None or self.settings.margin is not None

    def _fitting(self, scores: torch.Tensor, order: list[int]) -> list[int]:
        least = -math.inf if self.settings.threshold is None else self.settings.threshold
        if self.settings.margin is not None:
            least = max(least, float(scores.max()) - self.settings.margin)
        return [i for i in order if float(scores[i]) >= least]

    def _finished(self, mask: Mask) -> Mask:
        mask = mask.to(self.image)
        if self.settings.grow is not None:
            mask = self.settings.grow(self.image, mask)
        sigma = self.settings.blur * min(mask.shape[2:])
        if sigma == 0:
            return mask
        blurred = ndimage.gaussian_filter(mask[0, 0].cpu().float().numpy(), sigma, mode="nearest", truncate=_REACH)
        return torch.maximum(mask, torch.from_numpy(blurred)[None, None].to(mask).clamp(0, 1))


def _no_part(name: str, expected: str, got: object) -> TypeError:
    return TypeError(f"{name}: expected {expected}, got {type(got).__name__}; give one")
