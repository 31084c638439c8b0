import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from iem.runner.sweeps.jobs import read_sweep
from iem.runner.sweeps.report import write_sweep_report

HOSTILE = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Tags with their attributes, and the cells of the table."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.rows, self._cell = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data):
        if self._cell:
            self.rows[-1][-1] += data


@pytest.fixture
def sweep(tmp_path, job, multirun):
    multirun(tmp_path, "inpainter.sigma=1,3,9", "name=x")
    for sigma, iou in ((1, 0.4), (3, 0.8)):
        rows = [("a", iou), (f"b|*{HOSTILE}", iou - 0.25 * sigma / 3)]
        folder = job(tmp_path / f"job{sigma}", f"inpainter.sigma={sigma}", "name=x", rows=rows)
        (folder / "overlays").mkdir()
        Image.fromarray(np.full((40, 60, 3), 90 * sigma % 256, np.uint8)).save(folder / "overlays/a.jpg")
        text = (folder / "result.json").read_text().replace('"name": "a"', '"name": "a", "overlay": "overlays/a.jpg"')
        (folder / "result.json").write_text(text)
    job(tmp_path / "job9", "inpainter.sigma=9", "name=x", failure={"error": f"sigma: too large {HOSTILE}"})
    return tmp_path


def test_the_page_needs_no_network_and_runs_nothing(sweep):
    page, _ = write_sweep_report(read_sweep(sweep), sweep)
    text = page.read_text()
    tags = Page(text).tags
    assert not [tag for tag, _ in tags if tag in ("script", "link", "iframe", "object")]
    sources = [attributes["src"] for _, attributes in tags if "src" in attributes]
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert "://" not in re.sub(r"data:image/[^\"]*", "", text)
    images = [attributes for tag, attributes in tags if tag == "img"]
    assert all(attributes.get("alt") for attributes in images)


def test_the_table_has_settings_and_means_best_first(sweep):
    page, markdown = write_sweep_report(read_sweep(sweep), sweep)
    rows = Page(page.read_text()).rows
    assert rows[0][:3] == ["inpainter.sigma", "IoU oracle", "against the best"]
    assert rows[1][:2] == ["3best", "0.675"]
    assert rows[2][:3] == ["1", "0.358", "\N{MINUS SIGN}0.317 ± 0.163"]
    assert len(rows) == 3
    lines = markdown.read_text().splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert table[2].startswith("| 3 | **0.675** |  | **0.675** | 2 | 0.50 |")
    assert len({line.count("|") for line in table}) == 1


def test_failures_are_listed_with_their_command(sweep):
    for path in write_sweep_report(read_sweep(sweep), sweep):
        text = path.read_text()
        assert "sigma: too large" in text
        assert "inpainter.sigma=9" in text
        assert "hydra.run.dir=" in text
        assert "-m inpainter.sigma=1,3,9" in text


def test_other_ranking_and_place(sweep, tmp_path):
    written = write_sweep_report(read_sweep(sweep), tmp_path / "out/deep", by="iou_fixed")
    assert [path.relative_to(tmp_path).as_posix() for path in written] == ["out/deep/report.html", "out/deep/report.md"]
    assert "IoU fixed" in Page(written[0].read_text()).rows[0][1]


def test_a_sweep_without_a_finished_job_has_a_report(tmp_path, job, multirun):
    multirun(tmp_path, "size=32,64")
    job(tmp_path / "job", "size=32")
    page, markdown = write_sweep_report(read_sweep(tmp_path), tmp_path)
    assert "No job is done yet" in page.read_text()
    assert "2 jobs: 1 interrupted, 1 waiting." in markdown.read_text()
