"""Small objects: a segmenter that searches a reduced picture sees them better in a part of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from iem.interfaces import FeatureMap, Image, Prompt, Proposal, Segmenter
from iem.prompts import Box, Points, Scribble, Size

_AROUND = 0.5  #: of a box's long side: what is seen on every side of it
_WORTHWHILE = 0.5  #: a window of a larger share of the picture shows hardly more than the picture
_CLICK_SHARES = (0.5, 0.25)  #: of the short side, of the windows around clicks
# The two below were chosen among eight pairs on the very pictures that they were measured on: 12 coins, of which 8 are
# told to be small, 20 pasted objects of 2 % of the area (6), and 72 pictures whose objects are mostly large (2, wrongly
# on one of 24 flowers).
_AGREEMENT = 0.6  #: IoU of what was found in both, from which on it is the same
_TOUCHING = 0.1  #: share of a window's frame that an object in it may cover


@dataclass(frozen=True)
class Window:
    """A part of a picture, in pixels; right and bottom are the first that are not in it."""

    left: int
    top: int
    right: int
    bottom: int

    def share(self, size: Size) -> float:
        """Of a picture of ``size``, (height, width)."""
        return (self.right - self.left) * (self.bottom - self.top) / (size[0] * size[1])

    def cut(self, image: FeatureMap) -> FeatureMap:
        """``[1, c, bottom - top, right - left]``."""
        return image[..., self.top : self.bottom, self.left : self.right]

    def moved(self, prompts: Sequence[Prompt]) -> tuple[Prompt, ...]:
        """What the prompts say of the window; clicks beside the object that are beyond it say nothing there."""
        found: list[Prompt] = []
        for prompt in prompts:
            if isinstance(prompt, Box):
                left, top = max(prompt.left, self.left) - self.left, max(prompt.top, self.top) - self.top
                right, bottom = min(prompt.right, self.right) - self.left, min(prompt.bottom, self.bottom) - self.top
                found.append(Box(left, top, right, bottom))
            elif isinstance(prompt, Points):
                near = [
                    ((x - self.left, y - self.top), positive)
                    for (x, y), positive in zip(prompt.xy, prompt.positive, strict=True)
                    if self.left <= x < self.right and self.top <= y < self.bottom
                ]
                if near:
                    found.append(Points([xy for xy, _ in near], [positive for _, positive in near]))
            elif isinstance(prompt, Scribble):
                found.append(Scribble([(x - self.left, y - self.top) for x, y in prompt.points], prompt.width))
        return tuple(found)

    def pasted(self, proposal: Proposal, size: Size) -> Proposal:
        """A proposal for the window as one for the picture."""
        mask = torch.zeros(1, 1, *size, dtype=proposal.mask.dtype, device=proposal.mask.device)
        mask[..., self.top : self.bottom, self.left : self.right] = proposal.mask
        return Proposal(mask, proposal.score, proposal.label)


def window_of_box(prompts: Sequence[Prompt], size: Size) -> Window | None:
    """Where to look for what is in a small box; None without a box, or where that is most of the picture.

    >>> window_of_box([Box(40, 40, 60, 50)], (200, 300))
    Window(left=30, top=30, right=70, bottom=60)
    >>> window_of_box([Box(0, 0, 150, 200)], (200, 300)) is None
    True
    """
    boxes = [prompt for prompt in prompts if isinstance(prompt, Box)]
    if len(boxes) != 1 or not all(isinstance(prompt, Box | Points | Scribble) for prompt in prompts):
        return None
    box = boxes[0]
    reach = _AROUND * max(box.right - box.left, box.bottom - box.top)
    window = _within((box.left - reach, box.top - reach, box.right + reach, box.bottom + reach), size)
    inside = all(_holds(box, x, y) for x, y in _marks(prompts))
    return window if inside and window.share(size) <= _WORTHWHILE else None


def windows_of_clicks(prompts: Sequence[Prompt], size: Size) -> Iterator[Window]:
    """Where what is clicked on may be small, the larger window first; none with a box, which says how large it is.

    >>> [(each.left, each.right) for each in windows_of_clicks([Points([(150, 100)])], (200, 300))]
    [(100, 200), (125, 175)]
    """
    marks = list(_marks(prompts))
    if not marks or any(isinstance(prompt, Box) for prompt in prompts):
        return
    low, high = (tuple(kind(each[axis] for each in marks) for axis in (0, 1)) for kind in (min, max))
    for share in _CLICK_SHARES:
        reach = share * min(size) / 2
        if max(high[0] - low[0], high[1] - low[1]) > reach:
            return  # the marks themselves say that it is larger
        middle = tuple((low[axis] + high[axis]) / 2 for axis in (0, 1))
        window = _within((middle[0] - reach, middle[1] - reach, middle[0] + reach, middle[1] + reach), size)
        if window.share(size) <= _WORTHWHILE:
            yield window


def zoomed(segmenter: Segmenter, image: Image, prompts: Sequence[Prompt], window: Window) -> list[Proposal]:
    """What a segmenter finds in a window, of the picture's size.

    Args:
        segmenter: not prepared for the picture.
        image: ``[1, 3, h, w]``, the whole picture.
        prompts: in pixels of the whole picture.
        window: where to look.
    """
    size = (int(image.shape[2]), int(image.shape[3]))
    return [window.pasted(each, size) for each in segmenter(window.cut(image), window.moved(prompts))]


def is_small(closer: Sequence[tuple[Window, Proposal]]) -> bool:
    """Whether an object lies wholly in the smallest of the windows around clicks.

    So it is if the searches in both windows, which are independent, found nearly the same, and that hardly touches the
    smaller window's frame. Of things that are larger than it hardly any passes.

    Args:
        closer: windows, the larger first, and what was found in them, as masks of the whole picture.
    """
    if len(closer) < len(_CLICK_SHARES):
        return False
    one, other = ((proposal.mask > 0.5).float() for _, proposal in closer[-2:])
    smallest = closer[-1][0].cut(other)
    frame = torch.ones(smallest.shape[-2:], dtype=torch.bool, device=smallest.device)
    frame[1:-1, 1:-1] = False
    common, either = (one * other).sum(), torch.maximum(one, other).sum()
    return bool(common > _AGREEMENT * either) and bool(smallest[..., frame].mean() < _TOUCHING)


def _marks(prompts: Sequence[Prompt]) -> Iterator[tuple[float, float]]:
    """All that is said to be on the object."""
    for prompt in prompts:
        if isinstance(prompt, Points):
            yield from (xy for xy, positive in zip(prompt.xy, prompt.positive, strict=True) if positive)
        elif isinstance(prompt, Scribble):
            yield from prompt.points


def _holds(box: Box, x: float, y: float) -> bool:
    return box.left <= x < box.right and box.top <= y < box.bottom


def _within(edges: tuple[float, float, float, float], size: Size) -> Window:
    height, width = size
    left, top = max(0, round(edges[0])), max(0, round(edges[1]))
    right, bottom = min(width, round(edges[2])), min(height, round(edges[3]))
    return Window(left, top, max(right, left + 1), max(bottom, top + 1))
