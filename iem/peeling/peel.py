"""The recursive splitter: a scene is taken apart, region by region."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import torch

from iem.checks import check_choice, check_image, check_number, check_range
from iem.finders import IEM
from iem.inpainters import Harmonic
from iem.interfaces import Finder, Image, Inpainter, Mask, Refiner, SignificanceTest, Verdict
from iem.peeling.joint import refine_jointly
from iem.peeling.shift_test import ShiftTest
from iem.peeling.unite import unite
from iem.refiners import Cleaned, Grow
from iem.regions import SCENE, Region, RegionTree, Round, StopReason

OnRound = Callable[[Round], None]
PartT = TypeVar("PartT")


def peel(
    image: Image,
    *,
    finder: Finder = IEM(),
    refiner: Refiner | None = Cleaned(),
    test: SignificanceTest | None = ShiftTest(),
    grow: Refiner | None = Grow(),
    painter: Inpainter = Harmonic(),
    mode: Literal["paint", "split"] = "paint",
    parts: bool = True,
    repaint: bool = True,
    joint: bool = True,
    min_area: float = 0.01,
    min_new: float = 0.25,
    max_rounds: int = 24,
    callback: OnRound | None = None,
) -> RegionTree:
    """Take a scene apart: find the most independent region, paint it away, look again, until nothing is left to find.

    One round: the finder proposes a mask, the refiner tidies it, it is accepted or refused, recorded, and what was
    accepted is grown into a hole and painted away. The first proposal that is refused ends it. Then, with ``parts``,
    every region and what is left of the scene is looked into: the largest region is divided in two, then the largest
    of all again, until each has refused to be divided. At the end, what has come to be too small, or alike a
    neighbour, is united with it. The mode "split" does only that, and never paints.

    A region that was found on the painted picture and reaches over regions that were painted away before, lies behind
    them: it becomes their parent. A part's parent is the region that it is part of.

    Args:
        image: ``[1, 3, h, w]``, RGB in [0, 1]: one picture.
        finder: proposes a region.
        refiner: of every proposal; None leaves it as it is.
        test: whether it could be there by chance; None accepts all.
        grow: makes the hole of a region; None takes the region itself.
        painter: fills the hole. What it gives is cut off at 0 and 1.
        mode: "paint", or "split" for dividing regions without painting.
        parts: in the mode "paint", whether to look into what was found.
        repaint: whether every round paints all holes of the photograph itself, so that nothing painted is ever a
            source; otherwise one more hole of what the last round painted, as in the published loop.
        joint: whether all boundaries are moved together at the end, see ``refine_jointly``; ids and parents stay.
        min_area: least area of a region, as a share of the picture.
        min_new: least share of a proposal that must not belong to an earlier region; 0 allows any.
        max_rounds: at most; every attempt counts.
        callback: called with each ``Round`` as soon as it is decided; what it raises ends the search.

    Returns:
        The tree. Its regions' masks are disjoint and cover the picture; ids count in the order of finding. A flat or
        non-finite picture has no region, and a reason that says so.

    Raises:
        TypeError: not a floating-point tensor.
        ValueError: another shape, values outside [0, 1], or a setting out of its range.

    >>> image = torch.full((1, 3, 64, 96), 0.5)
    >>> image[:, 0, 12:40, 10:34] = 0.9; image[:, 2, 24:54, 52:84] = 0.9
    >>> tree = peel(image)
    >>> len(tree.regions), tree.reason.value
    (3, 'nothing_found')
    >>> tree.labels()[30, 20] != tree.labels()[30, 60]
    tensor(True)
    """
    check_image(image)
    if len(image) != 1:
        raise ValueError(f"image: expected one picture, [1, 3, h, w], got a batch of {len(image)}; peel each by itself")
    check_choice(mode, "mode", ("paint", "split"))
    check_number(min_area, "min_area", low=0, high=1)
    check_number(min_new, "min_new", low=0, high=1)
    check_number(max_rounds, "max_rounds", low=1, integer=True)
    tree = RegionTree(image, (Region(SCENE, None, torch.ones_like(image[:, :1])),))
    if not bool(image.isfinite().all()):
        return replace(tree, reason=StopReason.NONFINITE)
    check_range(image, 0, 1, "image")
    if bool((image.flatten(2).amax(2) == image.flatten(2).amin(2)).all()):
        return replace(tree, reason=StopReason.CONSTANT)
    test = _prepared(test, image)
    rules = _Rules(finder, refiner, test, grow, painter, repaint, min_area, min_new, max_rounds, callback)
    if mode == "paint":
        tree = _paint_away(tree, rules)
    if mode == "split" or parts:
        tree = _split(tree, rules)
    if joint and len(tree.regions) > 1:
        tree = _moved_jointly(tree)
    return unite(tree, test, min_area) if parts or mode == "split" else tree


@dataclass(frozen=True)
class _Rules:
    """The arguments of ``peel`` that each round needs."""

    finder: Finder
    refiner: Refiner | None
    test: SignificanceTest | None
    grow: Refiner | None
    painter: Inpainter
    repaint: bool
    min_area: float
    min_new: float
    max_rounds: int
    callback: OnRound | None


def _paint_away(tree: RegionTree, rules: _Rules) -> RegionTree:
    image = picture = tree.image
    everything = torch.ones_like(image[:, :1])
    holes = torch.zeros_like(everything)
    while len(tree.rounds) < rules.max_rounds:
        found = rules.finder(picture, everything)
        proposal = found if rules.refiner is None else rules.refiner(picture, found)
        mask = _hard(proposal)
        # The photograph is judged, not the paint.
        refused, verdict = _judge(image, found, mask, tree.regions[SCENE].mask, rules)
        tried = Round(len(tree.rounds) + 1, "paint", SCENE, picture, proposal, verdict, reason=refused)
        if refused is not None:
            return _refuse(tree, tried, rules)
        hole = mask if rules.grow is None else _hard(rules.grow(picture, mask))
        holes = torch.maximum(holes, hole)
        painted = rules.painter(image, holes) if rules.repaint else rules.painter(picture, hole)
        painted = painted.clamp(0, 1)
        tree = _accept(tree, replace(tried, hole=hole, painted=painted), mask, rules)
        picture = painted
    return replace(tree, reason=StopReason.ROUND_LIMIT)


def _split(tree: RegionTree, rules: _Rules) -> RegionTree:
    image, whole = tree.image, set[int]()
    finder = _prepared(rules.finder, image)
    while True:
        area = {each.id: float(each.mask.mean()) for each in tree.regions if each.id not in whole}
        largest = max(area, key=lambda number: area[number], default=SCENE)
        if area.get(largest, 0) < 2 * rules.min_area:
            return tree
        if len(tree.rounds) >= rules.max_rounds:
            return replace(tree, reason=StopReason.ROUND_LIMIT)
        within = tree.regions[largest].mask
        found = finder(image, within)
        proposal = (found if rules.refiner is None else rules.refiner(image, found)) * within
        mask = _hard(proposal)
        refused, verdict = _judge(image, found, mask, within, rules)
        tried = Round(len(tree.rounds) + 1, "split", largest, image, proposal, verdict, reason=refused)
        if refused is None:
            tree = _accept(tree, tried, mask, rules)
        else:
            whole.add(largest)
            tree = _refuse(tree, tried, rules)


def _judge(
    image: Image, found: Mask, mask: Mask, free: Mask, rules: _Rules
) -> tuple[StopReason | None, Verdict | None]:
    """Why the proposal is refused, if it is, and what the test said, if it was asked.

    Args:
        image: the photograph.
        found: by the finder.
        mask: the same, refined and hard.
        free: what no other region holds.
        rules: see ``peel``.
    """
    area, new = float(mask.mean()), mask * free
    if area == 0 or bool((mask >= free).all()):
        return StopReason.NOTHING_FOUND, None
    if min(area, float(_hard(found).mean())) < rules.min_area:
        return StopReason.TOO_SMALL, None
    if float(new.mean()) < rules.min_new * max(area, rules.min_area):
        return StopReason.NOTHING_NEW, None
    if rules.test is None:
        return None, None
    verdict = rules.test(image, new, free)
    return (None if verdict.significant else StopReason.NOT_SIGNIFICANT), verdict


def _accept(tree: RegionTree, tried: Round, mask: Mask, rules: _Rules) -> RegionTree:
    regions = list(tree.regions)
    parent = regions[tried.within]
    score, p_value = (tried.verdict.score, tried.verdict.p_value) if tried.verdict else (0.0, 0.0)
    new = Region(len(regions), parent.id, mask * parent.mask, score, p_value, tried.number)
    regions[parent.id] = replace(parent, mask=parent.mask - new.mask)
    if tried.kind == "paint":  # what was painted away before and lies on the new region is its child
        for each in tree.children(parent.id):
            extent = tree.extent(each.id)
            if float((extent * mask).sum()) > 0.5 * float(extent.sum()):
                regions[each.id] = replace(each, parent=new.id)
    tried = replace(tried, region=new.id)
    if rules.callback is not None:
        rules.callback(tried)
    return replace(tree, regions=(*regions, new), rounds=(*tree.rounds, tried))


def _refuse(tree: RegionTree, tried: Round, rules: _Rules) -> RegionTree:
    if rules.callback is not None:
        rules.callback(tried)
    return replace(tree, rounds=(*tree.rounds, tried), reason=tried.reason or tree.reason)


def _moved_jointly(tree: RegionTree) -> RegionTree:
    labels = refine_jointly(tree.image, tree.labels())
    regions = [replace(each, mask=(labels == each.id).to(each.mask)[None, None]) for each in tree.regions]
    return replace(tree, regions=tuple(regions))


def _hard(mask: Mask) -> Mask:
    return (mask > 0.5).to(mask.dtype)


def _prepared(part: PartT, image: Image) -> PartT:
    """For this picture alone, if the part knows what to prepare."""
    prepare = getattr(part, "prepare", None)
    return part if prepare is None else prepare(image)
