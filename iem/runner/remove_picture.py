"""From a picture's bytes, and what is asked for, to the picture without it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from iem.checks import check_choice, check_number
from iem.images import DEFAULT_MAX_PIXELS, ImageError
from iem.images.errors import printable
from iem.images.originals import Original, read_original
from iem.images.retouching import retouched
from iem.interfaces import Image, Inpainter, Mask, Proposal
from iem.removal import grown_hole, united, usual_feather, usual_grow
from iem.runner.inpaint_file import FORMATS, StepTeller, describe_painter, format_of
from iem.runner.inpaint_masks import Masks, read_hole
from iem.runner.inpaint_picture import Painting, paint
from iem.runner.remove_objects import ObjectFinder, PictureFinder, apart
from iem.runner.remove_products import RemovalProducts
from iem.runner.remove_request import ObjectRequest
from iem.runner.work import Work

MARGIN = 128  #: pixels around each hole that a network sees at least
OnStep = Callable[[Work, str], None]


@dataclass(frozen=True)
class NamedPainter:
    """A painter, what it is called, and how much of a picture it is shown.

    Attributes:
        name: as in ``iem.runner.painters``.
        inpainter: what paints.
        margin: pixels around each hole that it sees at least; None: the whole picture.
        teller: what it tells its steps to, if it does.
    """

    name: str
    inpainter: Inpainter
    margin: int | None = None
    teller: StepTeller = field(default_factory=StepTeller)


@dataclass(frozen=True)
class Marked:
    """An object that is to be removed.

    Attributes:
        mask: ``[1, 1, h, w]``, 0 or 1.
        said: how it was asked for.
        score: the segmenter's; None where it was drawn.
    """

    mask: Mask
    said: str
    score: float | None = None


#: Shows what was found in a picture, and returns what is to be removed; None leaves the picture as it is.
Choose = Callable[[Work, PictureFinder, list[Marked], RemovalProducts], "list[Marked] | None"]


@dataclass(frozen=True)
class RemoveBatch:
    """How to remove things from a batch of files.

    Attributes:
        painters: each paints every picture.
        finder: finds what was asked for.
        requests: the objects, in every picture.
        auto: so many of the regions that peeling finds first; 0 for none.
        masks: masks of what is to be removed, too.
        candidate: which of the masks that are proposed for an object, from 1.
        grow: pixels by which the hole is grown; None for ``usual_grow``.
        feather: pixels over which the paint fades out around that; None for ``usual_feather``.
        device: where to paint.
        format: of the results, see ``InpaintBatch``.
        overwrite: do anew what is finished already.
        max_pixels: refuse larger pictures.
        allow_truncated: use the part of a damaged file that is there.
        choose: asks somebody; None takes what is found.
    """

    painters: tuple[NamedPainter, ...]
    finder: ObjectFinder = field(default_factory=ObjectFinder)
    requests: tuple[ObjectRequest, ...] = ()
    auto: int = 0
    masks: Masks | None = None
    candidate: int = 1
    grow: int | None = None
    feather: int | None = None
    device: str = "cpu"
    format: str = "auto"
    overwrite: bool = False
    max_pixels: int = DEFAULT_MAX_PIXELS
    allow_truncated: bool = False
    choose: Choose | None = None

    def __post_init__(self) -> None:
        check_choice(self.format, "format", FORMATS)
        check_number(self.auto, "auto", low=0, integer=True)
        check_number(self.candidate, "candidate", low=1, integer=True)
        check_number(self.max_pixels, "max_pixels", low=1, integer=True)

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides what the results look like."""
        return {
            "painters": {
                each.name: {**describe_painter(each.inpainter), "margin": each.margin} for each in self.painters
            },
            **self.finder.settings(self.requests, auto=self.auto),
            **{name: getattr(self, name) for name in ("candidate", "grow", "feather", "format")},
            "interactive": self.choose is not None,
        }


@dataclass(frozen=True)
class Removed:
    """One picture without what was to be removed.

    Attributes:
        original: the picture as it was.
        objects: what was removed.
        hole: how much of the paint is seen at every pixel.
        results: painter -> file.
        seconds: painter -> what painting took.
        format: of the files.
        grow: pixels by which the hole was grown.
        feather: pixels over which the paint fades out around that.
    """

    original: Original
    objects: list[Marked]
    hole: Mask
    results: dict[str, bytes]
    seconds: dict[str, float]
    format: str
    grow: int
    feather: int

    @property
    def notices(self) -> list[str]:
        """What the user should know."""
        empty = [] if bool(self.hole.any()) else ["the mask is empty: nothing was painted"]
        return [*self.original.notices, *empty]


