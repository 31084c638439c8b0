"""Starting experiments/peel.py as a user does, in this process."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from iem.runner.application import Application, start
from iem.runner.naming import register_resolvers
from iem.runner.peel_experiment import check, note, peel_dataset
from iem.runner.schema.command import understand
from iem.runner.schema.peel import store

CONF = Path(__file__).resolve().parents[2] / "conf"


@pytest.fixture
def run_peel(monkeypatch, tmp_path, capfd):
    """Start it in an empty folder; returns its exit code, what it put out and what it said."""

    def call(*overrides: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["peel.py", *overrides])
        capfd.readouterr()
        code = start(Application(peel_dataset, CONF, "peel", store, check, note))
        shown = capfd.readouterr()
        return code, shown.out, shown.err

    return call


@pytest.fixture(scope="session")
def compose_peel():
    """Its jobs, composed and not run."""

    def call(*overrides: str):
        store()
        register_resolvers()
        return understand(overrides, folder=CONF, name="peel", multirun=False, extra=None)

    return call


@pytest.fixture(scope="session")
def photographs():
    """Fill a folder with red squares on dark grain."""

    def call(folder: Path, count: int = 1) -> Path:
        folder.mkdir()
        for i in range(count):
            values = np.random.default_rng(i).integers(30, 50, (64, 64, 3), dtype=np.uint8)
            values[16:48, 8 + 8 * i : 40 + 8 * i] = (220, 60, 40)
            Image.fromarray(values).save(folder / f"photo{i}.png")
        return folder

    return call
