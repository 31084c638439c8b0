"""One region of a picture, as if there were no other."""

from torch.nn import functional

from iem.finders.contrast import near
from iem.inpainters.harmonic import Harmonic
from iem.interfaces import Image, Mask


def alone(image: Image, within: Mask) -> Image:
    """The picture with everything outside ``within`` painted over from inside, so that no edge of it shows.

    What lies close to the region's rim may belong to its neighbours, so it is painted over as well, unless nothing
    else is left.
    """
    outside = 1 - within
    if not bool(outside.any()):
        return image
    hidden = near(outside, 1)
    return Harmonic()(image, hidden if bool((hidden == 0).any()) else outside)


def opened(mask: Mask, radius: int) -> Mask:
    """The mask without what is at most 2 ``radius`` wide; the picture's frame cuts nothing."""
    core = 1 - near(1 - mask, radius)
    return mask * near(core, radius)


def facing_inwards(mask: Mask, within: Mask) -> Mask:
    """The side of the cut that holds less of the rim of ``within``; if both hold as much, the smaller one.

    What lies on something touches its rim less than the rest of it does.
    """
    rest = within - mask
    rim = within * near(functional.pad(1 - within, (1, 1, 1, 1), value=1.0), 1)[..., 1:-1, 1:-1]
    on_rim, area = float((mask * rim).sum() / rim.sum()), float(mask.sum() / within.sum())
    return mask if (on_rim, area) < (1 - on_rim, 1 - area) else rest
