"""A scene coming apart, as frames of a film."""

import torch

from iem.checks import check_number
from iem.interfaces import Image
from iem.regions import RegionTree
from iem.visualise.region_rounds import Storyboard
from iem.visualise.regions import letter_size

#: Up to so many regions: frames in which each lights up, and in which it then goes. ``film`` keeps 48 unless told.
_PACE = ((5, 2, 3), (8, 2, 2), (12, 2, 1))
_HURRY = (1, 1)


def region_film_frames(tree: RegionTree, *, width: int = 480) -> list[Image]:
    """The photograph; every region as it lights up and is painted away, or is split off; then all with their numbers.

    Every frame differs from the one before. ``film`` gives all the same time; a good pace is::

        frames = region_film_frames(tree)
        film(frames, path, seconds=len(frames) / 6, hold=2, width=480)

    Args:
        tree: what ``peel`` returns.
        width: of the frames, in pixels; their height follows, and is at most twice as much: tall pictures are narrower.

    Returns:
        Pictures ``[1, 3, h, w]`` in [0, 1], all of one size: five to six a region for few regions, two for many.

    Raises:
        ValueError: ``width`` is no whole number from 16 to 8000.

    >>> from iem.regions import SCENE, Region
    >>> scene = Region(SCENE, None, torch.ones(1, 1, 20, 30))
    >>> [frame.shape for frame in region_film_frames(RegionTree(torch.zeros(1, 3, 20, 30), (scene,)), width=48)]
    [torch.Size([1, 3, 32, 48])]
    """
    check_number(width, "width", low=16, high=8000, integer=True)
    h, w = tree.image.shape[2:]
    height, width = max(1, min(round(width * h / w), 2 * width)), max(1, min(width, round(2 * width * w / h)))
    board = Storyboard.of(tree, (height, width))
    found = len(tree.regions) - 1
    if found == 0:
        return [board.photograph]
    flashes, fades = next((pace[1:] for pace in _PACE if found <= pace[0]), _HURRY)
    frames = [board.photograph]
    for tried in tree.rounds:
        if tried.region is None:
            continue
        frames += [board.seen(tried, strength=strength) for strength in (0.8, 0.5)[-flashes:]]
        frames += _fade(frames[-1], board.after(tried), fades)
    frames += _fade(frames[-1], board.drawn(board.partition(), letter=letter_size(height, width)), 3)
    return [frame for i, frame in enumerate(frames) if i == 0 or not torch.equal(frame, frames[i - 1])]


def _fade(first: Image, last: Image, frames: int) -> list[Image]:
    """From one picture to another, which is the last of the frames."""
    return [torch.lerp(first, last, (i + 1) / frames) for i in range(frames)]
