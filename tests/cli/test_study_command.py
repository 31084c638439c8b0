"""iem study build and collect, as they are used."""

import base64
import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from references.study_run import COLOURS, answers, save, study_run

from iem.cli import main

METHODS = ("iem", "sam", "clipseg")


@pytest.fixture
def built(tmp_path, capfd):
    run = study_run(tmp_path / "run")
    assert main(["study", "build", str(run), "-o", str(tmp_path / "study"), "--title", "<b>bold</b> & free"]) == 0
    shown = capfd.readouterr()
    assert "study.html (" in shown.out
    assert "2 photographs, 6 results" in shown.err
    return tmp_path / "study"


def told(folder):
    page = (folder / "study.html").read_text()
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL).group(1)
    return page, json.loads(data), json.loads((folder / "key.json").read_text())


def middle(uri):
    image = Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))))
    return np.asarray(image)[20, 20].astype(int), image


def test_the_page_tells_nothing_of_the_methods_and_the_key_tells_it_right(built):
    page, data, key = told(built)
    plain = re.sub(r"data:image/jpeg;base64,[^\"]*", "", page)
    for word in ("clipseg", '"sam', "street", "park", str(built.parent)):
        assert word not in plain
    assert set(data) == {"format", "study", "pictures"}
    assert {frozenset(picture) for picture in data["pictures"]} == {frozenset({"wanted", "image", "results"})}
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; free" in page
    assert "http:" not in page.replace("http-equiv", "")
    assert "https:" not in page
    assert len(data["pictures"]) == 2
    for picture in data["pictures"]:
        assert sorted(key["items"][result["id"]]["method"] for result in picture["results"]) == sorted(METHODS)
        for result in picture["results"]:
            about = key["items"][result["id"]]
            colour, image = middle(result["image"])
            assert np.abs(colour - COLOURS[METHODS.index(about["method"])]).max() < 8  # JPEG
            assert image.size == (64, 48)
            assert not image.getexif()
            assert picture["wanted"] == {"street": "thing 0", "park": "thing 1"}[about["picture"]]


def test_the_order_is_drawn_by_the_seed(tmp_path):
    run = study_run(tmp_path / "run", names=("a", "b", "c", "d", "e", "f"))

    def orders(seed, folder):
        assert main(["study", "build", str(run), "-o", str(tmp_path / folder), "--seed", str(seed)]) == 0
        _, data, key = told(tmp_path / folder)
        return [[key["items"][result["id"]]["method"] for result in each["results"]] for each in data["pictures"]], key

    first, key = orders(1, "one")
    assert (first, key["study"]) == (orders(1, "again")[0], orders(1, "again")[1]["study"])
    assert first != orders(2, "two")[0]
    assert len({tuple(order) for order in first}) > 1  # a method has no place of its own


def test_another_study_is_not_written_over_its_key(built, tmp_path, capfd):
    assert main(["study", "build", str(tmp_path / "run"), "-o", str(built)]) == 0  # the same once more
    capfd.readouterr()
    assert main(["study", "build", str(tmp_path / "run"), "-o", str(built), "--seed", "3"]) == 1
    assert "expected a folder without another study" in capfd.readouterr().err


def test_what_is_missing_is_named(tmp_path, capfd):
    run = study_run(tmp_path / "run")
    (run / "painted" / "sam" / "park.png").unlink()
    save(run / "painted" / "iem" / "park.png", np.zeros((10, 10, 3), dtype=np.uint8))
    assert main(["study", "build", str(run), "-o", str(tmp_path / "study")]) == 2
    said = capfd.readouterr().err
    assert "not in it: sam: " in said
    assert "park.png: expected 64 x 48 pixels like the photograph, got 10 x 10" in said
    assert "2 photographs, 4 results" in said
    assert main(["study", "build", str(tmp_path / "none"), "-o", str(tmp_path / "other")]) == 1
    assert "iem: RUN: expected a folder, found none" in capfd.readouterr().err


def test_where_there_are_no_words_the_click_is_drawn(tmp_path):
    run = study_run(tmp_path / "run", text=False)
    assert main(["study", "build", str(run), "-o", str(tmp_path / "study")]) == 0
    _, data, _ = told(tmp_path / "study")
    assert data["pictures"][0]["wanted"] == ""
    colour, _ = middle(data["pictures"][0]["image"])
    assert colour[1] > 180 > 80 > colour[0]  # green


def test_collect(built, tmp_path, capfd):
    _, _, key = told(built)
    folder = tmp_path / "answers"
    folder.mkdir()
    for person, harmony in (("p1", 8), ("p2", 6)):
        said = answers(key, lambda method, _, harmony=harmony: (method != "sam", False, harmony), person=person)
        (folder / f"{person}.json").write_text(json.dumps(said))
    table = tmp_path / "table.csv"
    assert main(["study", "collect", str(folder), "--key", str(built / "key.json"), "--csv", str(table)]) == 0
    shown = capfd.readouterr().out
    assert "2 persons: mean (sigma over persons)" in shown
    assert re.search(r"sam +0\.00 \(0\.00\) +0\.00 \(0\.00\) +7\.00 \(1\.41\) +. +0\.000 \(0\.00\) +4", shown)
    rows = {row["method"]: row for row in csv.DictReader(table.read_text().splitlines())}
    assert (rows["iem"]["q1"], rows["iem"]["q3"], rows["sam"]["q3_given_q1"]) == ("1.0", "7.0", "")

    (folder / "bad.json").write_text("{")
    assert main(["study", "collect", str(folder), "--key", str(built / "key.json"), "--json"]) == 2
    shown = capfd.readouterr()
    found = json.loads(shown.out)
    assert found["persons"] == 2
    assert found["methods"]["iem"]["q3"] == {"mean": 7.0, "sigma": pytest.approx(2**0.5), "persons": 2}
    assert found["methods"]["sam"]["q3_given_q1"] == {"mean": None, "sigma": None, "persons": 0}
    assert "bad.json: expected answers of a study, got a damaged file" in shown.err
    assert main(["study", "collect", str(folder / "bad.json"), "--key", str(built / "key.json")]) == 1
    assert "found none that can be counted" in capfd.readouterr().err


def test_what_can_be_counted_stands_beside_what_people_say(tmp_path, capfd):
    run = study_run(tmp_path / "run")
    rows = [
        {"method": method, "name": name, "iou": 0.5, "left": 0.25, "outside": 1.5, "seconds": 2.0}
        for method in METHODS for name in ("street", "park")
    ]  # fmt: skip
    (run / "result.json").write_text(json.dumps({"methods": ["sam", "iem", "clipseg"], "rows": rows}))
    assert main(["study", "build", str(run), "-o", str(tmp_path / "study")]) == 0
    _, _, key = told(tmp_path / "study")
    (tmp_path / "a.json").write_text(json.dumps(answers(key, lambda *_: (True, False, 9))))
    capfd.readouterr()
    assert main(["study", "collect", str(tmp_path / "a.json"), "--key", str(tmp_path / "study" / "key.json")]) == 0
    shown = capfd.readouterr().out
    assert re.search(r"clipseg +0\.500 +0\.250 +1\.50 +2\.00", shown)
    assert shown.index("sam") < shown.index("iem")  # the run's order
