"""Hold segmenters side by side on photographs with prompts: see ``python experiments/mask_generators.py --help``."""

import sys
from pathlib import Path

from iem.runner.application import Application, start
from iem.runner.mask_experiment import check, try_generators
from iem.runner.schema.mask_generators import store

APPLICATION = Application(
    task=try_generators,
    folder=Path(__file__).resolve().parents[1] / "conf",
    name="mask_generators",
    store=store,
    check=check,
)

if __name__ == "__main__":
    sys.exit(start(APPLICATION))
