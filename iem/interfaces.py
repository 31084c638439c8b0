"""Every interface and value type of the toolkit, on one page.

Conventions, without exception:

* an **image** is ``float[b, 3, h, w]``, RGB in [0, 1];
* a **mask** is ``float[b, 1, h, w]`` in [0, 1], 1 = foreground;
* **regions** are ``float[b, k, h, w]``, k >= 2 masks that sum to one at every pixel;
* a **hole** has the shape of a mask; 1 = unknown, to be painted;
* a **score** is ``float[b]``: one number per picture, larger is better, never reduced over the batch.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

Image = Float[Tensor, "b 3 h w"]
Mask = Float[Tensor, "b 1 h w"]
Regions = Float[Tensor, "b k h w"]
FeatureMap = Float[Tensor, "b c h w"]
Scores = Float[Tensor, " b"]
Counts = Int[Tensor, " b"]


class Status(str, enum.Enum):
    """How the search for one picture's mask ended."""

    CONVERGED = "converged"  #: a step left the mask as it was
    CYCLING = "cycling"  #: the mask returned to an earlier one; the mask reported is that of the last step asked for
    MAX_STEPS = "max_steps"  #: the steps ran out while the mask was still moving
    EMPTY = "empty"  #: the mask lost its last foreground pixel
    FULL = "full"  #: the mask lost its last background pixel
    CONSTANT = "constant"  #: the picture is one flat colour: nothing to segment, the mask is empty, the score 0
    NONFINITE = "nonfinite"  #: the picture or the score holds NaN or infinity; the mask is empty

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Solution:
    """What ``maximise`` and ``segment`` return: one entry per picture in every field.

    Attributes:
        mask: the final mask, ``[b, 1, h, w]`` in [0, 1] (``[b, k, h, w]`` for k regions).
        score: the objective at ``mask``; 0 where it is undefined (see ``status``), never NaN.
        steps: steps that were run; fewer than allowed once the rest is known to change nothing.
        status: how each search ended.
        history: name -> ``[t, b]``; ``"score"`` is the objective before each step, ``"moved"`` the number of pixels
            that the step changed, and ``"term/<name>"`` the terms of a ``Decomposed`` objective before each step. Rows
            after a picture has settled are NaN.
    """

    mask: Regions
    score: Scores
    steps: Counts
    status: tuple[Status, ...]
    history: Mapping[str, Float[Tensor, "t b"]] = field(default_factory=dict)


@runtime_checkable
class Inpainter(Protocol):
    """Fills a hole: ``(image, hole) -> image``.

    Pixels with hole 0 come back bit-equal; the answer does not depend on pixels with hole 1; a batch equals a loop.
    """

    @property
    def differentiable(self) -> bool:
        """Whether gradients flow from the painted picture to ``hole``."""
        ...

    def __call__(self, image: FeatureMap, hole: Mask) -> FeatureMap:
        """Paint ``image`` where ``hole`` is 1; a soft hole blends."""
        ...


@runtime_checkable
class NormalisedConvolution(Inpainter, Protocol):
    """An inpainter that predicts by a ratio of one linear map: ``phi(x, s) = smooth(x s) / (smooth(s) + floor)``.

    ``x`` are the features, ``s`` = 1 - hole the known part. Knowing the map and its adjoint is all that the closed-form
    gradient of the inpainting error needs.
    """

    @property
    def floor(self) -> float:
        """A constant under the fraction bar; 0 if ``smooth`` itself never vanishes."""
        ...

    def smooth(self, fields: FeatureMap) -> FeatureMap:
        """Apply the linear map to every channel."""
        ...

    def smooth_adjoint(self, fields: FeatureMap) -> FeatureMap:
        """Apply its transpose to every channel."""
        ...


@runtime_checkable
class Features(Protocol):
    """What the objective looks at instead of RGB: ``(image) -> float[b, c, h, w]``."""

    def __call__(self, image: Image) -> FeatureMap:
        """Features of every pixel."""
        ...


@runtime_checkable
class Objective(Protocol):
    """A score of a mask: ``(image, mask) -> score[b]``, larger is better. Pictures do not influence each other."""

    def __call__(self, image: Image, mask: Regions) -> Scores:
        """One number per picture."""
        ...

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        """The score and its derivative with respect to every entry of ``mask``."""
        ...

    def prepare(self, image: Image) -> "Objective":
        """The same objective, with what depends on these pictures alone computed once. May return ``self``."""
        ...


