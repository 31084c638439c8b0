"""A whole peeling on one page: the picture, its regions, how each was found, and why no more were."""

import math
from collections.abc import Sequence

import numpy as np
import PIL.Image
import torch
from PIL import ImageDraw, ImageFont

from iem.checks import check_number
from iem.interfaces import Image
from iem.regions import RegionTree, Round
from iem.visualise.badges import badge
from iem.visualise.contact_sheets import INK, PAPER, to_bytes
from iem.visualise.region_legend import FAINT, ending, legend, legend_width
from iem.visualise.region_rounds import Storyboard
from iem.visualise.regions import letter_size

_NARROWEST = 12.5  # letters, of a round: as its heading needs
_WORDS = {"paint": "painted away", "split": "split off"}


def region_overview(tree: RegionTree, *, width: int = 1800) -> Image:
    """One page for a paper: photograph, numbered regions, their table, and every round that found one.

    Of each round are shown what the finder saw, with its proposal outlined, and what came of it: the painted picture,
    or, where nothing is painted, the regions so far. If the last proposal was refused, it closes the page.

    Args:
        tree: what ``peel`` returns.
        width: of the page, in pixels; its height follows.

    Returns:
        ``[1, 3, h, width]`` in [0, 1].

    Raises:
        ValueError: ``width`` is no whole number from 900 to 8000.

    >>> from iem.regions import SCENE, Region
    >>> scene = Region(SCENE, None, torch.ones(1, 1, 20, 30))
    >>> region_overview(RegionTree(torch.zeros(1, 3, 20, 30), (scene,)), width=1200).shape[3]
    1200
    """
    check_number(width, "width", low=900, high=8000, integer=True)
    letter = round(width / 85)
    inner = width - 2 * letter
    blocks = [_head(tree, inner, letter)]
    rounds = [tried for i, tried in enumerate(tree.rounds) if _is_shown(tried, i == len(tree.rounds) - 1)]
    if rounds:
        blocks.append(_rounds(tree, rounds, inner, letter))
    sheet = _stacked(blocks, gap=round(1.6 * letter), margin=letter)
    return torch.from_numpy(np.asarray(sheet, dtype=np.float32) / 255).permute(2, 0, 1)[None]


def _is_shown(tried: Round, last: bool) -> bool:
    return tried.region is not None or (last and bool((tried.proposal > 0.5).any()))


def _head(tree: RegionTree, width: int, letter: int) -> PIL.Image.Image:
    """Photograph, regions and table: beside them where that leaves them large enough, else below."""
    aspect = tree.image.shape[3] / tree.image.shape[2]
    beside = width - legend_width(letter) - 2 * letter
    # Of many regions the table is long, and the pictures beside it have room.
    tall = letter * min(42, max(32, 2 * len(tree.regions)))
    is_beside = aspect <= 1.08
    room = ((beside if is_beside else width) - letter) // 2
    shown = round(min(room, tall * aspect))
    size = max(1, round(shown / aspect)), max(1, shown)
    board = Storyboard.of(tree, size)
    regions = board.drawn(board.partition(), letter=max(letter, letter_size(*size)))
    pair = _side_by_side([_drawn(board.photograph), _drawn(regions)], gap=letter)
    left = pair.width + 2 * letter if is_beside else 0
    side = _stacked(
        [_sentence(tree, width - left, letter), legend(tree, width=width - left, letter=letter)], gap=letter // 2
    )
    if is_beside:
        return _side_by_side([pair, side], gap=2 * letter)
    return _stacked([pair, side], gap=letter)


