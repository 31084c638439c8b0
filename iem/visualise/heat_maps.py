"""Errors of painted pictures as colours."""

import torch
from jaxtyping import Float
from torch import Tensor

from iem.checks import check_image, check_number, check_range
from iem.interfaces import Image, Mask


def error_map(values: Mask, *, high: float | None = None, colours: str = "magma") -> Image:
    """Numbers as colours of a perceptually uniform map: 0 is the darkest, ``high`` and above the lightest.

    Args:
        values: ``[b, 1, h, w]``, not negative.
        high: the value of the lightest colour; None takes each picture's largest.
        colours: a colour map of matplotlib, such as ``"magma"`` or ``"viridis"``.

    Returns:
        ``[b, 3, h, w]`` in [0, 1], of the values' type and device.

    Raises:
        ValueError: another shape, negative or non-finite values, or no such colour map.

    >>> error_map(torch.tensor([[[[0.0, 1.0]]]])).mean(1)
    tensor([[[0.0053, 0.9093]]])
    """
    if values.ndim != 4 or values.shape[1] != 1:
        raise ValueError(f"values: expected shape [b, 1, h, w], got {list(values.shape)}; average over the channels")
    check_range(values, 0.0, float("inf"), "values")
    if high is None:
        scale = values.amax(dim=(1, 2, 3), keepdim=True)
    else:
        check_number(high, "high", low=1e-12)
        scale = values.new_tensor(high)
    share = torch.where(scale > 0, values / scale, 0).clamp(max=1)
    table = _table(colours).to(values)
    index = (share[:, 0] * (len(table) - 1)).round().long()
    return table[index].movedim(-1, 1)


def error_maps(image: Image, *painted: Image, high: float | None = None, colours: str = "magma") -> tuple[Image, ...]:
    """Where each painted picture differs from ``image``: ``|image - painted|``, averaged over the channels.

    All maps of one picture share one scale, so that they can be compared; without ``high`` its end is the largest
    error among them.

    >>> image = torch.zeros(1, 3, 1, 2)
    >>> half, whole = error_maps(image, image + 0.5, image + 1)
    >>> bool((half < whole).all())
    True
    """
    check_image(image)
    for i, picture in enumerate(painted):
        if picture.shape != image.shape:
            raise ValueError(
                f"painted[{i}]: expected the picture's shape {list(image.shape)}, got {list(picture.shape)}; resize it"
            )
    errors = [(image - picture).abs().mean(1, keepdim=True) for picture in painted]
    if not errors:
        return ()
    side_by_side = error_map(torch.cat(errors, dim=3), high=high, colours=colours)
    return torch.chunk(side_by_side, len(errors), dim=3)


def _table(colours: str) -> Float[Tensor, "n 3"]:
    import matplotlib  # here, because it takes longer to import than most callers need

    if colours not in matplotlib.colormaps:
        raise ValueError(f"colours: expected a colour map of matplotlib, got {colours!r}; try 'magma' or 'viridis'")
    values = matplotlib.colormaps[colours].resampled(256)(range(256))
    return torch.as_tensor(values)[:, :3]
