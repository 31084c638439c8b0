import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

pytestmark = pytest.mark.browser


def iou(mask, truth):
    return (mask & truth).sum() / (mask | truth).sum()


def save(tab, selector, path):
    with tab.page.expect_download() as coming:
        tab.page.click(selector)
    coming.value.save_as(path)
    return coming.value.suggested_filename


def test_two_objects_are_clicked_boxed_removed_and_downloaded(tab, photos, dahlias, tmp_path):
    page = tab.page
    tab.open(photos["flower"])
    tab.click(308, 222)
    assert iou(tab.mask(), dahlias[0]) > 0.85
    assert "score" in page.inner_text("#area")
    tab.shoot("selected")
    tab.press("#keep")
    page.click("#another")
    page.click("[data-tool=box]")
    tab.drag((284, 370), (472, 426.5))
    assert iou(tab.mask(), dahlias[1]) > 0.7
    tab.press("#keep")
    assert page.locator("#objects li").count() == 2
    page.click("#remove")
    page.wait_for_selector("body[data-mode=result]")
    tab.shoot("removed")

    session = tab.session
    name = save(tab, "#download", tmp_path / "result.png")
    assert name.startswith("flower")
    assert name.endswith(".png")
    before = np.asarray(Image.open(photos["flower"]).convert("RGB")).astype(int)
    after = np.asarray(Image.open(tmp_path / "result.png").convert("RGB")).astype(int)
    assert after.shape == before.shape
    hole = (tab.picture("/objects/1.png") > 127) | (tab.picture("/objects/2.png") > 127)
    beyond = ndimage.distance_transform_edt(~hole) > session["result"]["grow"] + session["result"]["feather"] + 1
    assert (after == before)[beyond].all()
    assert beyond.mean() > 0.5
    # where the flower was orange, the dark leaves around it are seen
    assert before[dahlias[0]][:, 0].mean() > 200
    assert after[dahlias[0]][:, 0].mean() < 80

    save(tab, "#masks", tmp_path / "masks.zip")
    with zipfile.ZipFile(tmp_path / "masks.zip") as masks:
        pictures = [Image.open(io.BytesIO(masks.read(each))) for each in masks.namelist() if each.endswith(".png")]
    assert any((np.asarray(each) > 127).sum() == (tab.picture("/objects/1.png") > 127).sum() for each in pictures)

    save(tab, "#save", tmp_path / "project.zip")
    first = page.url
    page.click("#another-photo")
    page.wait_for_selector("body[data-view=start]")
    page.set_input_files("#project", tmp_path / "project.zip")
    page.wait_for_selector("body[data-view=edit]")
    assert page.url != first
    assert page.locator("#objects li").count() == 2


def test_a_selection_is_refined_changed_undone_and_redone(tab, photos):
    page = tab.page
    tab.open(photos["flower"])
    assert page.locator("#undo").is_disabled()
    tab.click(308, 222)
    start = tab.mask()
    tab.click(308, 120, exclude=True)
    assert not tab.mask()[119, 307]
    assert tab.session["proposal"]["prompts"][0]["positive"] == [True, False]
    assert page.locator("#marks .point").count() == 2
    tab.press("#undo")
    assert (tab.mask() == start).all()
    assert page.locator("#marks .point").count() == 1
    tab.press("#redo")
    assert page.locator("#marks .point.excluded").count() == 1
    tab.press("#undo")
    tab.press("#grow-mask")
    assert tab.mask().sum() > start.sum()
    assert tab.mask()[start].all()
    tab.press("#shrink-mask")
    tab.press("#invert")
    assert tab.mask().mean() == pytest.approx(1 - start.mean(), abs=0.03)
    page.keyboard.press("Control+z")
    tab.until("document.getElementById('area').textContent.startsWith('2')")
    tab.press("#discard")
    assert tab.session["proposal"] is None
    assert page.locator("#marks .point").count() == 0


def test_an_object_is_switched_off_and_deleted(tab, photos):
    page = tab.page
    tab.open(photos["flower"])
    tab.click(308, 222)
    tab.press("#keep")
    tab.press("#objects input")
    assert tab.session["objects"][0]["on"] is False
    assert page.locator("#remove").is_disabled()
    tab.press("#objects .icon")
    assert page.locator("#objects li").count() == 0
    tab.press("#undo")
    assert page.locator("#objects li").count() == 1


