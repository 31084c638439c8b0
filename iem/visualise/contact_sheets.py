"""Pictures side by side, in rows of equal height."""

from collections.abc import Sequence

import numpy as np
import PIL.Image
import torch
from jaxtyping import UInt8
from PIL import ImageDraw, ImageFont

from iem.checks import check_image, check_number, check_range
from iem.interfaces import Image
from iem.visualise.labels import legible

INK = (38, 38, 38)
PAPER = (255, 255, 255)


def contact_sheet(
    rows: Sequence[Sequence[Image]], *, labels: Sequence[str] | None = None, height: int = 256, margin: int = 12
) -> Image:
    """Pictures of any sizes in a table on white: every picture ``height`` pixels tall, columns aligned and centred.

    Args:
        rows: rows of pictures ``[1, 3, h, w]`` in [0, 1]; a row may be shorter than others.
        labels: one heading per column, or None.
        height: of every picture, in pixels.
        margin: between and around the pictures, in pixels.

    Returns:
        ``[1, 3, h, w]`` in [0, 1].

    Raises:
        ValueError: no picture, a batch in place of one picture, or not one label per column.

    >>> photo = torch.rand(1, 3, 20, 30)
    >>> contact_sheet([[photo, photo], [photo]], height=40, margin=4).shape
    torch.Size([1, 3, 92, 132])
    """
    check_number(height, "height", low=8.0, integer=True)
    check_number(margin, "margin", low=0.0, integer=True)
    columns = max((len(row) for row in rows), default=0)
    if columns == 0:
        raise ValueError("rows: expected at least one picture, got none; give a list of lists of pictures")
    if labels is not None and len(labels) != columns:
        raise ValueError(f"labels: expected one per column ({columns}), got {len(labels)}; use '' for an empty one")
    tiles = [[_tile(picture, height, f"rows[{i}][{j}]") for j, picture in enumerate(row)] for i, row in enumerate(rows)]
    widths = [max(row[j].width for row in tiles if j < len(row)) for j in range(columns)]
    letter = max(10, round(height / 14))
    font = ImageFont.load_default(size=letter)
    head = round(1.5 * letter) + margin // 2 if labels is not None else 0
    size = (sum(widths) + margin * (columns + 1), head + len(tiles) * (height + margin) + margin)
    sheet = PIL.Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    left = margin
    for j, width in enumerate(widths):
        if labels is not None:
            text = _fitted(labels[j], font, width)
            draw.text((left + width / 2, margin / 2 + head / 2), text, fill=INK, font=font, anchor="mm")
        for i, row in enumerate(tiles):
            if j < len(row):
                sheet.paste(row[j], (left + (width - row[j].width) // 2, head + margin + i * (height + margin)))
        left += width + margin
    return torch.from_numpy(np.asarray(sheet, dtype=np.float32) / 255).permute(2, 0, 1)[None]


def to_bytes(picture: Image) -> UInt8[np.ndarray, "h w 3"]:
    """One picture as 8-bit values, channels last."""
    values = picture[0].detach().clamp(0, 1).mul(255).round().to(torch.uint8)
    return np.ascontiguousarray(values.permute(1, 2, 0).cpu().numpy())


def _tile(picture: Image, height: int, name: str) -> PIL.Image.Image:
    check_image(picture, name)
    if picture.shape[0] != 1:
        raise ValueError(f"{name}: expected one picture, got a batch of {picture.shape[0]}; give each its own place")
    check_range(picture, 0.0, 1.0, name)
    h, w = picture.shape[2:]
    size = (max(1, round(w * height / h)), height)
    return PIL.Image.fromarray(to_bytes(picture)).resize(size, PIL.Image.Resampling.LANCZOS)


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The longest shortening of ``text`` that fits ``width`` pixels."""
    for most in range(len(text), 0, -1):
        short = legible(text, most)
        if font.getlength(short) <= width:
            return short
    return ""
