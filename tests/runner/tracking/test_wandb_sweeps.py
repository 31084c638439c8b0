"""The sweeps of W&B that are shipped, started as its agent starts them."""

import sys
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from iem.runner.experiment import check
from iem.runner.naming import register_resolvers
from iem.runner.schema.command import understand
from iem.runner.schema.parts import Parts
from iem.runner.schema.segment import store

ROOT = Path(__file__).resolve().parents[3]
SWEEPS = sorted((ROOT / "conf" / "wandb_sweeps").glob("*.yaml"))


def commands(sweep):
    """What the agent runs for the first value of each parameter, and for the last; by W&B's own rules."""
    for which in (0, -1):
        chosen = {name: each["values"][which] for name, each in sweep["parameters"].items()}
        arguments = create_sweep_command_args({"args": {name: {"value": value} for name, value in chosen.items()}})
        meant = {"${env}": ["/usr/bin/env"], "python": [sys.executable], "${program}": [sweep["program"]]}
        meant |= {f"${{{name}}}": words for name, words in arguments.items()}
        yield chosen, [word for part in sweep["command"] for word in meant.get(part, [part])]


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_an_agent_starts_what_is_meant(path):
    sweep = yaml.safe_load(path.read_text())
    assert (ROOT / sweep["program"]).exists()
    store()
    register_resolvers()
    for chosen, words in commands(sweep):
        assert words[:3] == ["/usr/bin/env", sys.executable, sweep["program"]]
        asked = understand(words[3:], folder=ROOT / "conf", name="segment", multirun=False, extra=None)
        (job,) = asked.jobs
        for name, value in chosen.items():
            assert OmegaConf.select(job.config, name) == value
        check(job, Parts(), asked.given, ROOT / "conf")
        assert job.config.tracker.mode == "online"


def test_there_is_one():
    assert [path.stem for path in SWEEPS] == ["paper_lambda"]
