import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """So large and busy that finding its objects takes a while."""
    generator = np.random.default_rng(0)
    coarse = Image.fromarray(generator.integers(0, 255, (12, 16, 3), dtype=np.uint8))
    path = tmp_path_factory.mktemp("large") / "large.png"
    coarse.resize((1200, 900), Image.Resampling.BICUBIC).save(path)
    return path


def test_a_page_named_jpg_is_refused_and_not_run(tab, tmp_path, photos):
    evil = tmp_path / "<img src=x onerror='window.ran=1'>.jpg"
    evil.write_text("<!doctype html><script>window.ran = 1</script><img src=x onerror='window.ran=1'>")
    tab.refusals.add(415)
    tab.page.set_input_files("#file", evil)
    tab.page.wait_for_selector("#start-problem:not([hidden])")
    assert len(tab.page.inner_text("#start-problem")) > 20
    assert tab.page.locator("#start-problem *").count() == 0
    assert tab.page.evaluate("window.ran") is None
    assert tab.page.get_attribute("body", "data-view") == "start"
    tab.open(photos["coins"])  # and goes on
    assert not tab.page.locator("#start-problem").is_visible()


def test_a_hostile_name_is_text(tab, tmp_path, photos):
    named = tmp_path / "<img src=x onerror='window.ran=1'>.png"
    named.write_bytes(photos["coins"].read_bytes())
    tab.open(named)
    assert "<img" in tab.page.inner_text("#name")
    assert tab.page.locator("header img").count() == 0
    assert tab.page.evaluate("window.ran") is None


def test_words_without_a_network_for_them_are_answered_by_what_to_get(tab, photos):
    about = tab.page.request.get(f"{tab.server.url}/api/about").json()
    if any(each["ready"] and "text" in each["prompts"] for each in about["segmenters"]):
        pytest.skip("a network for words is installed here")
    tab.open(photos["coins"])
    tab.refusals.add(422)
    tab.page.click("[data-tool=text]")
    tab.page.keyboard.type("a coin")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("#selection-problem:not([hidden])")
    assert "iem models get" in tab.page.inner_text("#selection-problem")
    assert not tab.page.locator("#job").is_visible()
    missing = tab.page.inner_text("#segmenters-missing")
    assert "more methods" in missing
    assert tab.page.locator("#segmenter option[disabled]").count() == sum(
        not each["ready"] for each in about["segmenters"]
    )


def test_only_what_should_stay_is_not_asked(tab, photos):
    tab.open(photos["coins"])
    tab.page.click("#exclude")
    tab.page.mouse.click(*tab.at(100, 100))
    tab.page.wait_for_selector("#selection-problem:not([hidden])")
    assert tab.session["revision"] == 0


def test_a_long_job_is_cancelled_and_the_page_goes_on(tab, large):
    tab.open(large)
    tab.page.click("#find")
    tab.until("/[0-9] of/.test(document.getElementById('job-text').textContent)")
    tab.shoot("working")
    job = tab.session["job"]["id"]
    tab.page.click("#cancel")
    tab.page.wait_for_selector("#job", state="hidden", timeout=10_000)
    assert tab.json(f"/jobs/{job}")["state"] == "cancelled"
    assert tab.session["proposal"] is None
    tab.click(600, 450)
    assert tab.session["proposal"]


def test_a_second_click_takes_the_place_of_the_first(tab, photos):
    tab.open(photos["flower"])
    for place in [(308, 222), (330, 250), (280, 190)]:
        tab.page.mouse.click(*tab.at(*place))
    tab.until("document.querySelectorAll('#marks .point').length === 3")
    tab.page.wait_for_selector("#proposal:not([hidden])")
    tab.page.wait_for_selector("#job", state="hidden")
    assert len(tab.session["proposal"]["prompts"][0]["xy"]) == 3


def test_a_reload_finds_everything_again(tab, photos):
    page = tab.page
    tab.open(photos["flower"])
    tab.click(308, 222)
    tab.press("#keep")
    tab.press("#remove")
    page.wait_for_selector("body[data-mode=result]")
    page.click("[data-mode=select]")
    tab.click(390, 410)
    before = tab.session
    page.reload()
    page.wait_for_selector("body[data-view=edit] #edit[aria-busy=false]")
    assert tab.session == before
    assert page.locator("#objects li").count() == 1
    assert page.locator("#marks .point").count() == 1
    assert page.locator("#downloads").is_visible()
    tab.press("#undo")
    assert tab.session["proposal"] is None


def test_a_job_goes_on_over_a_reload(tab, large):
    tab.open(large)
    tab.page.click("#find")
    tab.until("/[0-9] of/.test(document.getElementById('job-text').textContent)")
    tab.page.reload()
    tab.page.wait_for_selector("#job:not([hidden])")
    tab.page.click("#cancel")
    tab.page.wait_for_selector("#job", state="hidden", timeout=10_000)


def test_a_photo_that_is_gone_is_told(tab, photos):
    tab.refusals.add(404)
    tab.go("#0123456789abcdef0123456789abcdef")
    tab.page.wait_for_selector("#start-problem:not([hidden])")
    assert "no longer" in tab.page.inner_text("#start-problem")
    tab.open(photos["coins"])


def test_two_tabs_are_two_sessions(new_tab, photos):
    first, second = new_tab(), new_tab()
    first.open(photos["flower"])
    second.open(photos["coins"])
    first.page.mouse.click(*first.at(308, 222))
    second.page.mouse.click(*second.at(335, 45))
    for tab, name in [(first, "flower"), (second, "coins")]:
        tab.page.wait_for_selector("#proposal:not([hidden])")
        assert tab.session["name"] == f"{name}.png"
        assert tab.mask().shape == np.asarray(Image.open(photos[name])).shape[:2]
    assert first.mask()[222, 308]
    assert second.mask()[45, 335]
    first.press("#keep")
    assert second.session["objects"] == []


def test_without_the_link_nothing_is_let_in(new_tab):
    tab = new_tab(start=False)
    tab.refusals |= {401, 403}
    answer = tab.page.goto(f"{tab.server.url}/")
    assert answer.status in (401, 403)
