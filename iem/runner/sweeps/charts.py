"""Curves of a sweep: how each job's mean grew, and what a setting does to it."""

import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from iem.runner.histories import histories, mean_history
from iem.runner.results import read_events
from iem.runner.sweeps.comparison import Comparison, Finished, Value, number, shown
from iem.visualise import legible
from iem.visualise.charts import FAINT, FONTS, INK, TITLES, spread
from iem.visualise.palette import LINES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_QUIET, _GREY = "#595959", "#b4b4b4"
_WIDTH, _HEIGHT = 7.6, 4.3  # inches
_LEFT, _BOTTOM, _TALL = 0.085, 0.155, 0.72  # of the axes, as shares of the picture
_MOST_NAMED = len(LINES)
_MOST_LETTERS = 34


def progress_chart(comparison: Comparison, *, metric: str = "iou_oracle") -> bytes | None:
    """PNG of the mean of a metric over the pictures of each job, step by step; None if no job noted its steps.

    The best jobs are in colour and named; the others are grey. A picture that has settled keeps its value.
    """
    curves = {each.label: mean_curve(each, metric) for each in comparison.finished}
    drawn = {label: curve for label, curve in curves.items() if len(curve) > 1}
    if not drawn:
        return None
    longest = max(len(curve) for curve in drawn.values())
    with _Canvas(_gutter(list(drawn)[:_MOST_NAMED])) as canvas:
        axis, ends = canvas.axis, []
        for rank, (label, curve) in reversed(list(enumerate(drawn.items()))):
            named = rank < _MOST_NAMED
            colour: Any = LINES[rank] if named else _GREY
            steps = np.arange(1, len(curve) + 1)
            style: dict[str, Any] = {
                "lw": 2.4 if rank == 0 else 1.5 if named else 0.8,
                "color": colour,
                "zorder": 50 - min(rank, 40),
            }
            axis.plot(steps, curve, solid_capstyle="round", **style)
            axis.plot([len(curve), longest], [curve[-1]] * 2, **{**style, "lw": 1, "ls": (0, (1, 2.2))})
            if named:
                ends.append((float(curve[-1]), label, colour))
        axis.set_xlim(1, max(longest, 2))
        axis.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
        _dress(axis, f"Mean {_title(metric)}, step by step", "step")
        _name_ends(axis, ends)
        return canvas.png()


def setting_chart(comparison: Comparison, column: str) -> bytes | None:
    """PNG of the mean against a setting, a line for each combination of the others; None if it is no row of numbers.

    Bars are one standard error over the pictures, up and down. The axis is logarithmic where the values are spaced so.
    """
    others = [key for key in comparison.columns if key != column]
    groups: dict[str, list[tuple[float, Finished]]] = {}
    for each in comparison.finished:
        place = number(each.values[column])
        if not math.isnan(place):
            label = ", ".join(f"{key}={shown(each.values[key])}" for key in others)
            groups.setdefault(label, []).append((place, each))
    places = sorted({place for points in groups.values() for place, _ in points})
    if len(places) < 3 or len(groups) > 40:
        return None
    with _Canvas(_gutter(list(groups)[:_MOST_NAMED])) as canvas:
        axis, ends = canvas.axis, []
        _scale(axis, places)
        for rank, (label, points) in enumerate(groups.items()):
            points.sort(key=lambda point: point[0])
            x, y = [place for place, _ in points], [each.mean(comparison.by) for _, each in points]
            bars = [number(each.error(comparison.by), 0.0) for _, each in points]
            colour = LINES[rank] if rank < _MOST_NAMED else _GREY
            axis.errorbar(
                x, y, bars, color=colour, lw=1.8, marker="o", ms=5, capsize=0, elinewidth=1.1, zorder=30 - min(rank, 20)
            )
            if rank < _MOST_NAMED and label:
                ends.append((y[-1], label, colour))
        _dress(
            axis,
            f"Mean {_title(comparison.by)} against {legible(column, 40)}",
            f"{legible(column, 60)}   (bars: one standard error)",
        )
        _name_ends(axis, ends)
        return canvas.png()


def mean_curve(finished: Finished, metric: str) -> list[float]:
    """The mean over pictures of a metric after each step, as its log has it; empty if it noted none."""
    if finished.job.folder is None:
        return []
    found = histories(read_events(finished.job.folder / "metrics.jsonl"), finished.rows.keys())
    return mean_history({name: {metric: history[metric]} for name, history in found.items() if metric in history}).get(
        metric, []
    )


