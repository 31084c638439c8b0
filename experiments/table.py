"""All methods and metrics in one table: ``python experiments/table.py data.flowers17=DIR``; see ``--help``."""

import sys
from pathlib import Path

from iem.runner.application import Application, start
from iem.runner.method_table import check, make_table, store

APPLICATION = Application(
    task=make_table,
    folder=Path(__file__).resolve().parents[1] / "conf",
    name="table",
    store=store,
    check=check,
)

if __name__ == "__main__":
    sys.exit(start(APPLICATION))
