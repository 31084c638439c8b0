"""Methods side by side: against scipy's bootstrap, plain sums, and what a reader of the files sees."""

import csv
import io
import json
import math
import re

import numpy as np
import pytest
import scipy.stats
import torch

from iem.runner.comparison import Method, compare, interval
from iem.runner.comparison_files import as_csv, as_markdown, write_comparison

NAMES = [f"p{i}" for i in range(6)]
HELD_OUT = NAMES[1::2]


def row(name, iou, *, fixed=None, mae=0.1, seconds=0.5):
    """What a run's log says of a hard mask whose scores are all the same, for brevity."""
    fixed = iou if fixed is None else fixed
    numbers = {f"{key}_oracle": iou for key in ("iou", "miou", "dice", "accuracy")}
    numbers |= {f"{key}_fixed": fixed for key in ("iou", "miou", "dice", "accuracy")}
    curves = {"f_oracle": [[0.4, 1], [iou, 255]], "f_fixed": [[0.4, 1], [fixed, 255]]}
    return {"name": name, **numbers, **curves, "mae_fixed": mae, "mae_oracle": mae, "seconds": seconds}


def rows(*ious, names=NAMES, **numbers):
    return {name: row(name, iou, **numbers) for name, iou in zip(names, ious, strict=True)}


def methods():
    return [
        Method("otsu", "Otsu", rows(0.2, 0.4, 0.2, 0.4, 0.2, 0.4, mae=0.3, seconds=0.0001)),
        Method("paper", "IEM, paper", rows(0.5, 0.6, 0.5, 0.7, 0.5, 0.8, fixed=0.5)),
        Method("segnet_paper", "SegNet from paper", rows(0.7, 0.7, 0.9, names=HELD_OUT), teacher="paper"),
        Method("grabcut", "GrabCut", failure="GrabCut needs OpenCV"),
    ]


def test_the_interval_is_scipys_percentile_bootstrap():
    values = np.random.default_rng(3).beta(2, 1, size=120)
    expected = scipy.stats.bootstrap((values,), np.mean, method="percentile", n_resamples=9999).confidence_interval
    assert interval(values.tolist()) == pytest.approx((expected.low, expected.high), abs=0.005)


def test_intervals_cover_the_true_mean_as_often_as_they_say():
    generator = np.random.default_rng(4)
    found = [interval(generator.beta(2, 2, size=60).tolist(), samples=400) for _ in range(300)]
    assert 0.9 < np.mean([low < 0.5 < high for low, high in found]) < 0.985


def test_an_interval_is_the_same_every_time_and_undefined_for_one_value():
    values = [0.1, 0.5, 0.7, 0.2]
    assert interval(values) == interval(values)
    assert all(map(math.isnan, interval([0.5])))


def test_methods_that_learned_are_measured_on_held_out_pictures_alone():
    found = compare("set", NAMES, HELD_OUT, methods(), samples=200)
    assert [line.method.name for line in found.whole] == ["otsu", "paper"]
    assert [line.method.name for line in found.apart] == ["otsu", "paper", "segnet_paper"]
    assert [line.pictures for line in found.whole] == [6, 6]
    assert [line.pictures for line in found.apart] == [3, 3, 3]
    assert [line.means["iou_oracle"] for line in found.whole] == pytest.approx([0.3, 0.6])
    assert [line.means["iou_oracle"] for line in found.apart] == pytest.approx([0.4, 0.7, 2.3 / 3])
    assert found.whole[1].means["max_f_oracle"] == pytest.approx(0.6)
    assert found.whole[1].means["iou_fixed"] == pytest.approx(0.5)
    assert found.whole[1].seconds == pytest.approx(0.5)
    assert found.failures == {"GrabCut": "GrabCut needs OpenCV"}


def test_the_gain_is_paired():
    oracle, fixed = compare("set", NAMES, HELD_OUT, methods(), samples=500).gains
    assert (oracle.polarity, fixed.polarity) == ("oracle", "fixed")
    assert oracle.mean == pytest.approx((0.1 + 0.0 + 0.1) / 3)
    assert oracle.better == pytest.approx(2 / 3)
    assert oracle.pictures == 3
    assert 0 <= oracle.interval[0] <= oracle.mean <= oracle.interval[1] <= 0.1 + 1e-12
    assert fixed.mean == pytest.approx((0.2 + 0.2 + 0.4) / 3)


