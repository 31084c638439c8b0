"""How scores and overlaps grew, step by step."""

import warnings
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from iem.images import write_atomic
from iem.visualise.labels import legible
from iem.visualise.palette import LINES, RGB

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Table = Float[np.ndarray, "n t"]
End = tuple[float, str, RGB | str, str]  # height, name, colour, font weight

TITLES = {
    "iou": "IoU",
    "iou_fixed": "IoU, fixed polarity",
    "iou_oracle": "IoU, oracle polarity",
    "score": "Score",
    "moved": "Pixels moved",
}
ROW, LEFT, GUTTER, BOTTOM, TOP = 4.4, 0.68, 1.95, 0.62, 0.6  # inches; names stand in the gutter, right of each panel
INK, FAINT = "#262626", "#d9d9d9"
FONTS = ("Inter", "Helvetica Neue", "Helvetica", "Arial", "Liberation Sans", "DejaVu Sans", "Noto Sans CJK JP")


def curves(
    histories: Mapping[str, Mapping[str, Sequence[float]]],
    path: Path,
    *,
    quantities: Sequence[str] | None = None,
    names: int = 12,
) -> None:
    """Draw one panel per quantity: a thin line per photograph, named at its end, and their mean as a thick one.

    A history that ends in NaN, or before the longest one, has settled: its last value is held, dotted, and counts in
    the mean. A photograph has the same colour in every panel.

    Args:
        histories: photograph -> quantity (``"iou_oracle"``, ``"score"``, ...) -> one value per step.
        path: ends in ``.png`` or ``.svg``; written whole or not at all.
        quantities: the panels, from left to right; None draws all there are.
        names: at most so many lines of a panel are named, the highest and the lowest ones.

    Raises:
        ValueError: nothing to draw, or another extension.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "curves.svg"
    >>> curves({"flower": {"score": [0.1, 0.5, float("nan")]}, "rocket": {"score": [0.1, 0.2, 0.3]}}, target)
    >>> target.read_bytes().startswith(b"<?xml")
    True
    """
    # matplotlib is imported here, because it takes longer to import than most callers need. Never pyplot: its state
    # is global and it may open windows.
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".png", ".svg"):
        raise ValueError(f"path: expected a name ending in .png or .svg, got {path.name!r}; rename it")
    tables = _tables(histories, quantities)
    if not tables:
        raise ValueError("histories: expected at least one finite value, got none; record a history while maximising")

    buffer = BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()  # whatever the user's own matplotlibrc says
        matplotlib.rcParams.update(
            {"font.family": _installed_fonts(), "font.size": 11, "text.color": INK, "svg.hashsalt": "iem"}
        )
        columns, rows = min(len(tables), 2), -(-len(tables) // 2)
        figure = Figure(figsize=(12, ROW * rows), dpi=200)
        FigureCanvasAgg(figure)
        for i, (quantity, table) in enumerate(tables.items()):
            left, row = 12 / columns * (i % columns), rows - 1 - i // columns
            size = (12 / columns - LEFT - GUTTER, ROW - BOTTOM - TOP)
            box = ((left + LEFT) / 12, (row * ROW + BOTTOM) / (ROW * rows), size[0] / 12, size[1] / (ROW * rows))
            _panel(figure.add_axes(box), size, quantity, table, list(histories), names)
        metadata = {"Date": None} if suffix == ".svg" else {}
        figure.savefig(buffer, format=suffix[1:], metadata=metadata)
    write_atomic(path, buffer.getvalue())


def held(values: Table) -> Table:
    """Every row with its last finite value repeated to the end.

    >>> held(np.array([[0.1, 0.2, np.nan, np.nan]]))
    array([[0.1, 0.2, 0.2, 0.2]])
    """
    settled = np.array(values, dtype=float)
    for row in settled:
        end = _end(row)
        if 0 < end < len(row):
            row[end:] = row[end - 1]
    return settled


def spread(heights: Sequence[float], *, gap: float, low: float, high: float) -> Float[np.ndarray, " n"]:
    """The heights moved as little as possible (least squares), keeping their order, until ``gap`` apart.

    They stay in [low, high] as long as they fit there.

    >>> spread([0.5, 0.5, 0.9], gap=0.2, low=0, high=1)
    array([0.4, 0.6, 0.9])
    """
    from sklearn.isotonic import isotonic_regression

    values = np.asarray(heights, dtype=float)
    order = np.argsort(values, kind="stable")
    steps = gap * np.arange(len(values))
    top = max(high - gap * (len(values) - 1), low)
    placed = np.empty(len(values))
    placed[order] = isotonic_regression(values[order] - steps, y_min=low, y_max=top) + steps
    return placed


def _tables(
    histories: Mapping[str, Mapping[str, Sequence[float]]], quantities: Sequence[str] | None
) -> dict[str, Table]:
    """Per quantity a row per photograph, filled up with NaN; quantities without a finite value are left out."""
    if quantities is None:
        quantities = list(dict.fromkeys(quantity for history in histories.values() for quantity in history))
    tables = {}
    for quantity in quantities:
        rows = [np.asarray(history.get(quantity, ()), dtype=float).ravel() for history in histories.values()]
        table = np.full((len(rows), max((len(row) for row in rows), default=0)), np.nan)
        for filled, row in zip(table, rows, strict=True):
            filled[: len(row)] = np.where(np.isfinite(row), row, np.nan)
        if np.isfinite(table).any():
            tables[quantity] = table
    return tables


def _panel(
    axis: "Axes", size: tuple[float, float], quantity: str, table: Table, names: Sequence[str], most: int
) -> None:
    steps = np.arange(table.shape[1])
    settled = held(table)
    present = [i for i in range(len(table)) if np.isfinite(settled[i, -1])]
    for i in present:
        colour, end = LINES[i % len(LINES)], _end(table[i])
        axis.plot(steps[:end], table[i, :end], color=colour, lw=1.1, alpha=0.85, solid_capstyle="round")
        axis.plot(steps[end - 1 :], settled[i, end - 1 :], color=colour, lw=1.0, alpha=0.6, ls=(0, (1, 2.2)))
    several = len(present) > 1
    if several:
        # A column before the first value of any photograph has no mean.
        counts = np.isfinite(settled).sum(0)
        mean = np.where(counts > 0, np.nansum(settled, axis=0) / np.maximum(counts, 1), np.nan)
        axis.plot(steps, mean, color="white", lw=5, zorder=4, solid_capstyle="round")
        axis.plot(steps, mean, color=INK, lw=2.6, zorder=5, solid_capstyle="round")
    _dress(axis, quantity, len(steps))

    ends: list[End] = [(settled[i, -1], legible(names[i], 18), LINES[i % len(LINES)], "normal") for i in present]
    ends.sort(key=lambda entry: entry[0])
    if len(ends) > most:
        ends = ends[: most // 2] + ends[len(ends) - (most - most // 2) :]
    if several:
        ends.append((mean[-1], "mean", INK, "bold"))
    _name_ends(axis, size, ends)


def _dress(axis: "Axes", quantity: str, steps: int) -> None:
    axis.set_title(
        legible(TITLES.get(quantity, quantity.replace("_", " "))),
        loc="left", fontsize=13, fontweight="bold", pad=12, parse_math=False,
    )  # fmt: skip
    axis.set_xlabel("step", color="#595959")
    axis.set_xlim(0, max(steps - 1, 1))
    if quantity.startswith("iou"):
        axis.set_ylim(0, 1)
    else:
        axis.margins(y=0.06)
        axis.set_ylim(*axis.get_ylim())
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.spines["bottom"].set_color("#8c8c8c")
    axis.grid(axis="y", color=FAINT, lw=0.7)
    axis.set_axisbelow(True)
    axis.tick_params(length=0, colors="#595959", pad=6)
    axis.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]


def _name_ends(axis: "Axes", inches: tuple[float, float], ends: Sequence[End]) -> None:
    """Write each name right of its line's end, moved up or down so that names do not overlap."""
    low, high = axis.get_ylim()
    shares = [(value - low) / (high - low) for value, *_ in ends]
    size = min(10.5, 0.7 * 72 * inches[1] / len(ends))
    places = spread(shares, gap=1.25 * size / (72 * inches[1]), low=0.0, high=1.0)
    knees = [1 + offset / inches[0] for offset in (0, 0.06, 0.2, 0.25)]
    shape = axis.get_yaxis_transform()
    for (value, name, colour, weight), place in zip(ends, places, strict=True):
        target = low + place * (high - low)
        axis.plot(
            knees, [value, value, target, target], transform=shape, color=colour,
            lw=2.0 if weight == "bold" else 0.9, clip_on=False, solid_joinstyle="round",
        )  # fmt: skip
        axis.text(
            1 + 0.31 / inches[0], target, name, transform=shape, fontsize=size, fontweight=weight,
            va="center_baseline", color=INK, parse_math=False,
        )  # fmt: skip


def _end(row: Float[np.ndarray, " t"]) -> int:
    """One past the last finite value."""
    finite = np.flatnonzero(np.isfinite(row))
    return int(finite[-1]) + 1 if len(finite) else 0


def _installed_fonts() -> list[str]:
    """Those of our fonts that this machine has; a later one lends the glyphs that an earlier one lacks."""
    from matplotlib import font_manager

    known = set(font_manager.fontManager.get_font_names())
    return [font for font in FONTS if font in known]
