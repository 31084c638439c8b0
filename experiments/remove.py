"""Hold ways of removing objects side by side: ``python experiments/remove.py``; see ``--help``."""

import sys
from pathlib import Path

from iem.runner.application import Application, start
from iem.runner.remove_experiment import check, remove_dataset
from iem.runner.schema.remove import store

APPLICATION = Application(
    task=remove_dataset,
    folder=Path(__file__).resolve().parents[1] / "conf",
    name="remove",
    store=store,
    check=check,
)

if __name__ == "__main__":
    sys.exit(start(APPLICATION))
