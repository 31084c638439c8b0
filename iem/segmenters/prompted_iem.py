"""IEM that is told where the object is: a start, and pixels that stay in or out. Needs no weights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from iem import presets
from iem.checks import check_image, check_number, check_range
from iem.features import Lab, Palette, Stack, Texture, Whitening
from iem.images import resize, short_side
from iem.interfaces import Callback, FeatureMap, Image, Mask, Progress, Prompt, Proposal, Scores
from iem.maximise import maximise
from iem.optimisers import BoundaryAscent, Constrained
from iem.presets import Preset
from iem.prompts import Box, CoarseMask, Points, Scribble, Size
from iem.refiners import GuidedFilter
from iem.segmenters.constraints import Constraints, Pixels
from iem.segmenters.evidence import Evidence, pull
from iem.segmenters.zooming import Window, window_of_box

_HELD = 0.9  #: share of what is marked that a mask holds if it is to count as holding it
_SAME = 0.95  #: IoU of two masks from which on a person would not tell them apart


@final
@dataclass(frozen=True)
class PromptedIEM:
    """The masks that a preset's search finds from starts that the prompts suggest, under what they say for certain.

    Clicks and strokes keep the pixels around them in or out at every step, a box keeps out what lies beyond it. The
    search starts from several masks: the one that it finds unprompted, discs around what is marked as the object, the
    ellipse in the box, a coarse mask. What it makes of them are the proposals, scored by::

        objective - frame_weight * share of the picture's frame that the mask covers
                  + agreement * mean IoU with what the search made of the other starts
                  + trust, if it was made of the unprompted mask and that holds what is marked,

    without the second term where a box says how far the object reaches. What is in a small box is searched in the part
    of the picture around it, where small and thin things are seen better. Several prompts are about one object and
    hold together: more clicks refine. Without any, the answer is the mask of ``iem.segment``.

    Args:
        preset: "best", "paper", or a ``Preset`` that moves by ``BoundaryAscent``.
        size: short side at which to search, in pixels, at least 8; nothing is enlarged.
        most: proposals that are returned at most; of two that are nearly the same, the better one alone.
        touch: radius around a click that is certain, as a share of the short side; 2 pixels at least.
        discs: radii of the discs to start from, as shares of the short side.
        frame_weight: see above.
        agreement: see above.
        trust: see above.
        pull: how strongly pixels that are near a click and look like it follow it, in nats.
        reach: how far, as a share of the short side.
        sharpness: how much they have to look like it, see ``iem.segmenters.evidence.pull``.
        connected: with clicks or strokes, only those pieces of a mask that one of them is on: what merely looks like
            the object elsewhere is not meant.

    >>> from iem.prompts import Points
    >>> image = torch.full((1, 3, 96, 96), 0.2); image[..., 20:60, 10:40] = 0.9
    >>> best = PromptedIEM()(image, [Points([(30, 40)])])[0].mask > 0.5
    >>> bool((best == (image[:, :1] > 0.5)).all())
    True
    """

    preset: str | Preset = "best"
    size: int = 128
    most: int = 3
    touch: float = 0.03
    discs: Sequence[float] = (0.15, 0.25, 0.35, 0.45)
    frame_weight: float = 1.0
    agreement: float = 0.2
    trust: float = 0.02
    pull: float = 2.0
    reach: float = 0.15
    sharpness: float = 1.0
    connected: bool = True

    def __post_init__(self) -> None:
        _ = self.ascent
        check_number(self.size, "size", low=8, integer=True)
        check_number(self.most, "most", low=1, integer=True)
        check_number(self.touch, "touch", low=0, high=1)
        check_number(self.frame_weight, "frame_weight", low=0)
        check_number(self.agreement, "agreement", low=0)
        check_number(self.trust, "trust", low=0)
        check_number(self.pull, "pull", low=0)
        check_number(self.reach, "reach", low=1e-3)
        check_number(self.sharpness, "sharpness", low=0)
        for radius in self.discs:
            check_number(radius, "discs", low=0, high=1)

    @property
    def settings(self) -> Preset:
        """The preset."""
        return presets.get(self.preset) if isinstance(self.preset, str) else self.preset

    @property
    def ascent(self) -> BoundaryAscent:
        """What moves the preset's mask."""
        settings = self.settings
        if not isinstance(settings.optimiser, BoundaryAscent):
            raise ValueError(
                f"preset: expected one that moves its mask by BoundaryAscent, got {settings.name!r}; take best or paper"
            )
        return settings.optimiser

    @property
    def answers(self) -> tuple[type, ...]:
        """All that says where the object is."""
        return (Points, Box, Scribble, CoarseMask)

    def prepare(self, image: Image, *, callback: Callback | None = None) -> "PromptedPicture":
        """The same segmenter for this picture alone, with what does not depend on prompts computed once.

        Args:
            image: ``[1, 3, h, w]`` in [0, 1].
            callback: see ``maximise``: the search without prompts.
        """
        check_image(image)
        if len(image) != 1:
            raise ValueError(
                f"image: expected one picture, [1, 3, h, w], got {list(image.shape)}; give them one by one"
            )
        check_range(image, 0, 1, "image")
        settings = self.settings
        reduced = short_side(image, self.size, enlarge=False)
        objective = Evidence(settings.objective.prepare(reduced))
        first = settings.initialiser(reduced)
        found = maximise(objective, self.ascent, reduced, first, max_steps=settings.max_steps, callback=callback).mask
        # The colours and textures of the preset "best", whatever the preset.
        appearance = Palette(Whitening(Stack([Lab(), Texture(radius=3)])), colours=32, width=0.8)
        return PromptedPicture(self, _size(image), reduced, appearance(reduced), objective, found)

    def __call__(self, image: Image, prompts: Sequence[Prompt], *, callback: Callback | None = None) -> list[Proposal]:
        """Propose masks of the object that the prompts are about, the best first; none of a flat picture.

        Args:
            image: ``[1, 3, h, w]`` in [0, 1].
            prompts: ``Points``, ``Box``, ``Scribble`` and ``CoarseMask``, in pixels (x, y) of ``image``.
            callback: called after every step with a ``Progress`` of one mask, of the reduced size: the one that leads.
                What it raises ends the search.

        Raises:
            TypeError: not a floating-point tensor.
            ValueError: another shape, values outside [0, 1], prompts of another kind, beyond the picture or that
                contradict each other.
        """
        check_image(image)
        self.check(prompts, _size(image))
        return self.prepare(image, callback=callback)(image, prompts, callback=callback)

    def check(self, prompts: Sequence[Prompt], size: Size) -> None:
        """Refuse prompts that it cannot answer for a picture of ``size``, (height, width)."""
        for prompt in prompts:
            if not isinstance(prompt, self.answers):
                raise ValueError(
                    f"prompts: expected Points, Box, Scribble or CoarseMask, got {type(prompt).__name__}, which IEM "
                    "does not understand; for words take clipseg, which `iem models get clipseg` downloads"
                )
        Constraints.of(prompts, size, size)


