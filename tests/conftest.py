"""What every test shares: checked shapes, few threads, and the package without the checks to read its own messages."""

import importlib
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jaxtyping
import pytest
import torch

# Annotations of the method are checked while its tests run, tensor shapes included. What stands above it states wrong
# input in messages of its own, and so do the checks themselves.
CHECKED = [
    "iem.features",
    "iem.initialisers",
    "iem.inpainters",
    "iem.interfaces",
    "iem.masks",
    "iem.maximise",
    "iem.objectives",
    "iem.optimisers",
    "iem.presets",
]

sys.path.insert(0, str(Path(__file__).parent))  # for `from references import ...`
_HOOK = jaxtyping.install_import_hook(CHECKED, "typechecking.check")
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def unchecked() -> Callable[[str], ModuleType]:
    """Imports modules of ``iem`` as a user gets them: wrong input meets our own messages, not the type checker's.

    The classes are other ones than those that the tests import, so compare with ``==`` and by name.
    """
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if name == "iem" or name.startswith("iem.")}
    finders = sys.meta_path[:]
    sys.meta_path[:] = [finder for finder in finders if not type(finder).__module__.startswith("jaxtyping")]
    try:
        for name in [*CHECKED, "iem.segmentation"]:
            importlib.import_module(name)
        plain = {name: module for name, module in sys.modules.items() if name == "iem" or name.startswith("iem.")}
    finally:
        sys.meta_path[:] = finders
        for name in [name for name in sys.modules if name == "iem" or name.startswith("iem.")]:
            del sys.modules[name]
        sys.modules.update(ours)
    return plain.__getitem__


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Hydra gives the root logger handlers that write to what a test has captured, and leaves them there."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A real browser, one for all tests: its driver runs but once in a process."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no Chromium here")
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser's driver is not installed")
    quiet = ("background-networking", "component-update", "sync")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=program, headless=True, args=[*arguments, *(f"--disable-{each}" for each in quiet)]
        )
        yield browser
        browser.close()
