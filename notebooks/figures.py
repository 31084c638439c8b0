"""What the notebooks share: how pictures, films, charts and tables are shown, and how much is worked out."""

import io
import os
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import PIL.Image
from IPython.display import Image, Markdown, display
from matplotlib.axes import Axes

from iem.interfaces import Image as Picture
from iem.visualise import contact_sheet, film
from iem.visualise.charts import spread
from iem.visualise.palette import LINES

# Said by a library that ours import, where Jupyter has no widgets; no notebook needs one.
warnings.filterwarnings("ignore", message="IProgress not found")

#: With IEM_FAST=1 the notebooks take fewer and smaller pictures through the same code.
FAST = os.environ.get("IEM_FAST", "0") not in ("", "0")


def show(rows: Sequence[Sequence[Picture]], labels: Sequence[str] | None = None, *, height: int = 200) -> None:
    """Pictures [1, 3, h, w] in a table, ``height`` pixels tall each, with one label per column."""
    sheet = contact_sheet(rows, labels=labels, height=height)[0].permute(1, 2, 0)
    buffer = io.BytesIO()
    PIL.Image.fromarray(sheet.mul(255).round().byte().numpy()).save(buffer, "JPEG", quality=88)
    display(Image(buffer.getvalue(), format="jpeg"))


def show_film(frames: Sequence[Picture], *, width: int = 400, seconds: float = 4.0) -> None:
    """Pictures [1, 3, h, w] one after the other, again and again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "film.gif")
        film(frames, path, width=width, seconds=seconds, hold=1.5)
        display(Image(path.read_bytes(), format="gif"))


def show_png(data: bytes, *, width: int) -> None:
    """A finished picture file, so many pixels wide."""
    display(Image(data, format="png", width=width))


def show_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table; numbers with a point are rounded to three digits behind it and stand to the right."""
    cells = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    right = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(head))]
    rule = ["---:" if number else "---" for number in right]
    display(Markdown("\n".join("| " + " | ".join(line) + " |" for line in [list(head), rule, *cells])))


def chart(title: str, across: str, *, width: float = 8.0, height: float = 3.8) -> Axes:
    """Empty axes in the style of the library's own charts, in colours that everybody can tell apart."""
    plt.rcParams.update(
        {
            "axes.axisbelow": True,
            "axes.edgecolor": "#8c8c8c",
            "axes.grid": True,
            "axes.grid.axis": "y",
            "axes.labelcolor": "#595959",
            "axes.prop_cycle": plt.cycler(color=LINES),
            "axes.spines.left": False,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlepad": 12,
            "axes.titlesize": 13,
            "axes.titleweight": "bold",
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "font.size": 11,
            "grid.color": "#d9d9d9",
            "grid.linewidth": 0.7,
            "legend.frameon": False,
            "lines.linewidth": 2.0,
            "xtick.color": "#595959",
            "xtick.major.size": 0,
            "ytick.color": "#595959",
            "ytick.major.size": 0,
        }
    )
    axes: Axes = plt.figure(figsize=(width, height)).add_subplot()
    axes.set_title(title)
    axes.set_xlabel(across)
    return axes


def name_ends(axes: Axes, ends: Mapping[str, tuple[float, float]], *, colour: str = "#595959") -> None:
    """Write every line's name right of where it ends, (x, y), moved up or down so that no two names overlap."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    ordered = sorted(ends, key=lambda name: ends[name][1])
    shares = [(ends[name][1] - low) / (high - low) for name in ordered]
    inches = axes.figure.get_size_inches()[1] * axes.get_position().height
    for name, place in zip(ordered, spread(shares, gap=12 / (72 * inches), low=0.0, high=1.0), strict=True):
        axes.annotate(
            name,
            ends[name],
            xytext=(1.05, place),
            textcoords="axes fraction",
            va="center",
            color=colour,
            fontsize=9.5,
            arrowprops={"arrowstyle": "-", "color": "#bfbfbf", "lw": 0.7, "shrinkB": 2},
        )