def test_without_a_network_there_is_no_held_out_part_and_without_its_teacher_no_gain():
    assert compare("set", NAMES, HELD_OUT, methods()[:2], samples=200).apart == ()
    alone = compare("set", NAMES, HELD_OUT, methods()[2:], samples=200)
    assert alone.whole == ()
    assert len(alone.apart) == 1
    assert alone.gains == ()


def test_undefined_scores_are_left_out_of_means_and_gains():
    broken = rows(0.5, 0.6, 0.5, 0.7, 0.5, 0.8)
    broken["p1"]["iou_oracle"] = None
    student = Method("s", "S", rows(0.7, 0.7, 0.9, names=HELD_OUT), teacher="paper")
    found = compare("set", NAMES, HELD_OUT, [Method("paper", "P", broken), student], samples=200)
    assert found.whole[0].means["iou_oracle"] == pytest.approx(3.0 / 5)
    assert found.gains[0].pictures == 2


def test_markdown_is_a_table_whose_best_numbers_are_bold():
    text = as_markdown([compare("set", NAMES, HELD_OUT, methods(), samples=200)], title="Side by side")
    lines = text.splitlines()
    assert lines[0] == "# Side by side"
    part = lines[lines.index("### The 3 held-out pictures, oracle polarity") + 2 :][:5]
    assert len({len(line) for line in part}) == 1, "columns are aligned"
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in part]
    assert cells[0] == ["Method", "Accuracy", "IoU", "mIoU", "Dice", "max-F", "MAE", "Pictures", "Seconds"]
    assert re.fullmatch(r"\*\*0\.767\*\* \[0\.700, 0\.\d{3}\]", cells[4][2])
    assert [row[6] for row in cells[2:]] == ["0.300", "**0.100**", "**0.100**"]
    assert [row[8] for row in cells[2:]] == ["< 0.001", "0.500", "0.500"]
    assert any(line.startswith("| SegNet from paper, oracle | IEM, paper |       +6.7 |") for line in lines)
    assert "- GrabCut has no numbers, or not all: GrabCut needs OpenCV" in lines


def test_csv_has_every_number_in_full():
    found = compare("set", NAMES, HELD_OUT, methods(), samples=200)
    entries = list(csv.DictReader(io.StringIO(as_csv([found]))))
    assert [(each["part"], each["method"]) for each in entries] == [
        ("all", "otsu"),
        ("all", "paper"),
        ("held_out", "otsu"),
        ("held_out", "paper"),
        ("held_out", "segnet_paper"),
    ]
    assert float(entries[4]["iou_oracle"]) == found.apart[2].means["iou_oracle"]
    assert float(entries[4]["iou_oracle_low"]) == found.apart[2].intervals["iou_oracle"][0]
    assert entries[4]["teacher"] == "paper"


def test_files_and_a_page_that_needs_nothing_else(tmp_path):
    found = compare("flowers & <cars>", NAMES, HELD_OUT, methods(), samples=200)
    sheet = torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(0))
    write_comparison(tmp_path, [found], title="A < B", settings={"size": 128}, sheets={})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.csv", "table.html", "table.json", "table.md"]
    write_comparison(
        tmp_path,
        [compare("set", NAMES, HELD_OUT, methods(), samples=200)],
        title="A < B",
        settings={"size": 128},
        sheets={"set": sheet},
    )
    assert (tmp_path / "sheet-set.png").exists()
    content = json.loads((tmp_path / "table.json").read_text())
    assert content["settings"] == {"size": 128}
    assert content["data"]["set"]["gains"][0]["over"] == "paper"
    page = (tmp_path / "table.html").read_text()
    assert "<h1>A &lt; B</h1>" in page
    assert 'src="data:image/webp;base64,' in page
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    assert "<script" not in page
    assert page.count("<strong>0.767</strong>") == 10
