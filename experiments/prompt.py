"""Segment a labelled dataset from prompts: ``python experiments/prompt.py prompt=click``; see ``--help``."""

import sys
from pathlib import Path

from iem.runner.application import Application, start
from iem.runner.prompt_experiment import check, prompt_dataset
from iem.runner.schema.prompt import store

APPLICATION = Application(
    task=prompt_dataset,
    folder=Path(__file__).resolve().parents[1] / "conf",
    name="prompt",
    store=store,
    check=check,
)

if __name__ == "__main__":
    sys.exit(start(APPLICATION))
