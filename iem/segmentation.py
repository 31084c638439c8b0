"""The verb that most callers need: a picture in, a mask of the same size out."""

from dataclasses import replace

import torch

from iem.checks import check_image, check_number, check_range
from iem.images import short_side
from iem.interfaces import Callback, Image, Solution
from iem.maximise import judge, maximise
from iem.presets import Preset, get
from iem.refiners import GuidedFilter


def segment(
    image: Image, preset: str | Preset = "best", *, size: int = 128, callback: Callback | None = None
) -> Solution:
    """Find the object of each picture: the region that can least be predicted from its surroundings, nor they from it.

    The search runs on the picture reduced to ``size`` on its short side (never enlarged, never cropped); the mask comes
    back at the picture's own size, sharpened along the picture's edges. With the preset "paper", a picture that needs
    no reduction gets exactly the mask that the search found.

    Args:
        image: ``[b, 3, h, w]``, RGB in [0, 1].
        preset: "best", "paper" (Savarese et al., CVPR 2021, as published), or a ``Preset``.
        size: short side at which to search, in pixels, at least 8. A long side stays within 4 ``size``.
        callback: see ``maximise``; it is shown masks of the reduced size.

    Returns:
        ``Solution`` with masks ``[b, 1, h, w]``, 1 = object. Flat or non-finite pictures have an empty mask and a
        status that says so.

    Raises:
        TypeError: not a floating-point tensor.
        ValueError: another shape, values outside [0, 1], an unknown preset.

    >>> image = torch.full((1, 3, 96, 128), 0.2); image[..., 30:70, 40:90] = 0.9
    >>> solution = segment(image, size=48)
    >>> solution.mask.shape, solution.status[0].value, bool(((solution.mask > 0.5) == (image[:, :1] > 0.5)).all())
    (torch.Size([1, 1, 96, 128]), 'converged', True)
    """
    check_image(image)
    check_number(size, "size", low=8, integer=True)
    finite = image.isfinite().flatten(1).all(1)
    if bool(finite.any()):
        check_range(image[finite], 0, 1, "image")
    settings = get(preset) if isinstance(preset, str) else preset
    # Resizing ends in a clamp, which would make an ordinary pixel of infinity.
    reduced = short_side(torch.where(finite[:, None, None, None], image, torch.nan), size, enlarge=False)
    first = settings.initialiser(torch.where(finite[:, None, None, None], reduced, 0))
    if settings.optimiser is None:
        solution = judge(settings.objective, reduced, first)
    else:
        steps = settings.max_steps
        solution = maximise(settings.objective, settings.optimiser, reduced, first, max_steps=steps, callback=callback)
    if settings.refiner is None and reduced.shape == image.shape:
        return solution
    refined = (settings.refiner or GuidedFilter())(torch.where(finite[:, None, None, None], image, 0), solution.mask)
    empty = (solution.mask.flatten(1).amax(1) == 0)[:, None, None, None]
    return replace(solution, mask=torch.where(empty, 0, refined))  # nothing grows out of an empty mask
