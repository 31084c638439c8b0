import itertools
import math
import sys
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import PIL.Image
import pytest

from iem.visualise import curves
from iem.visualise.charts import held, spread

NAN = math.nan


def histories(count=8, steps=30):
    rng = np.random.default_rng(0)
    grown = 1 - np.exp(-np.arange(steps) / 6)
    return {
        f"photo {i}": {"iou_oracle": list(rng.random() * grown), "score": list(0.1 * rng.random() * grown)}
        for i in range(count)
    }


def test_png_is_readable_at_1200_pixels(tmp_path):
    curves(histories(), tmp_path / "curves.png")
    with PIL.Image.open(tmp_path / "curves.png") as picture:
        assert picture.format == "PNG"
        assert picture.width >= 1200
        values = np.asarray(picture.convert("L"))
    margin = 8
    border = np.concatenate([values[:margin].ravel(), values[-margin:].ravel(), values[:, -margin:].ravel()])
    assert border.min() > 250  # nothing is cut off
    assert (values < 128).mean() > 0.005


def test_svg_names_every_photograph_and_refers_to_nothing_outside(tmp_path):
    curves(histories(), tmp_path / "curves.svg")
    text = (tmp_path / "curves.svg").read_text()
    for i in range(8):
        assert text.count(f"<!-- photo {i} -->") == 2  # a panel each for the overlap and the score
    for title in ("IoU, oracle polarity", "Score", "mean"):
        assert f"<!-- {title} -->" in text
    references = [
        value for node in ElementTree.fromstring(text).iter() for key, value in node.attrib.items() if "href" in key
    ]
    assert references
    assert all(value.startswith("#") for value in references)


def test_the_same_call_writes_the_same_bytes(tmp_path):
    for name in ("a.svg", "b.svg"):
        curves(histories(3), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_names_that_break_naive_plots(tmp_path):
    names = ["$x_{", "a<b>&c", "line\nfeed", "\udcff", "日本", "_hidden", "--", "x" * 300]
    history = {"score": [0.0, 1.0, NAN]}
    curves(dict.fromkeys(names, history), tmp_path / "curves.svg")
    ElementTree.parse(tmp_path / "curves.svg")


@pytest.mark.parametrize("steps", [1, 2])
def test_short_histories(tmp_path, steps):
    curves(histories(2, steps), tmp_path / "curves.png")


def test_many_photographs_are_named_at_both_ends_only(tmp_path):
    rising = {f"photo {i:02d}": {"score": [0.0, float(i)]} for i in range(40)}
    curves(rising, tmp_path / "curves.svg", names=6)
    text = (tmp_path / "curves.svg").read_text()
    named = {i for i in range(40) if f"<!-- photo {i:02d} -->" in text}
    assert named == {0, 1, 2, 37, 38, 39}


def test_quantities_choose_the_panels(tmp_path):
    curves(histories(2), tmp_path / "curves.svg", quantities=["score"])
    text = (tmp_path / "curves.svg").read_text()
    assert "<!-- Score -->" in text
    assert "IoU" not in text


def test_neither_pyplot_nor_the_settings_of_the_user_are_touched(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it now raises
    matplotlib.rcParams["lines.linewidth"] = 7.0
    try:
        curves(histories(2), tmp_path / "curves.png")
        assert matplotlib.rcParams["lines.linewidth"] == 7.0
    finally:
        matplotlib.rcdefaults()


def test_held_repeats_the_last_value_only_at_the_end():
    values = np.array([[1.0, NAN, 3.0, NAN, NAN], [NAN, 2.0, 2.5, 3.0, 4.0], [NAN] * 5])
    expected = np.array([[1.0, NAN, 3.0, 3.0, 3.0], [NAN, 2.0, 2.5, 3.0, 4.0], [NAN] * 5])
    np.testing.assert_array_equal(held(values), expected)
    assert np.isnan(values[0, 3])  # the input is left alone


def test_spread_keeps_order_gap_and_bounds():
    heights = np.random.default_rng(1).random(9) ** 3
    placed = spread(heights, gap=0.1, low=0, high=1)
    order = np.argsort(heights)
    assert (np.diff(placed[order]) >= 0.1 - 1e-9).all()
    assert placed.min() >= -1e-9
    assert placed.max() <= 1 + 1e-9


def test_spread_moves_no_more_than_needed():
    """Against trying all places on a grid."""
    heights, gap = [0.2, 0.26, 0.9], 0.2
    grid = np.linspace(0, 1, 51)
    possible = [p for p in itertools.product(grid, repeat=3) if p[1] - p[0] >= gap - 1e-9 and p[2] - p[1] >= gap - 1e-9]
    best = min(possible, key=lambda p: float(np.sum((np.array(p) - heights) ** 2)))
    np.testing.assert_allclose(spread(heights, gap=gap, low=0, high=1), best, atol=0.011)


def test_wrong_input_is_named(tmp_path):
    with pytest.raises(ValueError, match="histories: expected at least one finite value, got none"):
        curves({"flower": {"score": [NAN]}}, tmp_path / "curves.png")
    with pytest.raises(ValueError, match=r"expected a name ending in \.png or \.svg, got 'curves\.pdf'"):
        curves(histories(1), tmp_path / "curves.pdf")
    assert list(tmp_path.iterdir()) == []
