"""W&B as on a machine that has never seen it: no key, no settings, no session from an earlier test."""

import os

import pytest
import torch
import wandb
from references.wandb_server import WandbServer

from iem.interfaces import RunIdentity


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("NETRC", str(folder / "netrc"))
    wandb.teardown()
    yield folder
    wandb.teardown()


@pytest.fixture
def server(home, monkeypatch):
    with WandbServer() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running
        wandb.teardown()


@pytest.fixture
def identity(tmp_path):
    def make(name="a run", key="1f2e3d4c5b6a", **more):
        folder = tmp_path / "jobs" / name
        folder.mkdir(parents=True, exist_ok=True)
        return RunIdentity(key, name, folder, **more)

    return make


@pytest.fixture
def picture():
    """A picture of 40 x 30 and two masks: a square and the left half."""
    image = torch.rand(1, 3, 30, 40, generator=torch.Generator().manual_seed(0))
    prediction, truth = torch.zeros(1, 1, 30, 40), torch.zeros(1, 1, 30, 40)
    prediction[..., 5:20, 10:30] = 1
    truth[..., :20] = 1
    return image, prediction, truth
