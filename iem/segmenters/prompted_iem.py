"""IEM that is told where the object is: a start, and pixels that stay in or out. Needs no weights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from iem import presets
from iem.checks import check_image, check_number, check_range
from iem.images import short_side
from iem.interfaces import Callback, Image, Mask, Objective, Progress, Prompt, Proposal, Refiner, Regions, Scores
from iem.maximise import maximise
from iem.optimisers import BoundaryAscent, Constrained
from iem.presets import Preset
from iem.prompts import Box, CoarseMask, Points, Scribble
from iem.refiners import GuidedFilter
from iem.segmenters.constraints import Constraints


@final
@dataclass(frozen=True)
class PromptedIEM:
    """The masks that a preset's search finds from starts that the prompts suggest, under what they say for certain.

    Clicks and strokes keep the pixels around them in or out at every step, a box keeps out what lies beyond it. The
    search starts from several masks: the one that it finds unprompted, discs around what is marked as the object, the
    ellipse in the box, a coarse mask. What it makes of them are the proposals, scored by

        objective - frame_weight * share of the picture's frame that the mask covers,

    without the second term where a box says how far the object reaches. Several prompts are about one object and hold
    together: more clicks refine. Without any, the answer is the mask of ``iem.segment``.

    Args:
        preset: "best", "paper", or a ``Preset`` that moves by ``BoundaryAscent``.
        size: short side at which to search, in pixels, at least 8; nothing is enlarged.
        touch: radius around a click that is certain, as a share of the short side; 2 pixels at least.
        discs: radii of the discs to start from, as shares of the short side.
        frame_weight: see above.

    >>> from iem.prompts import Points
    >>> image = torch.full((1, 3, 96, 96), 0.2); image[..., 20:60, 10:40] = 0.9
    >>> best = PromptedIEM()(image, [Points([(30, 40)])])[0].mask > 0.5
    >>> bool((best == (image[:, :1] > 0.5)).all())
    True
    """

    preset: str | Preset = "best"
    size: int = 128
    touch: float = 0.03
    discs: Sequence[float] = (0.15, 0.25, 0.35, 0.45)
    frame_weight: float = 1.0

    def __post_init__(self) -> None:
        settings = self.settings
        if not isinstance(settings.optimiser, BoundaryAscent):
            raise ValueError(
                f"preset: expected one that moves its mask by BoundaryAscent, got {settings.name!r}; take best or paper"
            )
        check_number(self.size, "size", low=8, integer=True)
        check_number(self.touch, "touch", low=0, high=1)
        check_number(self.frame_weight, "frame_weight", low=0)
        for radius in self.discs:
            check_number(radius, "discs", low=0, high=1)

    @property
    def settings(self) -> Preset:
        """The preset."""
        return presets.get(self.preset) if isinstance(self.preset, str) else self.preset

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
        assert isinstance(settings.optimiser, BoundaryAscent)
        reduced = short_side(image, self.size, enlarge=False)
        objective = OnePicture(settings.objective.prepare(reduced))
        first = settings.initialiser(reduced)
        found = maximise(
            objective, settings.optimiser, reduced, first, max_steps=settings.max_steps, callback=callback
        ).mask
        refiner = settings.refiner or GuidedFilter()
        if settings.refiner is None and reduced.shape == image.shape:
            refiner = _AsItIs()
        return PromptedPicture(self, settings.optimiser, settings.max_steps, refiner, reduced, objective, found)

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
        self.check(prompts, (int(image.shape[-2]), int(image.shape[-1])))
        return self.prepare(image, callback=callback)(image, prompts, callback=callback)

    def check(self, prompts: Sequence[Prompt], size: tuple[int, int]) -> None:
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
    ascent: BoundaryAscent
    max_steps: int
    refiner: Refiner
    reduced: Image
    objective: Objective
    unprompted: Mask

    @property
    def answers(self) -> tuple[type, ...]:
        """All that says where the object is."""
        return self.segmenter.answers

    def __call__(self, image: Image, prompts: Sequence[Prompt], *, callback: Callback | None = None) -> list[Proposal]:
        """See ``PromptedIEM``; ``image`` is the picture that this was prepared for."""
        full = (int(image.shape[-2]), int(image.shape[-1]))
        self.segmenter.check(prompts, full)
        size = (int(self.reduced.shape[-2]), int(self.reduced.shape[-1]))
        if not prompts:
            found = self.unprompted
            keep, out = torch.zeros(2, 1, 1, *full, dtype=torch.bool)
            weight = self.segmenter.frame_weight
        else:
            drawn = Constraints.of(prompts, full, size)
            short = min(size)
            radius = max(2.0, self.segmenter.touch * short)
            weight = 0.0 if any(isinstance(prompt, Box) for prompt in prompts) else self.segmenter.frame_weight
            starts = torch.cat(list(self._starts(drawn, short))).to(image.dtype)
            optimiser = Constrained(self.ascent, drawn.inside(radius), drawn.outside(radius))
            leader = _Leader(callback, weight) if callback is not None else None
            found = maximise(
                self.objective,
                optimiser,
                self.reduced.expand(len(starts), -1, -1, -1),
                starts,
                max_steps=self.max_steps,
                callback=leader,
            ).mask
            at_full = Constraints.of(prompts, full, full)
            keep, out = at_full.inside(0), at_full.outside(0)
        proposals = []
        for mask in _distinct(found):
            score = float(self.objective(self.reduced, mask)) - weight * float(frame_share(mask))
            if float(mask.sum()) > 0:
                refined = self.refiner(image, mask)
                refined = torch.where(keep, 1, torch.where(out, 0, refined))
                proposals.append(Proposal(refined, score))
        return sorted(proposals, key=lambda proposal: -proposal.score)

    def _starts(self, drawn: Constraints, short: int) -> Iterator[Tensor]:
        boxed = not bool(drawn.box.all())
        found = self.unprompted >= 0.5
        if drawn.coarse is not None:
            yield drawn.coarse & drawn.box
        else:
            yield found & drawn.box
        if boxed:
            yield drawn.ellipse()
        if bool(drawn.marked.any()):
            for share in self.segmenter.discs:
                yield drawn.inside(share * short)


@dataclass(frozen=True)
class OnePicture:
    """An objective that was prepared for one picture, for any number of masks of it."""

    prepared: Objective

    def prepare(self, image: Image) -> Objective:
        """Itself."""
        return self

    def __call__(self, image: Image, mask: Regions) -> Scores:
        """``[b]``, one number per mask."""
        return torch.cat([self.prepared(image[:1], one[None]) for one in mask])

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        """Of every mask."""
        found = [self.prepared.value_and_gradient(image[:1], one[None]) for one in mask]
        return torch.cat([score for score, _ in found]), torch.cat([gradient for _, gradient in found])


@dataclass(frozen=True)
class _AsItIs:
    def __call__(self, image: Image, mask: Mask) -> Mask:
        return mask


@dataclass(frozen=True)
class _Leader:
    """Shows a callback the mask that leads."""

    callback: Callback
    weight: float

    def __call__(self, progress: Progress) -> None:
        score = progress.score.nan_to_num(-torch.inf) - self.weight * frame_share(progress.mask)
        row = int(score.argmax())
        one = slice(row, row + 1)
        self.callback(
            Progress(progress.step, progress.max_steps, progress.mask[one], progress.score[one], progress.moved[one])
        )


def frame_share(mask: Mask) -> Scores:
    """The share of the picture's outermost pixels that are in the mask.

    >>> mask = torch.zeros(1, 1, 4, 4); mask[..., :2, 1] = 1
    >>> frame_share(mask)
    tensor([0.0833])
    """
    frame = torch.ones(mask.shape[-2:], dtype=torch.bool, device=mask.device)
    frame[1:-1, 1:-1] = False
    return mask[:, 0, frame].mean(1)


def _distinct(masks: Mask) -> Iterator[Mask]:
    kept: list[Mask] = []
    for mask in masks:
        if not any(bool((mask == other).all()) for other in kept):
            kept.append(mask)
            yield mask[None]
