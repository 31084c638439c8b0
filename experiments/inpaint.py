"""Hold painters side by side where the truth is known: ``python experiments/inpaint.py``; see ``--help``."""

import sys
from pathlib import Path

from iem.runner.application import Application, start
from iem.runner.painting_experiment import check, note, try_painters
from iem.runner.schema.inpaint import store

APPLICATION = Application(
    task=try_painters,
    folder=Path(__file__).resolve().parents[1] / "conf",
    name="inpaint",
    store=store,
    check=check,
    note=note,
)

if __name__ == "__main__":
    sys.exit(start(APPLICATION))