def numeric_columns(comparison: Comparison) -> list[str]:
    """Settings that vary among at least three numbers."""

    def numbers(column: str) -> set[Value]:
        values = {each.values[column] for each in comparison.finished}
        return {value for value in values if not math.isnan(number(value))}

    return [column for column in comparison.columns if len(numbers(column)) > 2]


def is_geometric(values: Sequence[float]) -> bool:
    """Whether positive numbers are spaced more evenly on a logarithmic axis, over at least a factor of eight.

    >>> is_geometric([1, 10, 100]), is_geometric([1, 2, 3, 4]), is_geometric([0.5, 1, 2, 4])
    (True, False, True)
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    if len(ordered) < 3 or ordered[0] <= 0 or ordered[-1] < 8 * ordered[0]:
        return False

    def unevenness(places: Float[np.ndarray, " n"]) -> float:
        gaps = np.diff(places)
        return float(gaps.std() / gaps.mean())

    return unevenness(np.log(ordered)) < unevenness(ordered)


class _Canvas:
    """One panel under our own matplotlib settings, whatever the user's own are."""

    def __init__(self, gutter: float) -> None:
        self._gutter = gutter

    def __enter__(self) -> "_Canvas":
        # Imported here, because it takes longer to import than most callers need. Never pyplot: its state is global.
        import contextlib
        import warnings

        import matplotlib
        from matplotlib import font_manager
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self._stack = contextlib.ExitStack()
        self._stack.enter_context(matplotlib.rc_context())
        self._stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()
        known = set(font_manager.fontManager.get_font_names())
        fonts = [font for font in FONTS if font in known]
        matplotlib.rcParams.update({"font.family": fonts, "font.size": 11, "text.color": INK})
        self._figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=200)
        FigureCanvasAgg(self._figure)
        self.axis: Axes = self._figure.add_axes((_LEFT, _BOTTOM, 0.975 - _LEFT - self._gutter, _TALL))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def png(self) -> bytes:
        """The picture."""
        buffer = BytesIO()
        self._figure.savefig(buffer, format="png")
        return buffer.getvalue()


def _gutter(labels: Sequence[str]) -> float:
    """The share of the picture's width that names right of the axes need."""
    longest = min(_MOST_LETTERS, max(map(len, labels), default=0))
    return 0.05 + 0.009 * longest if longest else 0.0


def _title(metric: str) -> str:
    return TITLES.get(metric, metric.replace("_", " "))


def _scale(axis: "Axes", places: Sequence[float]) -> None:
    positive = [place for place in places if place > 0]
    if is_geometric(places):
        axis.set_xscale("log")
    elif places[0] == 0 and is_geometric(positive):
        axis.set_xscale("symlog", linthresh=positive[0], linscale=0.5)
    else:
        return
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    if len(places) <= 12:
        axis.xaxis.set_major_locator(FixedLocator(list(places)))
        axis.xaxis.set_major_formatter(FixedFormatter([shown(place) for place in places]))
        axis.xaxis.set_minor_locator(NullLocator())


def _dress(axis: "Axes", title: str, below: str) -> None:
    axis.set_title(title, loc="left", fontsize=13, fontweight="bold", pad=12, parse_math=False)
    axis.set_xlabel(below, color=_QUIET, parse_math=False)
    axis.margins(y=0.08)
    axis.autoscale_view(scalex=False)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.spines["bottom"].set_color("#8c8c8c")
    axis.grid(axis="y", color=FAINT, lw=0.7)
    axis.set_axisbelow(True)
    axis.tick_params(length=0, colors=_QUIET, pad=6)


def _name_ends(axis: "Axes", ends: Sequence[tuple[float, str, object]]) -> None:
    """Write each name right of its line's end, moved up or down so that names do not overlap."""
    if not ends:
        return
    low, high = axis.get_ylim()
    axis.set_ylim(low, high)
    height = _HEIGHT * _TALL
    ordered = sorted(ends, key=lambda end: end[0])
    shares = [(value - low) / (high - low) for value, *_ in ordered]
    places = spread(shares, gap=1.5 * 10 / (72 * height), low=0.0, high=1.0)
    shape = axis.get_yaxis_transform()
    for (value, label, colour), place in zip(ordered, places, strict=True):
        target = low + place * (high - low)
        knees: Mapping[str, object] = {"transform": shape, "color": colour, "lw": 0.9, "clip_on": False}
        axis.plot([1, 1.012, 1.032, 1.042], [value, value, target, target], **knees)  # type: ignore[arg-type]
        axis.text(
            1.05, target, legible(label, _MOST_LETTERS), transform=shape, fontsize=9.5, va="center_baseline", color=INK,
            parse_math=False,
        )  # fmt: skip
