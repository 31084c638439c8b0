"""PaintSeg's adversarial masked contrastive painting: a mask shrinks and grows by what painters can reproduce."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, final, runtime_checkable

import torch
from jaxtyping import Bool
from torch import Tensor

from iem.checks import check_choice, check_mask, check_number
from iem.interfaces import Image, Inpainter, Mask, Objective, Refiner
from iem.optimisers.boxes import Window, around, pieces, window
from iem.optimisers.clustering import cluster_centres, nearest_centre
from iem.optimisers.crosses import closed, dilated, opened, scaled_cross
from iem.optimisers.painting_state import PaintingState, Points

PromptKind = Literal["coarse", "box", "scribble", "point"]
_CLUSTERED_FINELY = {"box": 1, "point": 3}  #: so many steps begin with three clusters


@runtime_checkable
class TwoPainters(Objective, Protocol):
    """An objective that shows its painters and its measure; ``iem.objectives.Contrast`` is one."""

    def painter(self, *, inside: bool) -> Inpainter:
        """What paints the foreground away (``inside``), or the background."""
        ...

    def distance(self, painted: Image, image: Image) -> Mask:
        """How far each pixel of the painting is from the picture."""
        ...


@final
@dataclass(frozen=True)
class AlternatingPainting:
    """Adversarial masked contrastive painting (AMCP): five steps, in turn inside and outside the mask.

    Li et al., *PaintSeg: training-free segmentation via painting*, NeurIPS 2023, arXiv 2305.19406, with the numbers of
    the authors' program. Both painters always see the original picture; d is the contrast of ``iem.objectives``::

        I-step:  h = M dilated                  C = {d in the cluster with the largest centre}
                 M' = C and (M dilated)                              what could not be painted stays: M shrinks
        O-step:  h = a ring around M            C = {d in the cluster with the smallest centre}
                 M' = M or (C and a narrower ring)                   what could be painted joins: M grows
        then     M' is kept within the valid box (the start's bounding box times 1.25), opened and closed

    Each step looks at five crops, the bounding box of M times 1.1, each shifted by some pixels. The differences of all
    five are clustered together, by k-means in one dimension, and a pixel is in C if more than half of the crops that
    show it say so. A painter with a ``seed`` paints a picture for each crop, with seeds of its own; any other paints
    the same every time, so it paints once. k is 2; at the first step from a box, and the first three from points, 3.

    From points, the start mask marks them: the search begins with the whole picture, the O-step's hole is the whole
    background, and a Gaussian bump at each point (sigma a fifth of the crop's height and width together) is added to d,
    or subtracted at O-steps, with the weight 0.2, 0.16, 0.12, ... of the range of d.

    Sizes in pixels are stated for a picture whose long side is ``reference``, and scale with it. Run as
    ``maximise(Contrast(...), AlternatingPainting(), image, mask, max_steps=5)``. Five steps are an answer, so the
    status is MAX_STEPS, or EMPTY where nothing was left. The score is watched, not followed: it may fall.

    What differs from the authors' program:

    * k-means finds the best clusters without chance, instead of Lloyd's from random values.
    * Pictures are neither padded to a square nor resized, crops neither stretched to squares.
    * The differences are smoothed by a ``refiner`` of the mask, if one is given, not by a dense CRF; its weight is the
      same.
    * Boxes contain their last row and column; an empty mask stays empty instead of stopping the program.
    * One point is the mean of the marked pixels; there, the row and the column of one pixel were averaged.
    * Shifts and seeds depend on ``seed`` and the step alone, so a batch equals a loop.
    * The running mean that the program keeps and never uses is left out.

    Args:
        prompt: what the start mask is: "coarse", "box", "scribble" or "point" (its pieces mark the points).
        crops: of each step.
        shift: crops move by -shift to shift - 1 pixels.
        refiner: smooths the mask for the weighted mean ``(1 - refine_weight) d + refine_weight refined``, with the
            latter brought to the range of d; as from a background mask at O-steps. None: d alone.
        refine_weight: see ``refiner``.
        reference: long side of the picture that pixels are stated for.
        seed: of shifts and paintings.
        score: compute the objective before each step, which takes two more paintings; False leaves NaN.

    >>> from iem.inpainters import Mean
    >>> from iem.maximise import maximise
    >>> from iem.objectives import Contrast
    >>> image = torch.zeros(1, 3, 64, 64); image[..., 20:44, 24:48] = 1.0
    >>> loose = torch.zeros(1, 1, 64, 64); loose[..., 14:50, 18:54] = 1.0
    >>> solution = maximise(Contrast(Mean()), AlternatingPainting("box"), image, loose, max_steps=1)
    >>> bool((solution.mask == image[:, :1]).all())
    True
    """

    prompt: PromptKind = "coarse"
    crops: int = 5
    shift: int = 4
    refiner: Refiner | None = None
    refine_weight: float = 0.2
    reference: int = 512
    seed: int = 0
    score: bool = True

    def __post_init__(self) -> None:
        check_choice(self.prompt, "prompt", ("coarse", "box", "scribble", "point"))
        check_number(self.crops, "crops", low=1, integer=True)
        check_number(self.shift, "shift", low=0, integer=True)
        check_number(self.refine_weight, "refine_weight", low=0, high=1)
        check_number(self.reference, "reference", low=8, integer=True)
        check_number(self.seed, "seed", low=0, high=2**31, integer=True)

    def init(self, mask: Mask) -> PaintingState:
        """Start from a mask; what is at least one half counts as foreground."""
        check_mask(mask)
        if mask.shape[1] != 1:
            raise ValueError(f"mask: expected one channel, got {mask.shape[1]}; paint regions one by one")
        hard = mask >= 0.5
        points = tuple(pieces(one) if self.prompt == "point" else mask.new_zeros(0, 2) for one in hard)
        if self.prompt == "point":
            hard = hard.flatten(1).any(1)[:, None, None, None].expand_as(hard)
        boxes, valid = around(hard), torch.zeros_like(mask)
        for i in range(len(mask)):
            rows, columns = window(boxes[i], 1.25, _size(mask))
            valid[i, :, rows, columns] = 1
        count = torch.zeros(len(mask), dtype=torch.long, device=mask.device)
        nothing = mask.new_full((len(mask),), torch.nan)
        return PaintingState(hard.to(mask.dtype), nothing, count, count, valid, boxes, points)

    @torch.no_grad()
    def step(self, objective: Objective, image: Image, state: PaintingState) -> PaintingState:
        """One step of every picture.

        Raises:
            TypeError: an objective without painters.
        """
        if not isinstance(objective, TwoPainters):
            raise TypeError(
                f"objective: expected one that paints, got {type(objective).__name__.removeprefix('_Prepared')}; "
                "use iem.objectives.Contrast"
            )
        inside, old = state.turn % 2 == 0, state.mask >= 0.5
        cross = partial(scaled_cross, scale=self._scale(old))
        score = objective(image, state.mask) if self.score else torch.full_like(state.score, torch.nan)
        boxes = around(old) if inside else state.boxes
        if inside:
            hole = dilated(old, *cross(1, 4))
        else:
            hole = ~old if self.prompt == "point" else ~old & dilated(old, *cross(7, 1))
        paintings = self._paintings(objective.painter(inside=inside), image, hole.to(image.dtype), state.turn)
        chosen = torch.zeros_like(old)
        # Nothing shrinks to less than nothing, and nothing grows out of it.
        for i in old.flatten(1).any(1).nonzero().flatten().tolist():
            row = torch.tensor([i], device=old.device)
            crops = self._crops(boxes[i], old, state.turn)
            paintings_of_one = [painted[i : i + 1] for painted in paintings]
            chosen[i] = self._vote(objective, image[i : i + 1], paintings_of_one, crops, state.select(row))[0]
        chosen &= (state.valid >= 0.5) & dilated(old, *cross(12 if self.prompt == "point" else 2, 4))
        smooth = cross(2, 1)
        new = closed(opened(chosen if inside else old | chosen, *smooth), *smooth)
        moved, gone = (new ^ old).flatten(1).sum(1), ~new.flatten(1).any(1)
        mask = new.to(state.mask.dtype)
        return PaintingState(mask, score, moved, gone.long(), state.valid, boxes, state.points, state.turn + 1)

    def _scale(self, mask: Tensor) -> float:
        return max(_size(mask)) / self.reference

    def _paintings(self, painter: Inpainter, image: Image, hole: Mask, turn: int) -> Sequence[Image]:
        """One for each crop."""
        seed = getattr(painter, "seed", None)
        if not isinstance(seed, int):
            return [painter(image, hole)] * self.crops
        first = seed + self.seed + turn * self.crops
        return [_reseeded(painter, first + i)(image, hole) for i in range(self.crops)]

    def _crops(self, box: Tensor, mask: Tensor, turn: int) -> Sequence[Window]:
        shifts = torch.zeros(self.crops)
        if self.shift:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + turn)
            shifts = torch.randint(-self.shift, self.shift, (self.crops,), generator=generator) * self._scale(mask)
        # At O-steps the authors' program scales the box of the step before once more, which makes room for the ring.
        factor = 1.1 if turn % 2 == 0 else 1.1**2
        return [window(box, factor, _size(mask), round(float(shift))) for shift in shifts]

    def _clusters(self, turn: int) -> int:
        return 3 if turn < _CLUSTERED_FINELY.get(self.prompt, 0) else 2

    def _vote(
        self,
        objective: TwoPainters,
        image: Image,
        paintings: Sequence[Image],
        crops: Sequence[Window],
        state: PaintingState,
    ) -> Bool[Tensor, "1 1 h w"]:
        """Which pixels of one picture most of the crops that show them put into the cluster of the turn."""
        inside = state.turn % 2 == 0
        differences = []
        for painted, (rows, columns) in zip(paintings, crops, strict=True):
            picture, side = image[..., rows, columns], state.mask[..., rows, columns]
            difference = objective.distance(painted[..., rows, columns], picture).to(side.dtype)
            if self.refiner is not None:
                refined = self.refiner(picture, side if inside else 1 - side).to(side.dtype)
                refined = refined * (difference.amax() - difference.amin()) + difference.amin()
                difference = (1 - self.refine_weight) * difference + self.refine_weight * refined
            if self.prompt == "point":
                weight = max(0.2 - 0.04 * state.turn, 0.0) * (1 if inside else -1)
                difference = difference + weight * _bump(difference, state.points[0], rows.start, columns.start)
            differences.append(difference)
        pooled = torch.cat([difference.flatten() for difference in differences])
        centres = cluster_centres(pooled[pooled.isfinite()], self._clusters(state.turn))
        votes, shown = torch.zeros_like(state.mask), torch.zeros_like(state.mask)
        for difference, (rows, columns) in zip(differences, crops, strict=True):
            wanted = len(centres) - 1 if inside else 0
            votes[..., rows, columns] += (nearest_centre(difference, centres) == wanted) & difference.isfinite()
            shown[..., rows, columns] += 1
        return 2 * votes > shown


def _size(mask: Tensor) -> tuple[int, int]:
    return int(mask.shape[2]), int(mask.shape[3])


def _reseeded(painter: Inpainter, seed: int) -> Inpainter:
    """The same painter with another seed; networks that it has loaded are shared, not loaded again."""
    other = object.__new__(type(painter))
    other.__dict__.update({**vars(painter), "seed": seed})
    return other


def _bump(difference: Mask, points: Points, top: int, left: int) -> Mask:
    """Gaussians at the points, in the range of the differences; ``top`` and ``left`` say where these were cut out."""
    height, width = _size(difference)
    rows = torch.arange(height, device=difference.device)[:, None] + top
    columns = torch.arange(width, device=difference.device) + left
    total = torch.zeros_like(difference)
    for row, column in points:
        far = (rows - row) ** 2 + (columns - column) ** 2
        total += torch.exp(-far / (2 * ((height + width) / 5) ** 2)).to(total.dtype)
    return total * (difference.amax() - difference.amin()) + difference.amin()