def test_a_scribble_is_sent_in_pixels_of_the_photo(tab, photos, dahlias):
    tab.open(photos["flower"])
    tab.page.click("[data-tool=scribble]")
    tab.drag((240, 180), (310, 220), (380, 260))
    (prompt,) = tab.session["proposal"]["prompts"]
    assert prompt["type"] == "scribble"
    assert prompt["points"][0] == pytest.approx([240, 180], abs=1.5)
    assert prompt["points"][-1] == pytest.approx([380, 260], abs=1.5)
    assert iou(tab.mask(), dahlias[0]) > 0.8


def test_candidates_are_chosen_and_the_film_plays(tab, photos):
    page = tab.page
    tab.open(photos["flower"])
    tab.click(308, 222)
    look = "document.getElementById('overlay').toDataURL().slice(-2000)"
    page.wait_for_selector("#film:not([hidden])")
    page.wait_for_timeout(1000)  # for the outline to be drawn
    still = page.evaluate(look)
    assert len(tab.session["proposal"]["candidates"]) > 1
    tab.press("#candidates [data-index='1']")
    assert tab.session["proposal"]["chosen"] == 1
    tab.until(f"{look} !== {still!r}")
    tab.press("#candidates [data-index='0']")
    tab.until(f"{look} === {still!r}")
    page.locator("#film-at").evaluate("each => { each.value = 1; each.dispatchEvent(new Event('input')); }")
    tab.until(f"{look} !== {still!r}")
    page.locator("#film-at").evaluate("each => { each.value = each.max - 8; each.dispatchEvent(new Event('input')); }")
    page.click("#film-play")
    tab.until("document.getElementById('film-at').value === document.getElementById('film-at').max")
    tab.until(f"{look} === {still!r}")


def test_everything_works_by_keyboard_alone(tab, photos, dahlias):
    page = tab.page
    tab.open(photos["flower"])
    tab.until("document.activeElement.id === 'surface'")
    page.keyboard.press("ArrowUp")  # shows the cross-hair in the middle
    assert page.locator("#marks .cross-hair").count() == 1
    before = tab.session["revision"]
    page.keyboard.press("Enter")
    tab.settle(before)
    assert iou(tab.mask(), dahlias[0]) > 0.85
    for _ in range(3):
        page.keyboard.press("Shift+ArrowUp")
    before = tab.session["revision"]
    page.keyboard.press("Shift+Enter")
    tab.settle(before)
    prompt = tab.session["proposal"]["prompts"][0]
    assert prompt["positive"] == [True, False]
    assert prompt["xy"][0] == pytest.approx([320, 213.5])
    for key, check in [
        ("Control+z", lambda session: len(session["proposal"]["prompts"][0]["xy"]) == 1),
        ("k", lambda session: len(session["objects"]) == 1),
        ("Control+z", lambda session: not session["objects"]),
        ("Control+Shift+z", lambda session: len(session["objects"]) == 1),
    ]:
        before = tab.session["revision"]
        page.keyboard.press(key)
        tab.settle(before)
        assert check(tab.session), key
    page.keyboard.press("b")
    page.keyboard.press("ArrowDown")
    for key, count in [("Shift+ArrowDown", 2), ("ArrowDown", 6)]:
        for _ in range(count):
            page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    before = tab.session["revision"]
    page.keyboard.press("Enter")
    tab.settle(before)
    assert tab.session["proposal"]["prompts"][0]["type"] == "box"
    before = tab.session["revision"]
    page.keyboard.press("d")
    tab.settle(before)
    page.keyboard.press("r")
    page.wait_for_selector("body[data-mode=result]")
    page.keyboard.press("v")
    page.wait_for_selector("body[data-mode=select]")
    page.keyboard.press("?")
    assert page.locator("#help-dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#help-dialog").is_visible()


def test_letters_can_be_switched_off(tab, photos):
    page = tab.page
    page.click("#help")
    page.uncheck("#letters")
    page.click("#help-close")
    tab.open(photos["flower"])
    page.keyboard.press("b")
    assert page.get_attribute("[data-tool=points]", "aria-checked") == "true"
    page.reload()
    page.wait_for_selector("body[data-ready]")
    page.keyboard.press("b")
    assert page.get_attribute("[data-tool=points]", "aria-checked") == "true"
