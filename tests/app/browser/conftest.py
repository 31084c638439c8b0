"""Tabs of a real Chromium on a real server; every tab is checked for errors and for requests to elsewhere."""

import io

import httpx
import numpy as np
import pytest
from PIL import Image
from references.page_server import TOKEN, serving
from scipy import ndimage

from iem.datasets import Samples


class Tab:
    """One tab, and what a person does in it.

    Attributes:
        page: of Playwright.
        requests: addresses that were asked for.
        complaints: of the console, and errors that nobody caught.
        refusals: status codes that a test expects; the browser logs each as an error.
    """

    def __init__(self, context, server, shots):
        self.server, self._shots = server, shots
        self.page = context.new_page()
        self.requests, self.complaints, self.refusals = [], [], set()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self._complain(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.set_default_timeout(30_000)

    def _complain(self, kind, text):
        if kind in ("error", "warning") and not any(f"status of {code}" in text for code in self.refusals):
            self.complaints.append(text)

    def go(self, ending=""):
        self.page.goto(f"{self.server.url}/{ending}")
        self.page.wait_for_selector("body[data-ready]")

    def shoot(self, name):
        self.page.screenshot(path=self._shots / f"{name}.png")

    def open(self, file):
        self.page.set_input_files("#file", file)
        self.page.wait_for_selector("body[data-view=edit] #edit[aria-busy=false]")

    def until(self, expression, seconds=20):
        """Wait until it is true in the page (Playwright's own way needs eval, which the page's policy forbids)."""
        for _ in range(int(seconds * 20)):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never true: {expression}")

    @property
    def session(self):
        return self.json("")

    def json(self, ending):
        answer = self.page.request.get(f"{self.server.url}/api/sessions/{self.page.url.split('#')[1]}{ending}")
        assert answer.ok, answer.text()
        return answer.json()

    def picture(self, ending):
        answer = self.page.request.get(f"{self.server.url}/api/sessions/{self.page.url.split('#')[1]}{ending}")
        assert answer.ok, answer.text()
        return np.asarray(Image.open(io.BytesIO(answer.body())))

    def mask(self):
        return self.picture("/proposal.png") > 127

    def at(self, x, y):
        """Where on the screen a pixel of the photo is."""
        box = self.page.locator("#surface").bounding_box()
        width, height = self.page.evaluate("[photo.naturalWidth, photo.naturalHeight]")
        return box["x"] + x / width * box["width"], box["y"] + y / height * box["height"]

    def click(self, x, y, **options):
        """Click on a pixel and wait for the mask."""
        before = self.session["revision"]
        if options.get("exclude"):
            self.page.keyboard.down("Shift")
        self.page.mouse.click(*self.at(x, y))
        if options.get("exclude"):
            self.page.keyboard.up("Shift")
        self.settle(before)

    def drag(self, *places):
        before = self.session["revision"]
        self.page.mouse.move(*self.at(*places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.at(*place), steps=4)
        self.page.mouse.up()
        self.settle(before)

    def settle(self, before):
        """Wait until the page shows a newer session than ``before`` and nothing is at work."""
        self.page.wait_for_selector("#job", state="hidden")
        for _ in range(300):
            if self.session["revision"] > before and not self.page.locator("#job").is_visible():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("nothing came of it")

    def press(self, selector):
        """Press a button whose effect is a new state of the session."""
        before = self.session["revision"]
        self.page.click(selector)
        self.settle(before)


@pytest.fixture(scope="session")
def page_server():
    with serving() as server:
        yield server


@pytest.fixture
def new_tab(chromium, page_server, tmp_path):
    """Makes tabs; each has been let in, and stands at the start."""
    contexts, tabs = [], []

    def make(start=True, **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        tab = Tab(context, page_server, tmp_path)
        tabs.append(tab)
        if start:
            tab.go(f"?token={TOKEN}")
        return tab

    yield make
    try:
        for tab in tabs:
            assert tab.complaints == []
            hosts = {
                httpx.URL(address).netloc for address in tab.requests if not address.startswith(("blob:", "data:"))
            }
            assert hosts <= {f"127.0.0.1:{page_server.port}".encode()}
    finally:
        for context in contexts:
            context.close()


@pytest.fixture
def tab(new_tab):
    return new_tab()


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Built-in photographs as files."""
    folder = tmp_path_factory.mktemp("photos")
    found = {}
    for sample in Samples(only=["flower", "coins"]):
        found[sample.name] = folder / f"{sample.name}.png"
        pixels = (sample.image[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        Image.fromarray(pixels).save(found[sample.name])
    return found


@pytest.fixture(scope="session")
def dahlias():
    """The truth of the flower photograph: the whole dahlia, and the cut one at the lower edge."""
    labels, count = ndimage.label(Samples(only=["flower"])[0].truth[0, 0].numpy() > 0.5)
    assert count == 2
    masks = [labels == each for each in (1, 2)]
    return sorted(masks, key=lambda mask: -mask.sum())