@dataclass(frozen=True)
class PromptedPicture:
    """``PromptedIEM`` for one picture; see ``PromptedIEM.prepare``."""

    segmenter: PromptedIEM
    size: Size
    reduced: Image
    shares: FeatureMap
    objective: Evidence
    unprompted: Mask

    @property
    def answers(self) -> tuple[type, ...]:
        """All that says where the object is."""
        return self.segmenter.answers

    def __call__(self, image: Image, prompts: Sequence[Prompt], *, callback: Callback | None = None) -> list[Proposal]:
        """See ``PromptedIEM``; ``image`` is the picture that this was prepared for."""
        check_image(image)
        if len(image) != 1 or _size(image) != self.size:
            raise ValueError(
                f"image: expected the picture of {self.size[0]} x {self.size[1]} pixels that it was prepared for, got "
                f"{list(image.shape)}; prepare it anew"
            )
        self.segmenter.check(prompts, self.size)
        # An empty mask is no proposal, and nothing may grow out of it.
        if not prompts:
            scores = self.objective(self.reduced, self.unprompted)
            filled = bool(self.unprompted.any())
            return [Proposal(self._refined(image, self.unprompted), float(scores))] if filled else []
        if (window := window_of_box(prompts, self.size)) is not None:
            seen = None if callback is None else _Pasting(callback, window, self.size, _size(self.reduced))
            inner = self.segmenter(window.cut(image), window.moved(prompts), callback=seen)
            if inner:
                return [window.pasted(each, self.size) for each in inner]
        drawn = Constraints.of(prompts, self.size, _size(self.reduced))
        found, scores = self._searched(drawn, prompts, callback)
        if self.segmenter.connected and bool(drawn.marked.any()):
            found = _pieces(found, drawn.marked)
        certain = Constraints.of(prompts, self.size, self.size)
        inside, outside = certain.inside(0), certain.outside(0)
        proposals = []
        for mask, score in _distinct(found, scores)[: self.segmenter.most]:
            refined = self._refined(image, mask)
            refined = torch.where(inside, 1, torch.where(outside, 0, refined))
            proposals.append(Proposal(refined.to(image.dtype), score))
        return proposals

    def _refined(self, image: Image, mask: Mask) -> Mask:
        refiner = self.segmenter.settings.refiner
        if refiner is None and mask.shape[-2:] == image.shape[-2:]:
            return mask
        return (refiner or GuidedFilter())(image, mask)

    def _searched(
        self, drawn: Constraints, prompts: Sequence[Prompt], callback: Callback | None
    ) -> tuple[Mask, Scores]:
        """What the search makes of every start, and its score."""
        settings, short = self.segmenter, min(_size(self.reduced))
        radius = max(2.0, settings.touch * short)
        boxed = any(isinstance(prompt, Box) for prompt in prompts)
        held = drawn.coarse is None and bool(self.unprompted[drawn.marked].gt(0.5).float().mean() > _HELD)
        rank = _Rank(0.0 if boxed else settings.frame_weight, settings.agreement, settings.trust if held else 0.0)
        bent = Evidence(
            self.objective.prepared,
            pull(
                self.shares,
                drawn.clicked,  # a stroke says enough itself: with its pull added, masks spill over its ends
                drawn.beside,
                weight=settings.pull,
                reach=settings.reach * short,
                sharpness=settings.sharpness,
            ),
        )
        starts = torch.cat(list(self._starts(drawn, short))).to(self.reduced.dtype)
        solution = maximise(
            bent,
            Constrained(settings.ascent, drawn.inside(radius), drawn.outside(radius)),
            self.reduced.expand(len(starts), -1, -1, -1),
            starts,
            max_steps=settings.settings.max_steps,
            callback=None if callback is None else _Leader(callback, rank),
        )
        return solution.mask, rank(solution.mask, solution.score)

    def _starts(self, drawn: Constraints, short: int) -> Iterator[Tensor]:
        found = (self.unprompted >= 0.5 if drawn.coarse is None else drawn.coarse) & drawn.box
        yield found
        if bool(drawn.beside.any()) or int(drawn.marked.sum()) > 1:
            for share in self.segmenter.discs[:2]:  # the first mask, corrected around the clicks
                yield (found | drawn.around(share * short)) & ~drawn.outside(share * short)
        if not bool(drawn.box.all()):
            yield drawn.ellipse()
        if bool(drawn.marked.any()):
            for share in self.segmenter.discs:
                yield drawn.around(share * short)


