"""A table of one file on a local server, and caches that nobody else uses."""

import io

import pytest
import torch
from references.moody_server import serve

from iem.weights import catalogue
from iem.weights.checkpoint import PICKLE, Checkpoint


@pytest.fixture(autouse=True)
def folders(monkeypatch, tmp_path):
    """Where weights are kept in a test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("IEM_WEIGHTS", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


@pytest.fixture
def server():
    with serve() as moods:
        yield moods


@pytest.fixture
def listed(monkeypatch):
    """Puts an entry into the table, instead of all others."""

    def put(entry: Checkpoint) -> Checkpoint:
        monkeypatch.setattr(catalogue, "_TABLE", (entry,))
        return entry

    return put


@pytest.fixture
def weights() -> bytes:
    """A file of tensors, of 400 kB."""
    buffer = io.BytesIO()
    torch.save({"weight": torch.arange(100_000.0)}, buffer)
    return buffer.getvalue()


@pytest.fixture
def entry(server, listed, weights):
    """An entry whose file is on the server; nobody states its sum."""
    server.files["/tiny.pth"] = weights
    address = f"{server.address}/tiny.pth"
    return listed(Checkpoint("tiny", "tests", "MIT", "file", address, len(weights), PICKLE, file="tiny.pth"))
