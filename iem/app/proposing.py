"""Jobs that find masks: a segmenter that is given prompts, and peeling, which needs none."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, final

import torch

from iem.app.cores import cores
from iem.app.jobs import Job
from iem.app.photos import WarmPhotos
from iem.app.pngs import OneMask
from iem.app.session import Session
from iem.app.states import Candidate, Shown
from iem.finders import IEM
from iem.images import resize
from iem.inpainters import Harmonic
from iem.interfaces import Finder, Image, Mask, Progress, Prompt, Proposal, Segmenter
from iem.regions import SCENE, RegionTree, Round
from iem.runner.peeler import Peeler, labels_at_full_size
from iem.runner.segmenters import kind_of, make_segmenter
from iem.segmentation import segment

_FRAME_SIDE = 512  # never reached by the searches of IEM
_MOST_CANDIDATES = 24


@final
@dataclass
class Segmenters:
    """Segmenters that were made, of which the last is kept: networks are large. For one thread."""

    made: dict[str, Segmenter] = field(default_factory=dict)

    def get(self, name: str) -> Segmenter:
        """The segmenter of that name."""
        if name not in self.made:
            made = make_segmenter(name)
            self.made = {key: each for key, each in self.made.items() if key == "iem"} | {name: made}
        return self.made[name]


def propose(
    session: Session,
    prompts: Sequence[Prompt],
    given: Sequence[Mapping[str, Any]],
    name: str,
    segmenters: Segmenters,
    warm: WarmPhotos,
) -> Callable[[Job], None]:
    """The job that asks a segmenter about one object; ``given`` are the prompts as they came."""

    def work(job: Job) -> None:
        with cores(network=kind_of(name).takes_weights):
            search(job)

    def search(job: Job) -> None:
        job.tell(0, 0, "reading the photo")
        warmed = warm.get(session)
        segmenter = warmed.prepared.get(name)
        if segmenter is None:
            segmenter = segmenters.get(name)
            prepare = getattr(segmenter, "prepare", None)
            if prepare is not None:
                job.tell(0, 0, "getting to know the photo")
                segmenter = _asked(prepare, job, warmed.image, film=False)
                warmed.prepared[name] = segmenter
        job.tell(0, 0, "searching")
        proposals: list[Proposal] = _asked(segmenter, job, warmed.image, prompts)
        job.check()
        candidates = tuple(Candidate.of(each) for each in proposals[:_MOST_CANDIDATES])
        kind: Literal["propose", "find"] = "propose" if prompts else "find"
        _show(session, job, Shown(candidates, 0, job.step, kind, tuple(given), name, job.id))

    return work


def find(session: Session, warm: WarmPhotos) -> Callable[[Job], None]:
    """The job that takes the picture apart; each region becomes a candidate of its own."""

    def work(job: Job) -> None:
        with cores(network=False):
            search(job)

    def search(job: Job) -> None:
        job.tell(0, 0, "reading the photo")
        image = warm.get(session).image
        peeler = Peeler()
        most = peeler.max_rounds

        def on_round(tried: Round) -> None:
            found = "" if tried.region is None else f", {tried.region} found"
            job.tell(tried.number, most, f"round {tried.number}{found}", mask=_small(tried.proposal))

        watched = replace(peeler, finder=_WatchedFinder(IEM(), job), painter=_WatchedPainter(job))
        tree = watched(image, on_round)
        job.check()
        _show(session, job, Shown(tuple(_candidates(tree, image)), 0, job.step, "find", (), "peel", job.id))

    return work


def _show(session: Session, job: Job, shown: Shown) -> None:
    if not shown.candidates:
        job.message = "nothing was found here; click elsewhere, or draw a box"
        session.change(lambda state: replace(state, proposal=None))
        return
    job.message = ""
    session.change(lambda state: replace(state, proposal=shown))


def _candidates(tree: RegionTree, image: Image) -> list[Candidate]:
    """Each region with all that lies in it, in the order of finding."""
    labels = labels_at_full_size(tree, image)
    found = []
    for region in tree.regions:
        if region.id != SCENE:
            inside = torch.isin(labels, torch.tensor(_family(tree, region.id)))
            mask = inside[None, None].float()
            if bool(inside.any()):
                found.append(Candidate.of(Proposal(mask, region.score, f"region {region.id}")))
    return found[:_MOST_CANDIDATES]


def _family(tree: RegionTree, number: int) -> list[int]:
    return [number, *(each for child in tree.children(number) for each in _family(tree, child.id))]


def _asked(what: Callable[..., Any], job: Job, *arguments: Any, film: bool = True) -> Any:
    """Call it with a callback, where it takes one, that shows the search and ends it."""

    def on_step(progress: Progress) -> None:
        mask = _small(progress.mask[:1, :1]) if film else None
        job.tell(progress.step, progress.max_steps, job.message, mask=mask)

    job.check()
    takes = "callback" in inspect.signature(what).parameters
    return what(*arguments, callback=on_step) if takes else what(*arguments)


def _small(mask: OneMask) -> OneMask:
    height, width = mask.shape[2:]
    scale = min(1.0, _FRAME_SIDE / max(height, width))
    return resize(mask.float(), (max(1, round(height * scale)), max(1, round(width * scale))))


@dataclass(frozen=True)
class _WatchedFinder:
    """``IEM`` that shows its search in whole pictures, and ends when the job is to."""

    finder: IEM
    job: Job

    def prepare(self, image: Image) -> Finder:
        return _WatchedInPicture(self.finder, self.finder.prepare(image), self.job)

    def __call__(self, image: Image, within: Mask) -> Mask:
        return self.prepare(image)(image, within)


@dataclass(frozen=True)
class _WatchedInPicture:
    finder: IEM
    prepared: Finder
    job: Job

    def __call__(self, image: Image, within: Mask) -> Mask:
        self.job.check()
        if not bool((within > 0.5).all()):
            return self.prepared(image, within)
        return segment(image, self.finder.preset, size=self.finder.size, callback=self._on_step).mask

    def _on_step(self, progress: Progress) -> None:
        self.job.tell(self.job.step, self.job.steps, self.job.message, mask=_small(progress.mask))


@dataclass(frozen=True)
class _WatchedPainter:
    job: Job
    painter: Harmonic = Harmonic()
    differentiable: bool = True

    def __call__(self, image: Image, hole: Mask) -> Image:
        self.job.check()
        return self.painter(image, hole)
