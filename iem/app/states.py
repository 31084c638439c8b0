"""What one session shows, as frozen values: each change makes a new one, and undoing goes back to an old one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, final

import torch

from iem.app.pngs import OneMask, mask_png, read_png_mask
from iem.app.refusals import Refused
from iem.interfaces import Proposal
from iem.refiners import Grow

Action = Literal["keep", "discard", "grow", "shrink", "invert", "choose"]


@final
@dataclass(frozen=True)
class Candidate:
    """One mask that was proposed.

    Attributes:
        png: the mask, as ``mask_png`` writes it.
        area: its share of the picture, from 0 to 1.
        score: larger is better.
        label: what it is, in words, or empty.
    """

    png: bytes = field(repr=False)
    area: float
    score: float
    label: str = ""

    @staticmethod
    def of(proposal: Proposal) -> "Candidate":
        """The same, encoded."""
        return Candidate(mask_png(proposal.mask), _area(proposal.mask), proposal.score, proposal.label)


@final
@dataclass(frozen=True)
class Shown:
    """The proposal that the user is asked about.

    Attributes:
        candidates: at least one.
        chosen: index of the one that is shown.
        steps: of the search.
        kind: "propose" (candidates for one object) or "find" (an object each).
        prompts: that were given, as they came.
        segmenter: that answered.
        job: whose film shows the search.
    """

    candidates: tuple[Candidate, ...]
    chosen: int = 0
    steps: int = 0
    kind: Literal["propose", "find"] = "propose"
    prompts: tuple[Mapping[str, Any], ...] = ()
    segmenter: str = "iem"
    job: str | None = None

    @property
    def candidate(self) -> Candidate:
        """The chosen one."""
        return self.candidates[self.chosen]


@final
@dataclass(frozen=True)
class Kept:
    """An object that was kept; see ``Candidate`` for ``png`` and ``area``."""

    id: int
    png: bytes = field(repr=False)
    area: float
    label: str
    on: bool = True


@final
@dataclass(frozen=True)
class Outcome:
    """A result.

    Attributes:
        file: the picture, a PNG in the session's folder.
        painter: that painted.
        grow: pixels by which the objects were grown.
        feather: pixels over which the paint faded out.
        seconds: that it took.
        objects: ids of those that were removed.
    """

    file: Path
    painter: str
    grow: int
    feather: int
    seconds: float
    objects: tuple[int, ...]


@final
@dataclass(frozen=True)
class State:
    """One moment of a session."""

    proposal: Shown | None = None
    objects: tuple[Kept, ...] = ()
    result: Outcome | None = None
    next_id: int = 1

    @property
    def on(self) -> tuple[Kept, ...]:
        """The objects that are to be removed."""
        return tuple(each for each in self.objects if each.on)

    def object(self, number: int) -> Kept:
        """The object of that id.

        Raises:
            Refused: there is none.
        """
        for each in self.objects:
            if each.id == number:
                return each
        raise Refused(404, f"there is no object {number}; it may have been deleted in another tab")


def edited(state: State, action: Action, *, pixels: int = 1, index: int = 0) -> State:
    """What an action makes of the proposal.

    Args:
        state: as it is.
        action: "keep" makes an object of the chosen candidate; "discard" drops all of them; "grow" and "shrink" move
            its edge by ``pixels``; "invert" exchanges inside and outside; "choose" shows candidate ``index`` instead.
        pixels: at least 1.
        index: from 0.

    Raises:
        Refused: there is no proposal, no such candidate, or nothing would be left of it.
    """
    shown = state.proposal
    if shown is None:
        raise Refused(409, "there is no proposal; click on an object first")
    if action == "discard":
        return replace(state, proposal=None)
    if action == "keep":
        return _kept(state, shown)
    if action == "choose":
        if index >= len(shown.candidates):
            raise Refused(422, f"index: expected one from 0 to {len(shown.candidates) - 1}, got {index}", field="index")
        return replace(state, proposal=replace(shown, chosen=index))
    mask = read_png_mask(shown.candidate.png)
    changed = 1 - mask if action == "invert" else _moved(mask, pixels if action == "grow" else -pixels)
    area = _area(changed)
    if area == 0:
        left = "inverting leaves nothing" if action == "invert" else f"shrinking by {pixels} pixels leaves nothing"
        raise Refused(422, f"{left} of this mask; take another step", field="action")
    candidate = replace(shown.candidate, png=mask_png(changed), area=area)
    candidates = (*shown.candidates[: shown.chosen], candidate, *shown.candidates[shown.chosen + 1 :])
    return replace(state, proposal=replace(shown, candidates=candidates))


def switched(state: State, number: int, on: bool) -> State:
    """With an object on or off."""
    state.object(number)
    return replace(state, objects=tuple(replace(each, on=on) if each.id == number else each for each in state.objects))


def without(state: State, number: int) -> State:
    """With an object deleted."""
    state.object(number)
    return replace(state, objects=tuple(each for each in state.objects if each.id != number))


def _kept(state: State, shown: Shown) -> State:
    candidate = shown.candidate
    if candidate.area == 0:
        raise Refused(422, "this mask is empty; grow it, or click elsewhere", field="action")
    label = candidate.label or f"object {state.next_id}"
    kept = Kept(state.next_id, candidate.png, candidate.area, label)
    rest = (*shown.candidates[: shown.chosen], *shown.candidates[shown.chosen + 1 :])
    left = None
    if shown.kind == "find" and rest:
        left = replace(shown, candidates=rest, chosen=min(shown.chosen, len(rest) - 1))
    return replace(state, proposal=left, objects=(*state.objects, kept), next_id=state.next_id + 1)


def _moved(mask: OneMask, pixels: int) -> OneMask:
    """Grown, or shrunk; what the picture's edge cuts off goes on beyond it, and stays when the mask shrinks."""
    like = torch.zeros(1, 1, 1, 1).expand(1, 3, *mask.shape[2:])
    grow = Grow(float(abs(pixels)), unit="pixels")
    return grow(like, mask) if pixels > 0 else 1 - grow(like, 1 - mask)


def _area(mask: OneMask) -> float:
    return float((mask >= 0.5).float().mean())
