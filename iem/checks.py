"""Checks of what callers hand in: one sentence that says what was expected, what came and what to do.

The messages are built only when a check fails, so that a check costs nothing in a loop.
"""

import math

import torch
from torch import Tensor


def check_image(image: Tensor, name: str = "image") -> None:
    """Require ``float[b, 3, h, w]``; values are not looked at (see ``check_range``).

    Raises:
        TypeError: not a floating-point tensor.
        ValueError: another shape.

    >>> check_image(torch.zeros(3, 8, 8))
    Traceback (most recent call last):
    ...
    ValueError: image: expected shape [b, 3, h, w], got [3, 8, 8]; add a batch axis with image[None]
    """
    _check_float(image, name)
    if image.ndim == 3 and image.shape[0] == 3:
        raise ValueError(_shape_message(image, name, "[b, 3, h, w]", f"add a batch axis with {name}[None]"))
    if image.ndim != 4 or image.shape[1] != 3:
        raise ValueError(_shape_message(image, name, "[b, 3, h, w]", "convert to RGB, channels first"))


def check_mask(mask: Tensor, like: Tensor | None = None, name: str = "mask") -> None:
    """Require ``float[b, k, h, w]`` with k = 1 (a mask) or k >= 2 (regions), of the same batch and size as ``like``.

    Raises:
        TypeError: not a floating-point tensor, or another dtype than ``like``.
        ValueError: another shape.

    >>> check_mask(torch.zeros(1, 1, 4, 4), like=torch.zeros(1, 3, 8, 8))
    Traceback (most recent call last):
    ...
    ValueError: mask: expected shape [1, k, 8, 8], got [1, 1, 4, 4]; resize it to the picture
    """
    _check_float(mask, name)
    if mask.ndim != 4:
        raise ValueError(_shape_message(mask, name, "[b, k, h, w]", "give batch and channel axes"))
    if like is None:
        return
    if mask.shape[0] != like.shape[0] or mask.shape[2:] != like.shape[2:]:
        b, _, h, w = like.shape
        raise ValueError(_shape_message(mask, name, f"[{b}, k, {h}, {w}]", "resize it to the picture"))
    if mask.dtype != like.dtype:
        raise TypeError(f"{name}: expected {like.dtype} like the picture, got {mask.dtype}; convert with .to()")


def check_range(values: Tensor, low: float, high: float, name: str) -> None:
    """Require finite values in [low, high].

    >>> check_range(torch.tensor([0.0, 255.0]), 0, 1, "image")
    Traceback (most recent call last):
    ...
    ValueError: image: expected values in [0, 1], got [0, 255]; divide by 255 if they are 8-bit
    """
    if values.numel() == 0:
        raise ValueError(f"{name}: expected at least one value, got an empty tensor of shape {list(values.shape)}")
    least, most = values.min().item(), values.max().item()
    if not (math.isfinite(least) and math.isfinite(most)):
        raise ValueError(f"{name}: expected finite values, got NaN or infinity; clean the input first")
    if least < low or most > high:
        remedy = "divide by 255 if they are 8-bit" if most > 1.5 else "clamp or rescale them"
        raise ValueError(f"{name}: expected values in [{low:g}, {high:g}], got [{least:g}, {most:g}]; {remedy}")


def check_number(
    value: float, name: str, *, low: float = -math.inf, high: float = math.inf, integer: bool = False, odd: bool = False
) -> None:
    """Require a finite number in [low, high]; optionally a whole or an odd one.

    >>> check_number(0, "steps", low=1, integer=True)
    Traceback (most recent call last):
    ...
    ValueError: steps: expected a whole number of at least 1, got 0
    """
    right_type = isinstance(value, int) if integer or odd else isinstance(value, int | float)
    if (
        right_type
        and not isinstance(value, bool)
        and math.isfinite(value)
        and low <= value <= high
        and (not odd or value % 2)
    ):
        return
    kind = "an odd whole number" if odd else "a whole number" if integer else "a finite number"
    if math.isfinite(low) and math.isfinite(high):
        kind += f" from {low:g} to {high:g}"
    elif math.isfinite(low):
        kind += f" of at least {low:g}"
    elif math.isfinite(high):
        kind += f" of at most {high:g}"
    raise ValueError(f"{name}: expected {kind}, got {value!r}")


def check_choice(value: object, name: str, choices: tuple[str, ...]) -> None:
    """Require one of the words.

    >>> check_choice("free", "frame", ("open", "closed"))
    Traceback (most recent call last):
    ...
    ValueError: frame: expected one of open, closed, got 'free'
    """
    if value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)}, got {value!r}")


def _check_float(values: Tensor, name: str) -> None:
    if not isinstance(values, torch.Tensor):
        raise TypeError(f"{name}: expected a torch.Tensor, got {type(values).__name__}; use iem.images.read for files")
    if not values.is_floating_point():
        raise TypeError(f"{name}: expected a floating-point tensor, got {values.dtype}; convert with .float()")


def _shape_message(values: Tensor, name: str, expected: str, remedy: str) -> str:
    return f"{name}: expected shape {expected}, got {list(values.shape)}; {remedy}"
