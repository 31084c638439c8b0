"""What it costs to log every iteration: ``python benchmarks/tracking.py``.

The same run (the built-in photographs at 128 x 128, no pictures written) without a tracker, with plain files, and with
W&B offline, in turn and in this process, so that the ratios hold on a busy machine as well. A first round of each is
not counted: it fills caches, and starts W&B, which is said apart.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from iem import presets
from iem.datasets import Samples
from iem.interfaces import Tracker
from iem.runner.run import run
from iem.runner.tracking import JsonlTracker, WandbTracker

TRACKERS: dict[str, Callable[[], Tracker | None]] = {
    "none": lambda: None,
    "jsonl": JsonlTracker,
    "wandb_offline": lambda: WandbTracker(mode="offline"),
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7, help="of each, in turn")
    arguments.add_argument("--preset", default="best")
    arguments.add_argument("--pictures", type=int, help="of the samples; all, unless given")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    dataset = Samples(size=128, limit=options.pictures)
    print(f"{len(dataset)} photographs of 128 x 128, preset {options.preset}, torch {torch.__version__}")

    first = {name: seconds(dataset, options.preset, name)[0] for name in TRACKERS}
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in TRACKERS}
    for _ in range(options.rounds):
        for name in TRACKERS:
            rounds[name].append(seconds(dataset, options.preset, name))
    for name, measured in rounds.items():
        wall, processor = (statistics.median(column) for column in zip(*measured, strict=True))
        against = [
            statistics.median(own[k] / none[k] for own, none in zip(measured, rounds["none"], strict=True))
            for k in (0, 1)
        ]
        print(
            f"{name:14} {wall:6.2f} s ({processor:5.2f} s of processor); with none "
            f"{100 * against[0] - 100:+5.1f} % ({100 * against[1] - 100:+5.1f} %); the first time {first[name]:.2f} s"
        )


def seconds(dataset: Samples, preset: str, tracker: str) -> tuple[float, float]:
    """On the wall, and of this process."""
    with tempfile.TemporaryDirectory() as folder:
        sys.stderr.flush()
        wall, processor = time.perf_counter(), time.process_time()
        run(
            dataset,
            presets.get(preset),
            folder=Path(folder) / "run",
            settings={"preset": preset},
            write_pictures=False,
            tracker=TRACKERS[tracker](),
        )
        return time.perf_counter() - wall, time.process_time() - processor


if __name__ == "__main__":
    main()
