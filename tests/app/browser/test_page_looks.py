import pytest

pytestmark = pytest.mark.browser

# The contrast of every visible text with what is behind it (WCAG 2.2, 1.4.3), where that is one colour.
CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = parse(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (element.closest(":disabled, .away, option, .tag") || element.matches("option")) continue;
    const colours = [parse(getComputedStyle(element).color).slice(0, 3), behind(element)].map(light);
    const ratio = (Math.max(...colours) + 0.05) / (Math.min(...colours) + 0.05);
    if (ratio < 4.5) poor.push([element.id || element.className || element.tagName, ratio]);
  }
  return poor;
}"""

NAMELESS = """() => [...document.querySelectorAll("button, input, select, a[href], [role=radio]")]
  .filter((each) => each.checkVisibility())
  .filter((each) => !(each.getAttribute("aria-label") || each.labels?.length || each.textContent.trim()))
  .map((each) => each.outerHTML)"""

SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (360, 740)])
def test_every_stage_fits_is_legible_and_named(new_tab, photos, scheme, width, height):
    tab = new_tab(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = tab.page

    def look(stage):
        page.wait_for_timeout(150)
        tab.shoot(f"{stage}-{width}-{scheme}")
        assert not page.evaluate(SIDEWAYS), stage
        assert page.evaluate(CONTRAST) == [], stage
        assert page.evaluate(NAMELESS) == [], stage

    look("start")
    tab.open(photos["flower"])
    look("opened")
    tab.click(308, 222)
    look("selected")
    page.locator("#segmenters-missing summary").click()
    look("needs")
    tab.press("#keep")
    look("kept")
    page.click("#remove")
    page.wait_for_selector("body[data-mode=result]")
    look("removed")
    page.click("#help")
    look("help")
    red = int(page.evaluate("getComputedStyle(document.body).backgroundColor").split("(")[1].split(",")[0])
    assert (red < 60) == (scheme == "dark")


def test_dark_and_light_can_be_chosen_and_stay(new_tab):
    page = new_tab(color_scheme="light").page
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.click("#theme")
    dark = page.evaluate(colour)
    assert dark != light
    page.reload()
    assert page.evaluate(colour) == dark
    page.click("#theme")
    assert page.evaluate(colour) == light


@pytest.mark.parametrize("density", [1, 2.5])
def test_clicks_are_pixels_of_the_photo_at_every_scale(new_tab, photos, density):
    tab = new_tab(viewport={"width": 701, "height": 533}, device_scale_factor=density)
    tab.open(photos["flower"])
    for _ in range(3):
        tab.page.click("#zoom-in")
    tab.page.locator("#viewport").evaluate("each => { each.scrollLeft = 500; each.scrollTop = 300; }")
    box = tab.page.locator("#viewport").bounding_box()
    canvas = tab.page.locator("#surface").bounding_box()
    x, y = box["x"] + 120, box["y"] + 90
    tab.page.mouse.click(x, y)
    tab.page.wait_for_selector("#proposal:not([hidden])")
    (place,) = tab.session["proposal"]["prompts"][0]["xy"]
    expected = [(x - canvas["x"]) / canvas["width"] * 640, (y - canvas["y"]) / canvas["height"] * 427]
    assert place == pytest.approx(expected, abs=1)
    assert canvas["width"] > 1.2 * box["width"]


def test_who_wants_less_motion_gets_none(new_tab, photos):
    tab = new_tab(reduced_motion="reduce")
    tab.open(photos["coins"])
    tab.click(335, 45)
    assert not any("/frames/" in address for address in tab.requests)
    assert tab.page.evaluate("getComputedStyle(document.getElementById('job-progress')).animationName") == "none"


def test_the_first_paint_is_quick(tab):
    paints = tab.page.evaluate("performance.getEntriesByType('paint').map((each) => [each.name, each.startTime])")
    assert dict(paints)["first-contentful-paint"] < 3000  # one, on a machine with nothing else to do


def test_a_photo_is_pasted_and_dropped(new_tab, photos):
    give = """async ([kind, address]) => {
      const blob = await (await fetch(address)).blob();
      const data = new DataTransfer();
      data.items.add(new File([blob], "given.png", { type: "image/png" }));
      const event = kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
    }"""
    tab = new_tab()
    tab.open(photos["coins"])
    source = tab.page.url.replace("#", "api/sessions/") + "/photo"
    for kind in ("paste", "drop"):
        before = tab.page.url
        tab.page.evaluate(give, [kind, source])
        tab.until(f"location.href !== {before!r}")
        tab.page.wait_for_selector("#edit[aria-busy=false]")
        assert tab.session["name"] == "given.png"