def _sentence(tree: RegionTree, width: int, letter: int) -> PIL.Image.Image:
    font = ImageFont.load_default(size=letter)
    lines = [""]
    for word in ending(tree).split():
        longer = f"{lines[-1]} {word}".strip()
        lines = [*lines[:-1], longer] if font.getlength(longer) <= width else [*lines, word]
    sheet = PIL.Image.new("RGB", (width, round(1.4 * letter * len(lines))), PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, line in enumerate(lines):
        draw.text((0, (i + 0.5) * 1.4 * letter), line, fill=INK, font=font, anchor="lm")
    return sheet


def _rounds(tree: RegionTree, rounds: Sequence[Round], width: int, letter: int) -> PIL.Image.Image:
    """Cells of two small pictures each, in rows."""
    aspect = tree.image.shape[3] / tree.image.shape[2]
    tall = (14 if len(rounds) <= 4 else 11 if len(rounds) <= 12 else 8) * letter
    gap, arrow = 2 * letter, round(1.2 * letter)
    across = math.ceil((width + gap) / (2 * tall * aspect + arrow + gap))
    across = min(max(across, 2), (width + gap) // (round(_NARROWEST * letter) + gap))
    wide = (width + gap) // across - gap
    shown = max(1, round(min((wide - arrow) / 2, tall * aspect)))
    board = Storyboard.of(tree, (max(1, round(shown / aspect)), shown))
    cells = [_cell(board, tried, letter, arrow) for tried in rounds]
    rows = [_side_by_side(cells[i : i + across], gap=gap, width=wide) for i in range(0, len(cells), across)]
    return _stacked(rows, gap=letter)


def _cell(board: Storyboard, tried: Round, letter: int, arrow: int) -> PIL.Image.Image:
    """A heading, what was seen, and what came of it unless the proposal was refused."""
    small = round(0.85 * letter)
    font = ImageFont.load_default(size=small)
    pictures = [_drawn(board.seen(tried))]
    if tried.region is not None:
        pictures.append(_drawn(board.after(tried)))
    head = round(1.9 * letter)
    words = f"round {tried.number}: {'refused' if tried.region is None else _WORDS[tried.kind]}"
    mark = None if tried.region is None else badge(str(tried.region), board.colour(tried), small)
    begin = 0 if mark is None else mark.width + round(0.5 * letter)
    both = len(pictures) * pictures[0].width + (len(pictures) - 1) * arrow
    cell = PIL.Image.new("RGB", (max(both, begin + round(font.getlength(words))), head + pictures[0].height), PAPER)
    draw = ImageDraw.Draw(cell)
    if mark is not None:
        cell.paste(mark, (0, (head - mark.height) // 2), mark)
    draw.text((begin, head / 2), words, fill=INK, font=font, anchor="lm")
    for i, picture in enumerate(pictures):
        cell.paste(picture, (i * (picture.width + arrow), head))
    if len(pictures) > 1:
        middle, point = head + pictures[0].height / 2, pictures[0].width + 0.78 * arrow
        draw.polygon(
            [(point, middle), (point - 0.5 * arrow, middle - 0.4 * arrow), (point - 0.5 * arrow, middle + 0.4 * arrow)],
            fill=FAINT,
        )
    return cell


def _drawn(image: Image) -> PIL.Image.Image:
    return PIL.Image.fromarray(to_bytes(image))


def _side_by_side(pictures: Sequence[PIL.Image.Image], *, gap: int, width: int | None = None) -> PIL.Image.Image:
    widths = [width or picture.width for picture in pictures]
    size = (sum(widths) + gap * (len(pictures) - 1), max(picture.height for picture in pictures))
    sheet = PIL.Image.new("RGB", size, PAPER)
    for i, picture in enumerate(pictures):
        sheet.paste(picture, (sum(widths[:i]) + gap * i, 0))
    return sheet


def _stacked(pictures: Sequence[PIL.Image.Image], *, gap: int, margin: int = 0) -> PIL.Image.Image:
    width = max(picture.width for picture in pictures)
    height = sum(picture.height for picture in pictures) + gap * (len(pictures) - 1)
    sheet = PIL.Image.new("RGB", (width + 2 * margin, height + 2 * margin), PAPER)
    top = margin
    for picture in pictures:
        sheet.paste(picture, (margin, top))
        top += picture.height + gap
    return sheet