@runtime_checkable
class Decomposed(Objective, Protocol):
    """An objective that is a sum of named terms, which are worth watching one by one."""

    def terms_and_gradient(self, image: Image, mask: Regions) -> tuple[Mapping[str, Scores], Scores, Regions]:
        """Each term without its weight; the score and its gradient, as ``value_and_gradient`` gives them."""
        ...


@runtime_checkable
class Parameterisation(Protocol):
    """Free parameters and the mask they stand for, both ways."""

    def to_mask(self, parameters: Tensor, size: tuple[int, int], sharpness: float = 1.0) -> Regions:
        """The mask of ``size`` (height, width); differentiable with respect to ``parameters``."""
        ...

    def to_parameters(self, mask: Regions) -> Tensor:
        """Parameters whose mask at sharpness 1 is ``mask``, as nearly as they can express it."""
        ...


StateT = TypeVar("StateT", bound="State")


@runtime_checkable
class State(Protocol):
    """What an optimiser carries from step to step: batch first, never written to."""

    @property
    def mask(self) -> Regions:
        """The present mask."""
        ...

    @property
    def score(self) -> Scores:
        """The objective *before* the step that made ``mask``; NaN at first."""
        ...

    @property
    def terms(self) -> Mapping[str, Scores]:
        """The terms of ``score``, by name; none before the first step, or if the objective is not ``Decomposed``."""
        ...

    @property
    def moved(self) -> Counts:
        """Pixels that the last step changed (crossed one half, for soft masks)."""
        ...

    @property
    def period(self) -> Counts:
        """0 while moving; p if the mask will return every p steps from now on (1: it stands still)."""
        ...

    def select(self: StateT, index: Int[Tensor, " n"]) -> StateT:
        """The state of some of the pictures."""
        ...


@runtime_checkable
class Optimiser(Protocol[StateT]):
    """Moves a mask uphill: ``init(mask) -> state``, ``step(objective, image, state) -> state``."""

    def init(self, mask: Regions) -> StateT:
        """The state before the first step."""
        ...

    def step(self, objective: Objective, image: Image, state: StateT) -> StateT:
        """One step. Neither argument is written to."""
        ...


@runtime_checkable
class Initialiser(Protocol):
    """The first mask: ``(image) -> mask``, neither empty nor full."""

    def __call__(self, image: Image) -> Mask:
        """A mask of the picture's size."""
        ...


@runtime_checkable
class Refiner(Protocol):
    """Sharpens or grows a finished mask: ``(image, mask) -> mask`` of the image's size, in [0, 1]."""

    def __call__(self, image: Image, mask: Mask) -> Mask:
        """The refined mask."""
        ...


@runtime_checkable
class Finder(Protocol):
    """Proposes the next region of a scene: ``(image, within) -> mask``.

    A finder may have a method ``prepare(image)``, which returns a finder for that picture alone, with what depends on
    the picture alone computed once; so may a ``SignificanceTest``.
    """

    def __call__(self, image: Image, within: Mask) -> Mask:
        """The part of ``within`` that depends least on the rest of it.

        Args:
            image: ``[1, 3, h, w]``, one picture.
            within: ``[1, 1, h, w]``, 0 or 1: where to look. What lies outside has no influence on where the mask runs.

        Returns:
            ``[1, 1, h, w]`` in [0, 1], 0 outside ``within``; empty if there is nothing to propose.
        """
        ...


@dataclass(frozen=True)
class Verdict:
    """How much a proposed region differs from chance.

    Attributes:
        score: how much the region's own side of its boundary tells of the pixels there; larger is better.
        p_value: the share of chance's masks that score as well.
        significant: whether to accept.
    """

    score: float
    p_value: float
    significant: bool


@runtime_checkable
class SignificanceTest(Protocol):
    """Whether a region could be there by chance: ``(image, mask, within) -> verdict``."""

    def __call__(self, image: Image, mask: Mask, within: Mask) -> Verdict:
        """Judge one proposal; the arguments are those of a ``Finder`` and its answer, cut at one half."""
        ...


