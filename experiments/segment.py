"""Segment a labelled dataset: ``python experiments/segment.py experiment=quickstart``; see ``--help``."""

import sys
from pathlib import Path

from iem.runner.application import Application, start
from iem.runner.experiment import check, note, segment_dataset
from iem.runner.schema.segment import store

APPLICATION = Application(
    task=segment_dataset,
    folder=Path(__file__).resolve().parents[1] / "conf",
    name="segment",
    store=store,
    check=check,
    note=note,
)

if __name__ == "__main__":
    sys.exit(start(APPLICATION))
