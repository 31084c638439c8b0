"""Where the objects are: every prompt goes to a segmenter that understands it, and "auto" to peeling."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from iem.interfaces import Image, Prompt, Proposal, Segmenter
from iem.prompts import Size
from iem.regions import SCENE, RegionTree
from iem.runner.painters import Readiness
from iem.runner.peel_batch import peel_to_cpu
from iem.runner.peel_choices import load_part
from iem.runner.peeler import Labels, Peeler
from iem.runner.region_facts import extent_of
from iem.runner.remove_request import ObjectRequest
from iem.runner.segmenters import SegmenterName, check_answers, kind_of, make_segmenter, readiness
from iem.runner.settings import describe
from iem.segmenters import PromptedIEM
from iem.segmenters.zooming import is_small, windows_of_clicks, zoomed

#: Those that understand words, the one to get first.
_WORDS = (SegmenterName.clipseg, SegmenterName.grounded_sam, SegmenterName.segclip, SegmenterName.mask2former)

Tell = Callable[[str], None]


@dataclass(frozen=True)
class ObjectFinder:
    """Finds objects in pictures.

    Attributes:
        segmenter: its name; None takes IEM, and for words whichever of those that understand them is ready.
        weights: of the segmenter; None for its own.
        device: where to search.
        peeler: finds what nobody pointed at.
        ready: says whether a segmenter could answer now.
        loaded: what was made already, by name.
    """

    segmenter: str | None = None
    weights: str | None = None
    device: str = "cpu"
    peeler: Peeler = field(default_factory=Peeler)
    ready: Callable[[str], Readiness] = readiness
    loaded: dict[str, Segmenter] = field(default_factory=dict)

    def name_for(self, request: ObjectRequest) -> str:
        """The segmenter that is asked.

        Raises:
            ValueError: none understands it, or none that does is ready; one sentence that says what to do.
        """
        if self.segmenter is None and "text" not in request.asks:
            return SegmenterName.iem.value
        if self.segmenter is not None:
            for kind in request.asks:
                check_answers(self.segmenter, kind)
            return self.segmenter
        fitting = [name for name in _WORDS if set(request.asks) <= set(kind_of(name.value).prompts)]
        if not fitting:
            kinds = " and ".join(request.asks)
            raise ValueError(
                f"{request}: no segmenter understands {kinds} of one object together; leave one of them out"
            )
        for name in fitting:
            if self.ready(name.value).ready:
                return name.value
        needs = self.ready(fitting[0].value).needs.removeprefix("needs weights: ")
        raise ValueError(
            f"{request}: finding things by words takes a network, and none is here; `{needs}` gets "
            f"{fitting[0].value}, or point with --click or --box"
        )

    def load(self, request: ObjectRequest) -> str:
        """Make what will answer, with its weights at hand; returns its name.

        Raises:
            ValueError: it cannot answer, or its weights are not there.
            ImportError: an extra is not installed.
        """
        name = self.name_for(request)
        if name not in self.loaded:
            try:
                made = make_segmenter(name, self.weights if self.segmenter is not None else None)
                load_part(made, self.device)
            except ValueError as error:
                key, _, words = str(error).partition(": ")
                raise ValueError(
                    f"segmenter {name}: {words}" if key in kind_of(name).weights else str(error)
                ) from error
            self.loaded[name] = made
        return name

    def settings(self, requests: tuple[ObjectRequest, ...], *, auto: int = 0) -> dict[str, Any]:
        """All that decides which pixels are found."""
        names = [self.load(request) for request in requests]
        made = {name: {**describe(self.loaded[name]), "weights": self.weights} for name in names}
        return {
            "objects": [{"said": str(each), "segmenter": name} for each, name in zip(requests, names, strict=True)],
            "segmenters": made,
            **({"peeler": describe(self.peeler), "regions": auto} if auto else {}),
        }

    def on(self, image: Image, tell: Tell = lambda words: None) -> "PictureFinder":
        """The finder for one picture."""
        return PictureFinder(self, image, tell)


@dataclass(frozen=True)
class PictureFinder:
    """``ObjectFinder`` for one picture; what does not depend on the prompts is computed once.

    Attributes:
        finder: what finds.
        image: ``[1, 3, h, w]``.
        tell: told what is being done.
        prepared: the segmenters that were prepared for this picture, by their ``id``.
    """

    finder: ObjectFinder
    image: Image
    tell: Tell
    prepared: dict[int, Segmenter] = field(default_factory=dict)

    @property
    def size(self) -> Size:
        """(height, width)."""
        return int(self.image.shape[2]), int(self.image.shape[3])

    def candidates(self, request: ObjectRequest) -> list[Proposal]:
        """Masks of one object, the best first, those that hold no pixel left out; none is an honest answer.

        Raises:
            ValueError: a prompt outside the picture, or one that its segmenter does not understand.
        """
        request.check(self.size)
        name = self.finder.load(request)
        self.tell(f"looking for {request}")
        image = self.image.to(self.finder.device)
        with torch.no_grad():
            proposals = list(proposed(self.finder.loaded[name], image, request.prompts, self.prepared))
        return [_hard(each) for each in proposals]

    def regions(self) -> list[Proposal]:
        """What peeling finds, in the order of finding, each with all that lies in it."""
        rounds = iter(range(1, 10_000))
        tree, labels = peel_to_cpu(
            self.image, self.finder.peeler, self.finder.device, lambda _: self.tell(f"round {next(rounds)}")
        )
        return list(_regions(tree, labels, self.image))


def proposed(
    segmenter: Segmenter, image: Image, prompts: tuple[Prompt, ...], prepared: dict[int, Segmenter]
) -> Iterator[Proposal]:
    """What a segmenter proposes for one object, without what is empty.

    IEM searches a reduced picture, where small things are lost. So beside what clicks and strokes bring in the whole
    picture stands the best in each of two smaller parts around them: after it, or before it if they say that the object
    is small.

    Args:
        segmenter: not prepared.
        image: ``[1, 3, h, w]``.
        prompts: about one object.
        prepared: what has been prepared for ``image``; added to.
    """
    for each in _proposed(segmenter, image, prompts, prepared):
        if bool((each.mask > 0.5).any()):
            yield each


def _proposed(
    segmenter: Segmenter, image: Image, prompts: tuple[Prompt, ...], prepared: dict[int, Segmenter]
) -> Iterator[Proposal]:
    size = (int(image.shape[2]), int(image.shape[3]))
    zooms = isinstance(segmenter, PromptedIEM)  # networks see small things at once
    if id(segmenter) not in prepared:
        prepare = getattr(segmenter, "prepare", None)
        prepared[id(segmenter)] = segmenter if prepare is None else prepare(image)
    whole = prepared[id(segmenter)](image, prompts)
    closer = [
        (window, proposal)
        for window in (windows_of_clicks(prompts, size) if zooms else ())
        for proposal in zoomed(segmenter, image, prompts, window)[:1]
    ]
    parts = [proposal for _, proposal in closer]
    yield from [*reversed(parts), *whole] if is_small(closer) else [*whole, *parts]


def apart(regions: Sequence[Proposal], count: int) -> list[Proposal]:
    """The first so many of the regions that are not, for the most part, in those before them.

    >>> whole, part = torch.ones(1, 1, 2, 2), torch.eye(2)[None, None]
    >>> [each.label for each in apart([Proposal(part, 0, "a"), Proposal(whole, 0, "b"), Proposal(part, 0, "c")], 3)]
    ['a', 'b']
    """
    found: list[Proposal] = []
    for each in regions:
        new = each.mask.clone()
        for earlier in found:
            new = new * (1 - earlier.mask)
        if len(found) < count and bool(new.sum() > 0.1 * each.mask.sum()):
            found.append(each)
    return found


def _regions(tree: RegionTree, labels: Labels, image: Image) -> Iterator[Proposal]:
    for region in tree.regions:
        extent = (extent_of(tree, labels, region.id) > 0.5).to(image)
        if region.id != SCENE and bool(extent.any()):
            yield Proposal(extent, region.score, f"region {region.id}")


def _hard(proposal: Proposal) -> Proposal:
    return Proposal((proposal.mask > 0.5).float().cpu(), proposal.score, proposal.label)