def removed_from(
    data: bytes,
    mask: bytes | None,
    work: Work,
    products: RemovalProducts,
    batch: RemoveBatch,
    on_step: OnStep | None = None,
) -> Removed | None:
    """Do one picture in memory.

    Args:
        data: of the picture's file.
        mask: of the mask's file, if there is one.
        work: the picture.
        products: where somebody who is asked is shown what was found.
        batch: what to remove, and how.
        on_step: told how far it is.

    Returns:
        The result; None if somebody who was asked leaves the picture as it is.

    Raises:
        ImageError: a picture or mask that cannot be used, or nothing to remove.
    """
    original = read_original(data, max_pixels=batch.max_pixels, allow_truncated=batch.allow_truncated, name=work.name)
    format_ = format_of(batch.format, original)
    image, alpha = original.image, original.alpha

    def tell(words: str) -> None:
        if on_step is not None:
            on_step(work, words)

    finder = batch.finder.on(image, tell)
    marked = list(_marked(work, finder, mask, batch))
    if batch.choose is not None:
        chosen = batch.choose(work, finder, marked, products)
        if not chosen:
            return None
        marked = chosen
    hole = united(each.mask for each in marked)
    grow = usual_grow(finder.size) if batch.grow is None else batch.grow
    feather = usual_feather(finder.size) if batch.feather is None else batch.feather
    weight = grown_hole(hole, grow=grow, feather=feather)
    if bool((weight > 0).all()):
        raise ImageError(
            work.name,
            f"the hole, grown by {grow} and feathered by {feather} pixels, covers the whole picture, so that nothing "
            "is left to paint from; mark less, or give a smaller --grow",
        )
    results, seconds = dict[str, bytes](), dict[str, float]()
    for painter in batch.painters:
        begun = time.perf_counter()
        painting = _painted(image, hole, painter, alpha, grow, feather, batch.device, tell)
        results[painter.name] = retouched(
            original, painting.image, painting.weight, alpha=painting.alpha, format_=format_
        )
        seconds[painter.name] = time.perf_counter() - begun
    return Removed(original, marked, weight, results, seconds, format_, grow, feather)


def _marked(work: Work, finder: PictureFinder, mask: bytes | None, batch: RemoveBatch) -> Iterator[Marked]:
    """What was asked for; without anybody to ask, that nothing was found is an error."""
    if mask is not None and batch.masks is not None:
        path = batch.masks.file_for(work)
        try:
            hole = read_hole(mask, path, finder.size, invert=False, resize=False, max_pixels=batch.max_pixels)
        except ImageError as error:
            raise ImageError(path, error.reason.replace(", or stretch it with --resize-mask", "")) from error
        yield Marked(hole.float(), f"mask {printable(str(path))}")
    if batch.choose is not None:
        return
    try:
        for request in batch.requests:
            yield _taken(finder.candidates(request), request, batch.candidate)
        if batch.auto:
            regions = apart(finder.regions(), batch.auto)
            if not regions:
                raise ValueError("--auto: nothing stands out in it; point with --click or --box")
            yield from (Marked(each.mask, f"auto {each.label}", each.score) for each in regions)
    except ValueError as error:
        raise ImageError(work.name, str(error)) from error


def _taken(proposals: list[Proposal], request: ObjectRequest, candidate: int) -> Marked:
    if not proposals:
        raise ValueError(f"{request}: nothing was found there; point at another place, or try another --segmenter")
    if candidate > len(proposals):
        count = "one mask was" if len(proposals) == 1 else f"{len(proposals)} masks were"
        raise ValueError(f"{request}: {count} proposed, and --candidate asks for the {candidate}th; give a smaller one")
    proposal = proposals[candidate - 1]
    return Marked(proposal.mask, str(request), proposal.score)


def _painted(
    image: Image,
    hole: Mask,
    painter: NamedPainter,
    alpha: Mask | None,
    grow: int,
    feather: int,
    device: str,
    tell: Callable[[str], None],
) -> Painting:
    def on_window(number: int, count: int) -> None:
        which = f"{painter.name}: " + (f"hole {number} of {count}" if count > 1 else "painting")
        tell(which)
        painter.teller.listener = lambda step, steps: tell(f"{which}, step {step} of {steps}")

    try:
        return paint(
            image,
            hole.to(image),
            painter.inpainter,
            alpha=alpha,
            grow=grow,
            feather=feather,
            margin=painter.margin,
            device=device,
            on_window=on_window,
        )
    finally:
        painter.teller.listener = None
