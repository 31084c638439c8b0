"""How much faster than the published rule by autograd, with the same masks: ``make bench``.

Both run in this process, in turn, on the same eight photographs of 128 x 128 pixels and the same two threads, so the
ratio holds on a busy machine as well. Beside the wall clock stands the processor's own time, which is quieter.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from references import published_rule

import iem
from iem.datasets import Samples
from iem.images import list_pictures, read, square


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3, help="of both, in turn")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--pictures", type=int, default=8)
    arguments.add_argument("--folder", help="other pictures than the samples, evenly spaced among those below it")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)

    if options.folder:
        paths = [listed.path for listed in list_pictures([options.folder])]
        chosen = paths[:: max(1, len(paths) // options.pictures)][: options.pictures]
        image = torch.cat([square(read(path).image, 128) for path in chosen])
    else:
        image = torch.cat([sample.image for sample in Samples(size=128, limit=options.pictures)])
    print(f"{len(image)} photographs of 128 x 128, {options.threads} threads, torch {torch.__version__}")

    iem.segment(image, preset="paper")  # fills the caches, as a user's second batch finds them
    ratios = []
    for round_ in range(options.rounds):
        ours, our_wall, our_processor = timed(lambda: iem.segment(image, preset="paper").mask)
        theirs, their_wall, their_processor = timed(lambda: published_rule.segment(image))
        differing = int((ours != theirs).sum())
        ratios.append((their_wall / our_wall, their_processor / our_processor))
        print(
            f"round {round_ + 1}: autograd {their_wall:6.2f} s ({their_processor:6.2f} s of processor), "
            f"iem {our_wall:5.2f} s ({our_processor:5.2f} s), {ratios[-1][0]:5.1f} times as fast "
            f"({ratios[-1][1]:.1f} by processor time), {differing} pixels differ"
        )
        if differing:
            sys.exit("the masks differ: this is no comparison")
    wall, processor = (statistics.median(column) for column in zip(*ratios, strict=True))
    print(f"median: {wall:.1f} times as fast, {processor:.1f} by processor time")


def timed(work: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, float, float]:
    """The answer, seconds on the wall, seconds of all processors together."""
    wall, processor = time.perf_counter(), time.process_time()
    answer = work()
    return answer, time.perf_counter() - wall, time.process_time() - processor


if __name__ == "__main__":
    main()
