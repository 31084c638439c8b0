"""Files and pages of trees that an ordinary picture seldom gives."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from iem.interfaces import Verdict
from iem.regions import SCENE, Region, RegionTree, Round
from iem.runner.endings import UNITED
from iem.runner.peel_batch import tree_record
from iem.runner.peel_report import write_peel_report
from iem.runner.region_products import RegionProducts
from iem.visualise import region_overview


def united():
    """Round 2 found a region that was united with the scene in the end; the ids are counted anew; region 2 is empty."""
    image = torch.rand(1, 3, 24, 36, generator=torch.Generator().manual_seed(0))
    everything = torch.ones(1, 1, 24, 36)
    one, two = torch.zeros_like(everything), torch.zeros_like(everything)
    one[..., 4:16, 4:16] = 1
    two[..., 4:20, 20:30] = 1
    regions = (
        Region(SCENE, None, everything - one),
        Region(1, SCENE, one, 0.5, 0.01, 1),
        Region(2, 1, 0 * one, 0.3, 0.02, 3),
    )
    verdict = Verdict(0.5, 0.01, significant=True)
    rounds = (
        Round(1, "paint", SCENE, image, one, verdict, region=1, hole=one, painted=image * (1 - one)),
        Round(2, "paint", SCENE, image * (1 - one), two, verdict, hole=two, painted=image * (1 - one) * (1 - two)),
        Round(3, "split", 1, image, one, verdict, region=2),
        Round(4, "split", SCENE, image, two, verdict),
    )
    return RegionTree(image, regions, rounds)


def test_files_and_record_of_a_united_and_of_an_empty_region(tmp_path):
    tree = united()
    products = RegionProducts.under(tmp_path, "scene")
    files = products.write(tree.image, tree, tree.labels())
    record = json.loads(json.dumps(tree_record(tree, tree.labels()), allow_nan=False))
    assert [each["region"] for each in record["rounds"]] == [1, None, 2, None]
    assert [each["reason"] for each in record["rounds"]] == [None] * 4
    assert record["regions"][2]["area"] == {"own": 0, "extent": 0}
    assert (record["regions"][2]["box"], record["regions"][2]["share"]) == (None, 0.0)
    assert {"regions/02.png", "cutouts/02.png", "rounds/02_painted.jpg", "rounds/04_overlay.jpg"} < set(files)
    with Image.open(products.cutout(2)) as cutout:
        assert int(np.asarray(cutout)[..., 3].max()) == 0
    with Image.open(products.film) as film:
        assert film.n_frames > 4


def test_the_overview_calls_no_united_region_refused():
    tree = united()
    assert torch.equal(region_overview(tree), region_overview(replace(tree, rounds=tree.rounds[:3])))


@pytest.mark.parametrize("kept", [True, False])
def test_the_page_says_what_became_of_a_united_region(tmp_path, kept):
    tree = united()
    row = {"name": "scene", "regions": 2, "reason": "nothing_found", "seconds": 1.0, "right_number": 0.0}
    if kept:
        RegionProducts.under(tmp_path, "scene").write(tree.image, tree, tree.labels())
        row["folder"] = "scene"
    write_peel_report(
        tmp_path / "report.html",
        title="A title",
        settings={},
        rows=[row],
        rounds={"scene": tree_record(tree, tree.labels())["rounds"]},
        means={"right_number": 0.0, "regions": 2.0},
        folder=tmp_path,
    )
    page = (tmp_path / "report.html").read_text()
    assert (f"Round 2: {UNITED}, p = 0.010" in page) == kept
    assert "<dt>Right number, mean</dt><dd>0.000</dd>" in page
    assert bool(re.search("No pictures were kept", page)) != kept
