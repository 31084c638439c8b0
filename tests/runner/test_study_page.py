"""The page of a study in a real browser: judged by mouse and by keys, kept, saved, and counted."""

import json

import pytest
from references.study_run import study_run

from iem.runner.study_build import build_study
from iem.runner.study_collect import collect

pytestmark = pytest.mark.browser


@pytest.fixture
def study(tmp_path):
    return build_study(study_run(tmp_path / "run"), tmp_path / "study")


@pytest.fixture
def opened(chromium, study):
    context = chromium.new_context(viewport={"width": 1200, "height": 900}, accept_downloads=True)
    page, trouble, asked = context.new_page(), [], []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda message: trouble.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(study.page.as_uri())
    yield page
    assert trouble == []
    assert {url for url in asked if not url.startswith(("data:", "blob:"))} == {study.page.as_uri()}
    context.close()


def saved(page, tmp_path):
    with page.expect_download() as download:
        page.click("#save")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_all_is_judged_by_keys_kept_over_a_reload_and_counted(opened, study, tmp_path):
    opened.click("#begin")
    for _ in range(3):
        for key in "yn7":
            opened.keyboard.press(key)
    assert opened.inner_text("#place") == "Picture 1 of 2 · 3 of 6 results judged"
    opened.reload()
    assert opened.inner_text("#place") == "Picture 1 of 2 · 3 of 6 results judged"
    assert opened.locator("input:checked").count() == 9
    opened.keyboard.press("ArrowRight")
    for keys in ("ny0", "yyt", "nn3"):
        for key in keys:
            opened.keyboard.press(key)
    file = saved(opened, tmp_path)
    found = collect([file], study.key)
    assert (found.persons, found.problems, found.notes) == (1, (), ())
    given = list(json.loads(file.read_text())["answers"].values())
    assert given[:3] == [{"removed": True, "altered": False, "harmony": 7}] * 3
    assert given[3:] == [
        {"removed": False, "altered": True, "harmony": 0},
        {"removed": True, "altered": True, "harmony": 10},
        {"removed": False, "altered": False, "harmony": 3},
    ]


def test_what_is_missing_is_shown_before_saving(opened, study, tmp_path):
    opened.click("#begin")
    card = opened.locator(".result").first
    card.locator("fieldset[data-name=removed] label").first.click()
    card.locator("fieldset[data-name=altered] label").nth(1).click()
    card.locator("fieldset[data-name=harmony] label").nth(10).click()
    opened.click("#next")
    opened.click("#save")
    assert "5 of 6 results are not judged yet" in opened.inner_text("#ask")
    opened.click("#ask-yes")
    assert opened.inner_text("#place").startswith("Picture 1 of 2")
    assert opened.evaluate("document.activeElement.closest('.result') === document.querySelectorAll('.result')[1]")
    opened.click("#save")
    with opened.expect_download() as download:
        opened.click("#ask-no")
    path = tmp_path / "part.json"
    download.value.save_as(path)
    assert collect([path], study.key).notes == ("part.json: 5 of 6 results not or not wholly judged",)


def test_another_person_begins_anew(opened, tmp_path):
    opened.click("#begin")
    opened.keyboard.press("y")
    first = opened.evaluate("JSON.parse(Object.values(localStorage)[0]).person")
    opened.click("#next")
    opened.click("#other")
    opened.click("#ask-no")
    assert opened.evaluate("JSON.parse(Object.values(localStorage)[0]).person") == first
    opened.click("#other")
    opened.click("#ask-yes")
    kept = opened.evaluate("JSON.parse(Object.values(localStorage)[0])")
    assert kept["person"] != first
    assert kept["answers"] == {}
    assert opened.is_visible("#intro")


def test_the_original_is_seen_while_held(opened):
    opened.click("#begin")
    was = opened.locator(".result .was").first
    assert was.evaluate("node => getComputedStyle(node).opacity") == "0"
    opened.keyboard.down("o")
    assert was.evaluate("node => getComputedStyle(node).opacity") == "1"
    opened.keyboard.up("o")
    look = opened.locator(".look").first
    look.hover()
    opened.mouse.down()
    assert was.evaluate("node => getComputedStyle(node).opacity") == "1"
    opened.mouse.up()
    assert was.evaluate("node => getComputedStyle(node).opacity") == "0"


def test_a_damaged_memory_does_not_matter(opened):
    opened.evaluate(
        "Object.keys(localStorage).concat(['iem-study-x']).forEach((key) => localStorage.setItem(key, '{'))"
    )
    opened.reload()
    assert opened.is_visible("#intro")


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_wider_than_the_window(opened, width):
    opened.set_viewport_size({"width": width, "height": 800})
    opened.click("#begin")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
