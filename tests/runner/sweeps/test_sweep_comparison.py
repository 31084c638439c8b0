import math

import numpy as np
import pytest
from scipy import stats

from iem.runner.sweeps.charts import numeric_columns, progress_chart, setting_chart
from iem.runner.sweeps.comparison import compare
from iem.runner.sweeps.jobs import read_sweep


def rows(*values, start="a"):
    return [(chr(ord(start) + i), value) for i, value in enumerate(values)]


def test_columns_are_the_settings_that_vary(tmp_path, job):
    common = ("preset=paper", "threads=2", "seed=1")
    job(tmp_path / "1", *common, "inpainter.sigma=5", "title=A", rows=rows(0.5), settings={"inpainter": {"sigma": 5}})
    job(
        tmp_path / "2", *common, "inpainter.sigma=1e1", "title=B", rows=rows(0.6), settings={"inpainter": {"sigma": 10}}
    )
    job(tmp_path / "3", *common, rows=rows(0.7), settings={"inpainter": {"sigma": 3}})
    comparison = compare(read_sweep(tmp_path))
    assert comparison.columns == ("inpainter.sigma",)
    assert [each.values["inpainter.sigma"] for each in comparison.finished] == [3, 10.0, 5]
    assert [each.label for each in comparison.finished] == [f"inpainter.sigma={v}" for v in (3, 10, 5)]


def test_settings_tell_apart_what_overrides_do_not(tmp_path, job):
    job(tmp_path / "1", rows=rows(0.5), settings={"a": 1, "b": {"c": 2, "d": [1]}})
    job(tmp_path / "2", rows=rows(0.6), settings={"a": 1, "b": {"c": 3, "d": [1]}})
    comparison = compare(read_sweep(tmp_path))
    assert comparison.columns == ("b.c",)
    assert comparison.shared == {"a": 1, "b.d": "[1]"}


def test_jobs_are_ranked_by_the_mean_asked_for(tmp_path, job):
    job(tmp_path / "1", "size=1", rows=rows(0.5, None))
    job(tmp_path / "2", "size=2", rows=rows(0.9, 0.1))
    job(tmp_path / "3", "size=3", rows=rows(None, None))
    names = [each.job.name for each in compare(read_sweep(tmp_path)).finished]
    assert names[-1] == "3", "an undefined mean is no good one"
    with pytest.raises(ValueError, match=r"by: expected one of iou_fixed, iou_oracle, got 'iou'"):
        compare(read_sweep(tmp_path), by="iou")


def test_of_errors_the_smallest_is_best(tmp_path, job):
    import json

    for name, error in (("1", 0.3), ("2", 0.1)):
        path = job(tmp_path / name, f"size={name}", rows=rows(0.5)) / "result.json"
        content = json.loads(path.read_text())
        content["means"]["mae_fixed"] = error
        path.write_text(json.dumps(content))
    assert [each.job.name for each in compare(read_sweep(tmp_path), by="mae_fixed").finished] == ["2", "1"]


def test_differences_are_paired(tmp_path, job):
    good, bad = np.array([0.9, 0.5, 0.7, 0.8]), np.array([0.8, 0.45, 0.65, 0.6])
    job(tmp_path / "1", "size=1", rows=rows(*good.tolist()))
    job(tmp_path / "2", "size=2", rows=rows(*bad.tolist(), 0.3))
    comparison = compare(read_sweep(tmp_path))
    gap, error = comparison.difference(comparison.finished[1])
    assert gap == pytest.approx(float((bad - good).mean()))
    assert error == pytest.approx(float(stats.sem(bad - good)))
    assert not comparison.same_pictures


def test_extremes_and_contested_pictures(tmp_path, job):
    job(tmp_path / "1", "size=1", rows=rows(0.9, 0.1, 0.6, 0.7, 0.8))
    job(tmp_path / "2", "size=2", rows=rows(0.9, 0.4, 0.1, None, 0.7))
    comparison = compare(read_sweep(tmp_path))
    assert comparison.extremes(2) == (["a", "e"], ["b", "c"])
    high, low = comparison.extremes(50)
    assert set(high).isdisjoint(low)
    contested = comparison.contested(9)
    assert [(name, best.job.name, worst.job.name) for name, best, worst in contested] == [
        ("c", "1", "2"), ("b", "2", "1"), ("e", "1", "2"),
    ]  # fmt: skip


def test_nothing_finished_is_no_error(tmp_path, job):
    job(tmp_path / "1", "size=1")
    assert compare(read_sweep(tmp_path)).finished == ()


def is_png(data):
    return data is not None and data.startswith(b"\x89PNG")


def test_a_numeric_setting_has_a_chart(tmp_path, job):
    for sigma in (0, 1, 10, 100):
        for preset in ("paper", "best"):
            overrides = (f"preset={preset}", f"inpainter.sigma={sigma}")
            job(tmp_path / f"{preset}{sigma}", *overrides, rows=rows(0.5 + sigma / 300, 0.4))
    comparison = compare(read_sweep(tmp_path))
    assert numeric_columns(comparison) == ["inpainter.sigma"]
    assert is_png(setting_chart(comparison, "inpainter.sigma"))
    assert setting_chart(comparison, "preset") is None
    assert progress_chart(comparison) is None, "no job has noted its steps"


def test_curves_are_means_of_settled_pictures(tmp_path, job):
    from iem.runner.sweeps.charts import mean_curve

    lines = [("a", 1, 0.1), ("a", 2, 0.3), ("b", 1, 0.9), ("b", 1, 0.5), ("b", 2, 0.7), ("b", 3, 0.8), ("c", 1, 0.0)]
    for size in (1, 2):
        folder = job(tmp_path / str(size), f"size={size}", rows=rows(0.3, 0.8))
        log = [f'{{"event": "step", "name": "{n}", "step": {s}, "iou_oracle": {v}}}\n' for n, s, v in lines]
        (folder / "metrics.jsonl").write_text("".join(log))
    comparison = compare(read_sweep(tmp_path))
    assert mean_curve(comparison.finished[0], "iou_oracle") == pytest.approx([0.3, 0.5, 0.55])
    assert is_png(progress_chart(comparison))
    assert math.isnan(comparison.finished[0].mean("nothing"))
