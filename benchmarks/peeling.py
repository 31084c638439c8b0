"""Time of five rounds of ``peel`` on a photograph of 512 pixels, by stage: ``python benchmarks/peeling.py``.

The photograph is one of the samples, resized to a short side of 512 pixels. The stages are those of ``peel``: its parts
are called through a clock, and the rest is what remains of the whole. Side by side: another painter. Wall and processor
time stand side by side; on a busy machine trust the latter. A first, small peeling pays for what is loaded once.
"""

import argparse
import importlib
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from iem.datasets import Samples
from iem.finders import IEM
from iem.images import short_side
from iem.inpainters import Harmonic, Telea
from iem.interfaces import Image, Inpainter
from iem.peeling import ShiftTest, peel
from iem.refiners import Cleaned, Grow

ASKED = 10.0  # seconds
ROUNDS = 5


@dataclass
class Clock:
    """Seconds on the wall and of the processor, by stage."""

    wall: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)

    def timed(self, stage: str, part: Any) -> Any:
        """The same part, whose time counts; what it prepares for a picture counts, too."""
        return _Timed(self, stage, part)

    @contextmanager
    def running(self, stage: str) -> Any:
        """Time within counts."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.wall[stage] = self.wall.get(stage, 0.0) + time.perf_counter() - wall
        self.processor[stage] = self.processor.get(stage, 0.0) + time.process_time() - processor


@dataclass(frozen=True)
class _Timed:
    clock: Clock
    stage: str
    part: Any

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        with self.clock.running(self.stage):
            return self.part(*arguments, **settings)

    def prepare(self, image: Image) -> "_Timed":
        with self.clock.running(self.stage):
            prepare: Callable[[Image], Any] | None = getattr(self.part, "prepare", None)
            return self if prepare is None else _Timed(self.clock, self.stage, prepare(image))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sample", default="coffee", help="one of the built-in photographs")
    arguments.add_argument("--side", type=int, default=512)
    arguments.add_argument("--threads", type=int, default=1)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    (sample,) = Samples(only=[options.sample])
    image = short_side(sample.image, options.side)
    print(
        f"{sample.name}, {image.shape[3]} x {image.shape[2]}, {ROUNDS} rounds, "
        f"{options.threads} threads, torch {torch.__version__}"
    )
    peel(short_side(sample.image, 64))
    spent = {name: measured(name, image, painter) for name, painter in painters().items()}
    if spent["harmonic"] > ASKED:
        sys.exit(f"harmonic: {spent['harmonic']:.1f} s, at most {ASKED:g} s are asked for")


def painters() -> dict[str, Inpainter]:
    try:
        return {"harmonic": Harmonic(), "telea": Telea()}
    except ImportError as error:
        print(f"telea is left out: {error}")
        return {"harmonic": Harmonic()}


def measured(name: str, image: Image, painter: Inpainter) -> float:
    """Peel once, print the time of each stage, and return the whole."""
    clock = Clock()
    with joining_timed(clock), clock.running("all"):
        tree = peel(
            image,
            finder=clock.timed("find", IEM()),
            refiner=clock.timed("tidy", Cleaned()),
            test=clock.timed("test", ShiftTest()),
            grow=clock.timed("grow", Grow()),
            painter=clock.timed("paint", painter),
            max_rounds=ROUNDS,
        )
    whole = clock.wall.pop("all"), clock.processor.pop("all")
    kinds = ", ".join(f"{each.kind} {'found' if each.reason is None else 'refused'}" for each in tree.rounds)
    print(f"\npainter {name}: {len(tree.rounds)} rounds ({kinds}), {len(tree.regions) - 1} regions, {tree.reason}")
    for stage in ("find", "tidy", "test", "grow", "paint", "joint"):
        print(f"  {stage:7} {clock.wall.get(stage, 0.0):6.2f} s ({clock.processor.get(stage, 0.0):6.2f} of processor)")
    rest = whole[0] - sum(clock.wall.values()), whole[1] - sum(clock.processor.values())
    print(f"  {'rest':7} {rest[0]:6.2f} s ({rest[1]:6.2f} of processor)")
    print(f"  {'all':7} {whole[0]:6.2f} s ({whole[1]:6.2f} of processor); asked for: under {ASKED:g} s")
    return whole[0]


@contextmanager
def joining_timed(clock: Clock) -> Any:
    """The joint refinement is no argument of ``peel``, so it is exchanged for the time being."""
    stages = importlib.import_module("iem.peeling.peel")  # the package has a function of that name, too
    whole = stages.refine_jointly
    stages.refine_jointly = clock.timed("joint", whole)
    try:
        yield
    finally:
        stages.refine_jointly = whole


if __name__ == "__main__":
    main()