@runtime_checkable
class Prompt(Protocol):
    """What a person says about where or what an object is; the kinds of it are in ``iem.prompts``."""

    def rescaled(self, old: tuple[int, int], new: tuple[int, int]) -> "Prompt":
        """The same prompt when a picture of size ``old``, (height, width), is brought to ``new``."""
        ...


@dataclass(frozen=True)
class Proposal:
    """One answer of a ``Segmenter``.

    Attributes:
        mask: ``[1, 1, h, w]`` in [0, 1], of the picture's size.
        score: larger is better; to be compared with those of the same answer alone.
        label: what it is, in words; empty where the segmenter does not know.
    """

    mask: Mask
    score: float
    label: str = ""


@runtime_checkable
class Segmenter(Protocol):
    """Answers prompts about one object of one picture: ``(image, prompts) -> proposals``."""

    @property
    def answers(self) -> tuple[type, ...]:
        """The kinds of prompts that it understands; any other is refused by a ``ValueError``."""
        ...

    def __call__(self, image: Image, prompts: Sequence[Prompt]) -> list[Proposal]:
        """Propose masks of the object.

        Args:
            image: ``[1, 3, h, w]``, one picture.
            prompts: all about the same object, in pixels (x, y) of ``image``; none asks for everything there is, of
                which not every segmenter is capable.

        Returns:
            Sorted by score, the best first; an empty list is an honest answer.
        """
        ...


@dataclass(frozen=True)
class Progress:
    """What a callback of ``maximise`` is shown after each step: the whole batch, settled pictures included."""

    step: int  #: 1 after the first step
    max_steps: int
    mask: Regions  #: after the step
    score: Scores  #: before the step
    moved: Counts


Callback = Callable[[Progress], None]


@dataclass(frozen=True)
class Sample:
    """One labelled picture of a dataset.

    Attributes:
        name: unique in its dataset, stable between runs, fit to be a file's stem.
        image: ``[1, 3, h, w]`` in [0, 1].
        truth: ``[1, 1, h, w]``, 0 or 1.
        ignore: ``[1, 1, h, w]``, 1 = do not score this pixel; None where the dataset has no such map.
        labels: ``int[h, w]``, the region of every pixel; None where the truth has but two, ``truth`` and the rest.
    """

    name: str
    image: Image
    truth: Mask
    ignore: Mask | None = None
    labels: Int[Tensor, "h w"] | None = None


@runtime_checkable
class Dataset(Protocol):
    """Labelled pictures, read one at a time."""

    @property
    def names(self) -> Sequence[str]:
        """The samples' names, in order: what is finished need not be read again."""
        ...

    def __len__(self) -> int:
        """How many."""
        ...

    def __getitem__(self, index: int) -> Sample:
        """The picture at ``index``, 0 <= index < len."""
        ...


@dataclass(frozen=True)
class RunIdentity:
    """What a run is called wherever it is watched.

    Attributes:
        id: fingerprint of the settings: the same run, the same id.
        name: for people.
        folder: where the run writes.
        config: all settings, as plain containers.
        group: runs to be compared, such as those of one sweep.
        job_type: such as "segment" or "ablation".
        tags: for filtering.
        notes: such as the settings that were given on the command line.
    """

    id: str
    name: str
    folder: Path
    config: Mapping[str, Any] = field(default_factory=dict)
    group: str | None = None
    job_type: str = "segment"
    tags: tuple[str, ...] = ()
    notes: str = ""


@runtime_checkable
class Tracker(Protocol):
    """Shows a run while it goes on. It never stops one: whatever happens to the tracker, no method raises."""

    def start(self, identity: RunIdentity) -> None:
        """Begin, or continue the run of that id."""
        ...

    def log(self, step: int, metrics: Mapping[str, float], axis: str = "opt/iter") -> None:
        """One row, at ``step`` of the axis of that name."""
        ...

    def image(self, key: str, step: int, image: Image, masks: Mapping[str, Mask], axis: str = "opt/iter") -> None:
        """A picture, and masks over it by name."""
        ...

    def table(self, key: str, rows: Sequence[Mapping[str, object]]) -> None:
        """A table; all rows have the same columns."""
        ...

    def finish(self, summary: Mapping[str, float], *, failed: bool = False) -> None:
        """End, with the numbers that count."""
        ...
