"""The regions of a tree as a table, and why the search for more of them ended."""

import math

import PIL.Image
from PIL import ImageDraw, ImageFont

from iem.regions import SCENE, Region, RegionTree, StopReason
from iem.visualise.badges import badge
from iem.visualise.contact_sheets import INK, PAPER
from iem.visualise.palette import RGB, region_colours

FAINT = (115, 115, 115)
RULE = (205, 205, 205)

#: Widths of the table's columns, in letters: number, what it lies in, share, score, p-value.
_COLUMNS = (7.5, 3.0, 8.0, 4.0, 4.0)
_GAP = 2.0  # letters between two tables side by side
_ROW = 1.7  # letters
_DEEPEST = 5  # levels of indentation; deeper regions stand below each other

_ENDINGS = {
    StopReason.NOTHING_FOUND: ("nothing was found", "nothing more was found"),
    StopReason.TOO_SMALL: (
        "what was found is smaller than the least area",
        "what was found next is smaller than the least area",
    ),
    StopReason.NOT_SIGNIFICANT: (
        "what was found does not stand out enough",
        "what was found next does not stand out enough",
    ),
    StopReason.NOTHING_NEW: ("nothing new was found", "what was found next had been found before"),
    StopReason.ROUND_LIMIT: ("the rounds ran out", "the rounds ran out"),
    StopReason.CONSTANT: ("the picture is one flat colour", "the picture is one flat colour"),
    StopReason.NONFINITE: ("the picture holds NaN or infinity", "the picture holds NaN or infinity"),
}


def ending(tree: RegionTree) -> str:
    """How many regions there are and why there are no more, in one sentence.

    >>> import torch
    >>> scene = Region(SCENE, None, torch.ones(1, 1, 2, 2))
    >>> ending(RegionTree(torch.zeros(1, 3, 2, 2), (scene,), reason=StopReason.CONSTANT))
    'No region: the picture is one flat colour.'
    """
    found = len(tree.regions) - 1
    why = _ENDINGS[tree.reason][found > 0]
    last = tree.rounds[-1] if tree.rounds else None
    if last is not None and last.verdict is not None and tree.reason is last.reason is StopReason.NOT_SIGNIFICANT:
        why += f" (p = {number(last.verdict.p_value)})"
    if found == 0:
        return f"No region: {why}."
    return f"{found} region{'s' if found > 1 else ''}; then {why}."


def legend(tree: RegionTree, *, width: int, letter: int) -> PIL.Image.Image:
    """Number, parent, share of the picture, score and p-value of every region, parts below what they lie in.

    Long tables continue beside themselves where there is room.
    """
    regions = _in_order(tree, SCENE)
    wide = round(sum(_COLUMNS) * letter)
    room = max(1, (width + round(_GAP * letter)) // (wide + round(_GAP * letter)))
    columns = min(room, -(-len(regions) // 4))
    rows = -(-len(regions) // columns)
    columns = -(-len(regions) // rows)
    row = round(_ROW * letter)
    sheet = PIL.Image.new("RGB", (width, (rows + 1) * row), PAPER)
    for j in range(columns):
        left = j * (wide + round(_GAP * letter))
        table = _table(tree, regions[j * rows : (j + 1) * rows], letter)
        sheet.paste(table, (left, 0))
    return sheet


def legend_width(letter: int) -> int:
    """The least width of a legend, in pixels."""
    return round(sum(_COLUMNS) * letter)


def number(value: float) -> str:
    """Short, with a dash for what is not a number.

    >>> number(0.01234), number(2.0), number(0.0004), number(float("nan"))
    ('0.012', '2.000', '4e-4', '-')
    """
    if not math.isfinite(value):
        return "-"
    size = abs(value)
    if size == 0:
        return "0"
    if size < 0.001:
        return f"{value:.0e}".replace("e-0", "e-")
    return f"{value:.3f}" if size < 10 else f"{value:.1f}" if size < 1000 else f"{value:.2g}".replace("e+0", "e")


def _table(tree: RegionTree, regions: list[Region], letter: int) -> PIL.Image.Image:
    row = round(_ROW * letter)
    edges = [round(sum(_COLUMNS[:i]) * letter) for i in range(len(_COLUMNS) + 1)]
    sheet = PIL.Image.new("RGB", (edges[-1], (len(regions) + 1) * row), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=letter)
    small = ImageFont.load_default(size=round(0.85 * letter))
    titles = ("region", "in", "share", "score", "p")
    for i, title in enumerate(titles):
        where, anchor = (edges[i], "lm") if i < 2 else (edges[i + 1], "rm")
        draw.text((where, row / 2), title, fill=FAINT, font=small, anchor=anchor)
    colours = region_colours(len(tree.regions))
    for i, region in enumerate(regions, start=1):
        top, middle = i * row, (i + 0.5) * row
        draw.line((0, top, edges[-1], top), fill=RULE)
        indent = round(0.9 * letter * min(_DEEPEST, max(0, tree.depth(region.id) - 1)))
        _stamp(sheet, str(region.id), colours[region.id], (indent, middle), letter)
        if region.parent is None:
            after = round(1.9 * letter)
            draw.text(
                (after, middle),
                "the rest" if len(tree.regions) > 1 else "everything",
                fill=FAINT,
                font=small,
                anchor="lm",
            )
        else:
            _stamp(sheet, str(region.parent), colours[region.parent], (edges[1], middle), round(0.85 * letter))
        share = float(region.mask.float().mean())
        bar = (edges[2], middle - 0.28 * letter, edges[2] + 3.8 * letter * share, middle + 0.28 * letter)
        draw.rectangle((bar[0], bar[1], edges[2] + 3.8 * letter, bar[3]), fill=(236, 236, 236))
        fill = tuple(round(255 * level) for level in colours[region.id])
        draw.rectangle((bar[0], bar[1], max(bar[2], bar[0] + 1), bar[3]), fill=fill)
        for j, text in zip((3, 4, 5), (_percent(share), *_judgement(tree, region)), strict=True):
            draw.text((edges[j], middle), text, fill=INK, font=font, anchor="rm")
    return sheet


def _stamp(sheet: PIL.Image.Image, text: str, colour: RGB, place: tuple[int, float], size: int) -> None:
    mark = badge(text, colour, round(0.9 * size))
    sheet.paste(mark, (place[0], round(place[1] - mark.height / 2)), mark)


def _judgement(tree: RegionTree, region: Region) -> tuple[str, str]:
    """Score and p-value, where there was a test."""
    tested = all(tried.verdict is not None for tried in tree.rounds if tried.region == region.id)
    if region.parent is None:
        return "", ""
    return (number(region.score), number(region.p_value)) if tested else ("-", "-")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.0005 or share == 0 else "< 0.1 %"


def _in_order(tree: RegionTree, id: int) -> list[Region]:  # noqa: A002  what it is called everywhere
    """A region, then all that lies in it."""
    return [tree.regions[id], *(below for child in tree.children(id) for below in _in_order(tree, child.id))]
