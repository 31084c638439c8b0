"""Take scenes apart region by region: ``python experiments/peel.py photos=DIR``; see ``--help``."""

import sys
from pathlib import Path

from iem.runner.application import Application, start
from iem.runner.peel_experiment import check, note, peel_dataset
from iem.runner.schema.peel import store

APPLICATION = Application(
    task=peel_dataset,
    folder=Path(__file__).resolve().parents[1] / "conf",
    name="peel",
    store=store,
    check=check,
    note=note,
)

if __name__ == "__main__":
    sys.exit(start(APPLICATION))
