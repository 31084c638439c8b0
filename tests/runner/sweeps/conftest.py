"""Folders as sweeps leave them."""

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf

CONF = Path(__file__).resolve().parents[3] / "conf"
BASIC = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def _multirun(folder, *overrides, params=None, hydra=(), sweeper=BASIC):
    """What Hydra leaves in the folder of a sweep, as far as it matters."""
    content = {
        "hydra": {
            "sweeper": {"_target_": sweeper, "params": params},
            "overrides": {"task": list(overrides), "hydra": list(hydra)},
            "job": {"name": "segment", "config_name": "segment"},
            "runtime": {
                "config_sources": [
                    {"path": "hydra.conf", "schema": "pkg", "provider": "hydra"},
                    {"path": str(CONF), "schema": "file", "provider": "main"},
                    {"path": "", "schema": "structured", "provider": "schema"},
                ]
            },
        }
    }
    folder.mkdir(exist_ok=True)
    OmegaConf.save(content, folder / "multirun.yaml")


def _job(folder, *overrides, rows=None, settings=None, failures=(), **files):
    """A run's folder; with ``rows``, a list of (name, IoU), a finished one."""
    folder.mkdir(parents=True, exist_ok=True)
    command = {"program": "experiments/segment.py", "overrides": [*overrides, "hydra.mode=RUN", "hydra.run.dir='/old'"]}
    contents = {"settings": settings or {}, "command": command, **files}
    if rows is not None:
        keys = ("iou_oracle", "iou_fixed")
        full = [{"name": name, **dict.fromkeys(keys, iou), "seconds": 0.5, "steps": 3} for name, iou in rows]
        known = [iou for _, iou in rows if iou is not None]
        means = dict.fromkeys(keys, sum(known) / len(known) if known else None)
        contents["result"] = {
            "means": means, "rows": full, "failures": list(failures), "settings": settings or {}, "versions": {}
        }  # fmt: skip
    for name, content in contents.items():
        if content is not None:
            (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def multirun():
    return _multirun


@pytest.fixture
def job():
    return _job