@dataclass(frozen=True)
class _Rank:
    """What proposals are scored by, see ``PromptedIEM``."""

    frame_weight: float
    agreement: float
    trust: float  #: in the first

    def __call__(self, masks: Mask, scores: Scores) -> Scores:
        ranked = scores - self.frame_weight * frame_share(masks) + self.agreement * _agreement(masks)
        ranked[0] += self.trust
        return ranked


@dataclass(frozen=True)
class _Leader:
    """Shows a callback the mask that leads."""

    callback: Callback
    rank: _Rank

    def __call__(self, progress: Progress) -> None:
        row = int(self.rank(progress.mask, progress.score).argmax())
        one = slice(row, row + 1)
        self.callback(
            Progress(progress.step, progress.max_steps, progress.mask[one], progress.score[one], progress.moved[one])
        )


@dataclass(frozen=True)
class _Pasting:
    """Shows a callback the masks of a window as masks of the reduced picture."""

    callback: Callback
    window: Window
    size: Size
    reduced: Size

    def __call__(self, progress: Progress) -> None:
        scale = self.reduced[0] / self.size[0]
        edges = (self.window.left, self.window.top, self.window.right, self.window.bottom)
        left, top, right, bottom = (round(edge * scale) for edge in edges)
        right, bottom = min(max(right, left + 1), self.reduced[1]), min(max(bottom, top + 1), self.reduced[0])
        mask = progress.mask.new_zeros(len(progress.mask), 1, *self.reduced)
        mask[..., top:bottom, left:right] = resize(progress.mask, (bottom - top, right - left))
        self.callback(replace(progress, mask=mask))


def frame_share(mask: Mask) -> Scores:
    """The share of the picture's outermost pixels that are in the mask.

    >>> mask = torch.zeros(1, 1, 4, 4); mask[..., :2, 1] = 1
    >>> frame_share(mask)
    tensor([0.0833])
    """
    frame = torch.ones(mask.shape[-2:], dtype=torch.bool, device=mask.device)
    frame[1:-1, 1:-1] = False
    return mask[:, 0, frame].mean(1)


def _size(image: Image) -> Size:
    return int(image.shape[-2]), int(image.shape[-1])


def _agreement(masks: Mask) -> Scores:
    """The mean IoU of each mask with the others."""
    flat = masks.flatten(1)
    common = flat @ flat.mT
    area = common.diagonal()
    iou = common / (area + area[:, None] - common).clamp_min(1)
    return (iou.sum(1) - iou.diagonal()) / max(len(masks) - 1, 1)


def _pieces(masks: Mask, marked: Pixels) -> Mask:
    """The 8-connected pieces of each mask that hold a marked pixel."""
    kept = torch.zeros_like(masks)
    for i, mask in enumerate(masks):
        labels, _ = ndimage.label(mask[0].cpu().numpy() >= 0.5, np.ones((3, 3)))
        hit = np.unique(labels[marked[0, 0].cpu().numpy()])
        kept[i, 0] = mask[0] * torch.from_numpy(np.isin(labels, hit[hit > 0])).to(mask)
    return kept


def _distinct(masks: Mask, scores: Scores) -> list[tuple[Mask, float]]:
    """The masks that are not empty, the best first, without those that are nearly the same as a better one."""
    kept: list[tuple[Mask, float]] = []
    for row in scores.argsort(descending=True, stable=True).tolist():
        mask = masks[row : row + 1]
        if bool(mask.any()) and all(float(_agreement(torch.cat([mask, each]))[0]) < _SAME for each, _ in kept):
            kept.append((mask, float(scores[row])))
    return kept
