"""The page is read back with the standard library's parser, which knows nothing of how it was made."""

import base64
import re
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import PIL.Image
import pytest

from iem.images import ImageError
from iem.runner.report import write_report

DASH = "\N{EN DASH}"
VOID = {"meta", "img", "br", "source", "link", "input", "hr"}


class Page(HTMLParser):
    """All elements with their attributes and the text inside them; unbalanced tags are an error."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "attrs": dict(attrs), "text": ""}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag, **attrs):
        wanted = attrs.items()
        return [e for e in self.elements if e["tag"] == tag and all(e["attrs"].get(k) == v for k, v in wanted)]


def row(name, oracle, **more):
    numbers = {"iou_fixed": oracle, "iou_oracle": oracle, "score": 0.0125, "steps": 42, "status": "converged"}
    return {"name": name, "seconds": 0.5, **numbers, **more}


@pytest.fixture
def folder(tmp_path):
    """A run's folder with one picture of every kind, larger than a report wants them."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (400, 600, 4), dtype=np.uint8)
    noise[..., 3] = np.where(np.arange(600) < 300, 255, 0)
    PIL.Image.fromarray(noise[..., :3]).save(tmp_path / "photo.jpg")
    PIL.Image.fromarray(noise[..., :3]).save(tmp_path / "overlay.png")
    PIL.Image.fromarray(noise[..., 3]).save(tmp_path / "mask.png")
    PIL.Image.fromarray(noise).save(tmp_path / "cut out.png")
    frames = [PIL.Image.new("RGB", (64, 48), (level, 0, 0)) for level in (0, 120, 240)]
    frames[0].save(tmp_path / "film.webp", save_all=True, append_images=frames[1:], duration=100)
    (tmp_path / "curves.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    return tmp_path


FILES = {
    "photo": "photo.jpg", "overlay": "overlay.png", "mask": "mask.png", "cutout": "cut out.png", "film": "film.webp",
}  # fmt: skip


def written(folder, rows, **more):
    target = folder / "report.html"
    settings = {
        "title": "A run", "settings": {"preset": "best"}, "means": {"iou_fixed": 0.25, "iou_oracle": 0.75},
        "curves_svg_or_png": None, "folder": folder, **more,
    }  # fmt: skip
    write_report(target, rows=rows, **settings)
    return Page(target.read_text(encoding="utf-8"))


def picture_of(uri):
    head, data = uri.split(",", 1)
    assert re.fullmatch(r"data:image/(webp|png|gif);base64", head)
    return PIL.Image.open(BytesIO(base64.b64decode(data, validate=True)))


def test_nothing_is_fetched_and_nothing_runs(folder):
    page = written(folder, [row("flower", 0.9, **FILES)], curves_svg_or_png=folder / "curves.svg")
    addresses = [
        (key, value)
        for element in page.elements
        for key, value in element["attrs"].items()
        if key in ("src", "srcset", "href", "action", "data", "poster")
    ]
    assert len(addresses) >= 6
    assert all(value.startswith(("data:", "#")) for _, value in addresses)
    assert not page.all("script")
    assert not page.all("link")
    assert not [key for element in page.elements for key in element["attrs"] if key.startswith("on")]
    assert "url(" not in page.all("style")[0]["text"]
    assert "@import" not in page.all("style")[0]["text"]


def test_every_link_in_the_page_leads_somewhere(folder):
    page = written(folder, [row("flower", 0.9), row("rocket", 0.1)])
    anchors = {element["attrs"]["id"] for element in page.elements if "id" in element["attrs"]}
    links = [element["attrs"]["href"] for element in page.all("a")]
    assert len(links) == 2
    assert {link[1:] for link in links} <= anchors
    for element in page.elements:
        assert element["attrs"].get("aria-labelledby", "results") in anchors


def test_pictures_are_inside_small_and_described(folder):
    page = written(folder, [row("flower", 0.9, **FILES)], curves_svg_or_png=folder / "curves.svg")
    images = page.all("img")
    assert len(images) == 5
    assert all("flower" in image["attrs"]["alt"] for image in images[1:])
    assert len({image["attrs"]["alt"] for image in images}) == 5
    assert images[0]["attrs"]["src"].startswith("data:image/svg+xml;base64,")
    overlay, mask, cutout, film = (picture_of(image["attrs"]["src"]) for image in images[1:])
    for picture in (overlay, mask, cutout):
        assert picture.size == (480, 320)
    assert film.n_frames == 3
    assert cutout.mode == "RGBA"
    alpha = np.asarray(cutout)[..., 3]
    assert alpha[:, :230].min() == 255
    assert alpha[:, 250:].max() == 0
    assert set(np.unique(np.asarray(mask)[:, list(range(230)) + list(range(250, 480))])) == {0, 255}


def test_half_transparent_colours_are_kept(folder):
    colour = np.zeros((40, 40, 4), dtype=np.uint8)
    colour[...] = (200, 100, 50, 128)
    PIL.Image.fromarray(colour).save(folder / "soft.png")
    page = written(folder, [row("flower", 0.9, cutout="soft.png")])
    seen = np.asarray(picture_of(page.all("img")[0]["attrs"]["src"])).reshape(-1, 4).mean(0)
    assert seen == pytest.approx([200, 100, 50, 128], abs=4)


def test_people_who_ask_for_stillness_get_the_overlay_for_the_film(folder):
    page = written(folder, [row("flower", 0.9, **FILES)])
    source = page.all("source", media="(prefers-reduced-motion: reduce)")[0]["attrs"]["srcset"]
    assert source == page.all("img")[0]["attrs"]["src"]


def test_absent_and_broken_files_are_left_out(folder):
    (folder / "broken.png").write_bytes(b"\x89PNG nonsense")
    files = {"photo": None, "mask": "no such.png", "overlay": "broken.png", "film": "no such.webp"}
    page = written(folder, [row("flower", 0.9, **files)], curves_svg_or_png=folder / "no such.svg")
    assert not page.all("img")
    assert "No pictures were kept." in page.all("article")[0]["text"]


def test_the_photo_stands_in_where_there_is_no_overlay_or_no_film(folder):
    for absent in ("overlay", "film"):
        page = written(folder, [row("flower", 0.9, **{**FILES, absent: None})])
        alts = [image["attrs"]["alt"] for image in page.all("img")]
        assert alts.count("Photograph flower") == 1
        assert len(alts) == 4


def test_names_are_harmless(folder):
    hostile = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&amp;", "a\udcffb", "{{ title }}"]
    rows = [row(name, 0.5, status='"><b>', **FILES) for name in hostile]
    page = written(folder, rows, title="<b>&", settings={"</pre><script>": "<script>"}, versions={"<i>": "</dd>"})
    assert not page.all("script")
    assert not page.all("b")
    assert not page.all("i")
    names = [heading["text"] for heading in page.all("h3")]
    assert names == [*hostile[:3], "a?b", "{{ title }}"]
    assert page.all("h1")[0]["text"] == page.all("title")[0]["text"] == "<b>&"
    assert page.all("pre")[0]["text"] == "</pre><script>: <script>\n"
    assert all(image["attrs"]["src"].startswith("data:") for image in page.all("img"))


def test_best_first_undefined_last_and_shown_as_a_dash(folder):
    rows = [row("nan", float("nan")), row("low", 0.2), row("none", None), row("high", 0.8765)]
    page = written(folder, rows)
    headers = [element["text"] for element in page.all("th", scope="row")]
    assert headers == ["high", "low", "nan", "none", "Mean"]
    cells = [cell["text"].strip() for cell in page.all("td")]
    assert cells[:6] == ["0.876", "0.876", "0.0125", "42", "converged", "0.50"]
    assert cells[12:14] == cells[18:20] == [DASH, DASH]
    assert cells[24:26] == ["0.250", "0.750"]
    assert len(page.all("th", scope="col")) == 7
    assert "nan" not in "".join(cells)


def test_header_has_means_count_and_time(folder):
    page = written(folder, [row("a", 0.5, seconds=100.0), row("b", 0.5, seconds=31.4), row("c", 0.5, seconds=None)])
    tiles = [tile["text"] for tile in page.all("div", **{"class": "tile"})]
    assert tiles == [
        "Mean IoU, oracle polarity0.750", "Mean IoU, fixed polarity0.250", "Pictures3", "Time2 min 11 s",
    ]  # fmt: skip


def test_settings_are_yaml_whatever_they_hold(folder):
    import enum
    from pathlib import PurePosixPath

    import yaml

    kind = enum.Enum("kind", "GREEDY")
    settings = {
        "size": 128,
        "weights": {"error": 1.0, "over": (1, 2)},
        "where": PurePosixPath("a b"),
        "rule": kind.GREEDY,
    }
    text = written(folder, [], settings=settings).all("pre")[0]["text"]
    assert yaml.safe_load(text) == {
        "size": 128, "weights": {"error": 1.0, "over": [1, 2]}, "where": "a b", "rule": "kind.GREEDY",
    }  # fmt: skip


def test_versions_are_those_of_this_machine_unless_given(folder):
    import torch

    assert torch.__version__.split("+")[0] in written(folder, []).all("dl", **{"class": "versions"})[0]["text"]
    given = written(folder, [], versions={"engine": "9.9"}).all("dl", **{"class": "versions"})[0]["text"]
    assert "".join(given.split()) == "engine9.9"


def test_no_rows_work_and_say_so(folder):
    page = written(folder, [], means={})
    assert "No pictures: this run has no results to show." in page.all("main")[0]["text"]
    assert not page.all("table")
    assert [tile["text"] for tile in page.all("div", **{"class": "tile"})][2:] == ["Pictures0", f"Time{DASH}"]


def test_large_runs_show_the_best_and_the_worst_and_list_all(folder):
    rows = [row(f"photo {i:03d}", i / 200) for i in range(200)]
    page = written(folder, rows, most_cards=5)
    names = [heading["text"] for heading in page.all("h3")]
    assert names == ["photo 199", "photo 198", "photo 197", "photo 001", "photo 000"]
    assert len(page.all("th", scope="row")) == 201
    assert len(page.all("a")) == 5
    assert "Of 200 photographs" in page.all("main")[0]["text"]


def test_phones_darkness_and_language(folder):
    page = written(folder, [])
    assert page.all("html")[0]["attrs"]["lang"] == "en"
    assert page.all("meta", name="viewport")[0]["attrs"]["content"] == "width=device-width, initial-scale=1"
    assert "prefers-color-scheme: dark" in page.all("style")[0]["text"]


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_has_contrast(folder, scheme):
    """Every ink on every ground it stands on: at least 4.5, the level AA of WCAG 2."""
    style = written(folder, []).all("style")[0]["text"]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", style.split(":root {")[1 + scheme].split("}")[0]))

    def luminance(colour):
        parts = [int(colours[colour][i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    grounds = ("paper", "card")
    pairs = [(ink, ground) for ink in ("ink", "quiet", "accent") for ground in grounds]
    for ink, ground in [*pairs, ("ink", "bar"), ("good", "good-paper"), ("fair", "fair-paper")]:
        lighter, darker = sorted((luminance(ink), luminance(ground)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (ink, ground)


def test_a_folder_that_cannot_be_written_is_an_image_error(folder):
    (folder / "file").write_text("")
    with pytest.raises(ImageError):
        write_report(
            folder / "file" / "report.html", title="", settings={}, rows=[], means={}, curves_svg_or_png=None,
            folder=folder,
        )  # fmt: skip
