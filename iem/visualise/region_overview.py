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

_WIDE = 1.08  # pictures of a larger ratio of width to height have their table below
_NARROWEST = 12  # letters, of a round: as its heading needs
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
    rounds = [tried for i, tried in enumerate(tree.rounds) if _is_shown(tried, i == len(tree.rounds) - 1)]
    sheet = _stacked(
        _blocks(tree, rounds, width - 2 * letter, letter), gap=round(1.6 * letter), margin=letter, width=width
    )
    return torch.from_numpy(np.asarray(sheet, dtype=np.float32) / 255).permute(2, 0, 1)[None]


def _is_shown(tried: Round, last: bool) -> bool:
    # What was accepted and yet is no region was united with a neighbour in the end.
    refused = tried.region is None and tried.reason is not None
    return tried.region is not None or (last and refused and bool((tried.proposal > 0.5).any()))


def _blocks(tree: RegionTree, rounds: Sequence[Round], width: int, letter: int) -> list[PIL.Image.Image]:
    """Photograph, regions, table and rounds, from top to bottom.

    The table stands beside tall pictures and below wide ones; a few rounds share its place.
    """
    aspect = tree.image.shape[3] / tree.image.shape[2]
    if aspect > _WIDE:
        pair = _pair(tree, (width - letter) // 2, 32 * letter, letter)
        if rounds and len(rounds) <= 2 and len(tree.regions) <= 4:
            table = _table(tree, legend_width(letter), letter)
            beside = _rounds(tree, rounds, width - table.width - 3 * letter, letter)
            return [pair, _side_by_side([table, *beside], gap=3 * letter)]
        return [pair, _table(tree, width, letter), *_rounds(tree, rounds, width, letter)]
    room = (width - legend_width(letter) - 3 * letter) // 2
    # Of many regions the table is long, and the pictures beside it have room.
    pair = _pair(tree, room, letter * min(42, max(32, 2 * len(tree.regions))), letter)
    side = width - pair.width - 2 * letter
    table = _table(tree, side, letter)
    if len(rounds) <= 4:
        column = _stacked([table, *_rounds(tree, rounds, side, letter)], gap=letter)
        if column.height <= pair.height:
            return [_side_by_side([pair, column], gap=2 * letter)]
    return [_side_by_side([pair, table], gap=2 * letter), *_rounds(tree, rounds, width, letter)]


def _pair(tree: RegionTree, widest: int, tallest: int, letter: int) -> PIL.Image.Image:
    """Photograph and numbered regions."""
    aspect = tree.image.shape[3] / tree.image.shape[2]
    shown = max(1, round(min(widest, tallest * aspect)))
    size = max(1, round(shown / aspect)), shown
    board = Storyboard.of(tree, size)
    regions = board.drawn(board.partition(), letter=max(letter, letter_size(*size)))
    return _side_by_side([_drawn(board.photograph), _drawn(regions)], gap=letter)


def _table(tree: RegionTree, width: int, letter: int) -> PIL.Image.Image:
    """How it ended, and the regions one by one."""
    return _stacked([_sentence(tree, width, letter), legend(tree, width=width, letter=letter)], gap=letter // 2)


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


def _rounds(tree: RegionTree, rounds: Sequence[Round], width: int, letter: int) -> list[PIL.Image.Image]:
    """Rows of cells of two small pictures each; nothing without rounds."""
    if not rounds:
        return []
    aspect = tree.image.shape[3] / tree.image.shape[2]
    tall = (14 if len(rounds) <= 4 else 11 if len(rounds) <= 12 else 8) * letter
    gap, arrow = 2 * letter, round(1.2 * letter)
    across = math.ceil((width + gap) / (2 * tall * aspect + arrow + gap))
    across = min(max(across, 2), (width + gap) // (_NARROWEST * letter + gap))
    wide = (width + gap) // across - gap
    shown = max(1, round(min((wide - arrow) / 2, tall * aspect)))
    board = Storyboard.of(tree, (max(1, round(shown / aspect)), shown))
    cells = [_cell(board, tried, letter, arrow) for tried in rounds]
    rows = [_side_by_side(cells[i : i + across], gap=gap, width=wide) for i in range(0, len(cells), across)]
    return [_stacked(rows, gap=letter)]


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


def _stacked(
    pictures: Sequence[PIL.Image.Image], *, gap: int, margin: int = 0, width: int | None = None
) -> PIL.Image.Image:
    width = width or max(picture.width for picture in pictures) + 2 * margin
    height = sum(picture.height for picture in pictures) + gap * (len(pictures) - 1) + 2 * margin
    sheet = PIL.Image.new("RGB", (width, height), PAPER)
    top = margin
    for picture in pictures:
        sheet.paste(picture, (margin, top))
        top += picture.height + gap
    return sheet
