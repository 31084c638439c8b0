"""Films of a moving mask."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from jaxtyping import Float
from torch import Tensor

from iem.checks import check_image, check_number, check_range
from iem.images import write_atomic
from iem.visualise.contact_sheets import to_bytes

SMALL = 300_000  # bytes
Frame = Float[Tensor, "1 3 h w"]


def film(
    frames: Sequence[Frame],
    path: Path,
    *,
    seconds: float = 4.0,
    hold: float = 1.0,
    width: int = 256,
    rate: float = 12.0,
) -> None:
    """Write pictures as an endless animation, WebP or GIF by the extension of ``path``.

    Frames that look like the one before them are dropped; of what remains at most ``rate`` a second are kept, evenly,
    the first and the last among them. They share ``seconds``; the last stays for ``hold`` seconds more.

    Args:
        frames: pictures ``[1, 3, h, w]`` in [0, 1], all of one size.
        path: ends in ``.webp`` or ``.gif``; written whole or not at all.
        seconds: how long the movement takes.
        hold: how long the last frame then stays.
        width: of the film, in pixels; the height follows.
        rate: the most frames a second.

    Raises:
        ValueError: no frames, different sizes, or another extension.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "film.gif"
    >>> film([torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)], target, width=16)
    >>> with PIL.Image.open(target) as picture:
    ...     picture.n_frames
    2
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".webp", ".gif"):
        raise ValueError(f"path: expected a name ending in .webp or .gif, got {path.name!r}; rename it")
    check_number(seconds, "seconds", low=0.1)
    check_number(hold, "hold", low=0.0)
    check_number(width, "width", low=8.0, integer=True)
    check_number(rate, "rate", low=1.0)
    pictures = _distinct(frames, width)
    pictures = _thinned(pictures, max(2, int(seconds * rate)))
    times = [round(1000 * seconds / len(pictures))] * len(pictures)
    times[-1] += round(1000 * hold)
    write_atomic(path, _webp(pictures, times) if suffix == ".webp" else _gif(pictures, times))


def _distinct(frames: Sequence[Frame], width: int) -> list[PIL.Image.Image]:
    if len(frames) == 0:
        raise ValueError("frames: expected at least one picture, got none; give the masks' overlays")
    pictures: list[PIL.Image.Image] = []
    for i, frame in enumerate(frames):
        name = f"frames[{i}]"
        check_image(frame, name)
        if frame.shape != frames[0].shape or frame.shape[0] != 1:
            expected = [1, *frames[0].shape[1:]]
            raise ValueError(f"{name}: expected shape {expected}, got {list(frame.shape)}; resize it")
        check_range(frame, 0.0, 1.0, name)
        # Comparing before the costly resize: most frames of a settled mask repeat.
        if i > 0 and torch.equal(frame, frames[i - 1]):
            continue
        h, w = frame.shape[2:]
        size = (width, max(1, round(h * width / w)))
        picture = PIL.Image.fromarray(to_bytes(frame)).resize(size, PIL.Image.Resampling.LANCZOS)
        if not pictures or picture.tobytes() != pictures[-1].tobytes():
            pictures.append(picture)
    return pictures


def _thinned(pictures: list[PIL.Image.Image], most: int) -> list[PIL.Image.Image]:
    if len(pictures) <= most:
        return pictures
    return [pictures[i] for i in np.linspace(0, len(pictures) - 1, most).round().astype(int)]


def _webp(pictures: list[PIL.Image.Image], times: list[int]) -> bytes:
    buffer = BytesIO()
    pictures[0].save(
        buffer, "WEBP", save_all=True, append_images=pictures[1:], duration=times, loop=0, quality=65, method=4
    )
    return buffer.getvalue()


def _gif(pictures: list[PIL.Image.Image], times: list[int]) -> bytes:
    """With as many colours as a small file allows."""
    for colours in (160, 96, 48, 24):
        data = _gif_of(pictures, times, colours)
        if len(data) <= SMALL:
            break
    return data


def _gif_of(pictures: list[PIL.Image.Image], times: list[int], colours: int) -> bytes:
    """One palette for all frames and no dithering: else still parts flicker and every frame is stored whole."""
    shown = [pictures[0], pictures[len(pictures) // 2], pictures[-1]]
    width, height = pictures[0].size
    montage = PIL.Image.new("RGB", (width, height * len(shown)))
    for i, picture in enumerate(shown):
        montage.paste(picture, (0, i * height))
    palette = montage.quantize(colors=colours, method=PIL.Image.Quantize.MEDIANCUT)
    indexed = [picture.quantize(palette=palette, dither=PIL.Image.Dither.NONE) for picture in pictures]
    buffer = BytesIO()
    # The format counts hundredths of a second.
    rounded = [max(20, 10 * round(time / 10)) for time in times]
    indexed[0].save(
        buffer, "GIF", save_all=True, append_images=indexed[1:], duration=rounded, loop=0, optimize=True, disposal=1
    )
    return buffer.getvalue()
