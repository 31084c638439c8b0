"""What a job of a sweep costs beyond the segmentation itself: ``python benchmarks/bookkeeping.py``.

A sweep of 200 jobs over one tiny picture is compared with the same 200 segmentations in a plain loop, and with a
program that Hydra runs 200 times on the same settings and that does nothing: what Hydra takes is said apart.
All times are the processor's, which are quieter than the clock on a busy machine; the clock's stand beside them.
"""

import argparse
import cProfile
import dataclasses
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from iem import presets
from iem.datasets import ImageMaskFolder
from iem.images import write_image, write_mask
from iem.runner.run import run
from iem.segmentation import segment

ROOT = Path(__file__).resolve().parent.parent
MOST = 0.050  # seconds that our part of a job may take
SIDE, STEPS = 24, 5
NOTHING = """
import hydra
from pathlib import Path
from iem.runner.naming import register_resolvers
from iem.runner.schema.segment import store
import iem.runner.run
store()
register_resolvers()
hydra.main(version_base="1.3", config_path={conf!r}, config_name="segment")(lambda config: 0.0)()
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--jobs", type=int, default=200)
    arguments.add_argument("--pictures", action="store_true", help="write masks, overlays and films, too")
    arguments.add_argument("--profile", action="store_true", help="show where the time inside run() goes")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="iem-bookkeeping-") as place:
        folder = Path(place)
        dataset = tiny(folder / "data")
        sample = dataset[0]
        segment(sample.image, preset(), size=SIDE)  # fills the caches

        def bare(i: int) -> None:
            segment(sample.image, preset(), size=SIDE)

        def whole(i: int) -> None:
            run(
                dataset,
                preset(),
                folder=folder / f"runs/{i}",
                settings={"seed": i},
                size=SIDE,
                write_pictures=options.pictures,
            )

        whole(-1)
        alone, with_run = loop(bare, options.jobs), loop(whole, options.jobs)
        say("bare segmentation in a loop", *alone)
        say("run() in a loop", *with_run)
        say("  so run() adds", with_run[0] - alone[0], with_run[1] - alone[1])
        if options.profile:
            profile(whole, options.jobs)
        values = ",".join(f"{1 + i / 100:.2f}" for i in range(options.jobs))
        overrides = [
            "preset=paper", "dataset=image_mask_folder", f"dataset.root={dataset_root(folder)}", f"size={SIDE}",
            f"max_steps={STEPS}", f"write_pictures={str(options.pictures).lower()}", "tracker=none", "threads=1",
        ]  # fmt: skip
        nothing = folder / "nothing.py"
        nothing.write_text(NOTHING.format(conf=str(ROOT / "conf")))

        def sweep(program: Path, name: str, sweep_values: str) -> tuple[float, float]:
            # Names of folders from fingerprints are ours, too.
            plain = [f"hydra.sweep.dir={name}", "hydra.sweep.subdir=${hydra.job.num}"] if program == nothing else []
            swept = f"inpainter.sigma={sweep_values}"
            return child(program, "-m", swept, f"name={name}", *overrides, *plain, folder=folder)

        # What starting takes, once for a whole sweep, is what a sweep of one job takes.
        hydra_start, our_start = sweep(nothing, "h1", "1"), sweep(ROOT / "experiments/segment.py", "o1", "1")
        hydra, ours = sweep(nothing, "h", values), sweep(ROOT / "experiments/segment.py", "o", values)
        done = len(list(folder.glob("outputs/sweeps/o/*/result.json")))
        if done != options.jobs:
            sys.exit(f"only {done} of {options.jobs} jobs are done: this is no measurement")
        per_hydra = [(all_ - start) / (options.jobs - 1) for all_, start in zip(hydra, hydra_start, strict=True)]
        per_ours = [(all_ - start) / (options.jobs - 1) for all_, start in zip(ours, our_start, strict=True)]
        added = [o - h - p for o, h, p in zip(per_ours, per_hydra, alone, strict=True)]
        say(f"a job of a sweep of {options.jobs}", *per_ours)
        say("  of that Hydra", *per_hydra)
        say("  of that the segmentation", *alone)
        say("  so we add", *added)
        again = child(
            ROOT / "experiments/segment.py", "-m", f"inpainter.sigma={values}", "name=o", *overrides, folder=folder
        )
        say("a job that is done already", *[(a - s) / options.jobs for a, s in zip(again, our_start, strict=True)])
        status = child(None, "-m", "iem", "sweep", "status", "outputs/sweeps/o", folder=folder)
        print(f"iem sweep status of {options.jobs} jobs: {status[0]:.2f} s of processor, {status[1]:.2f} s")
        if added[0] > MOST:
            sys.exit(f"we add {1000 * added[0]:.0f} ms a job, more than {1000 * MOST:.0f} ms")


def preset() -> presets.Preset:
    return dataclasses.replace(presets.paper(), max_steps=STEPS)


def dataset_root(folder: Path) -> Path:
    return folder / "data"


def tiny(root: Path) -> ImageMaskFolder:
    """One picture, a disc on noise."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    truth = ((rows - SIDE / 2) ** 2 + (columns - SIDE / 2) ** 2 < (SIDE / 4) ** 2).float()[None, None]
    noise = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 0.3
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    write_image(root / "images/disc.png", (truth * 0.6 + noise).clamp(0, 1))
    write_mask(root / "masks/disc.png", truth)
    return ImageMaskFolder(root)


def loop(job: Callable[[int], None], count: int) -> tuple[float, float]:
    """Seconds of processor and of the clock for each job."""
    clock, processor = time.perf_counter(), time.process_time()
    for i in range(count):
        job(i)
    return (time.process_time() - processor) / count, (time.perf_counter() - clock) / count


def child(program: Path | None, *arguments: str, folder: Path) -> tuple[float, float]:
    """Seconds of processor and of the clock of a whole process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *([str(program)] if program else []), *arguments]
    before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode:
        sys.exit(f"{' '.join(command)}\n{ended.stderr[-2000:]}")
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime), time.perf_counter() - clock


def profile(job: Callable[[int], None], count: int) -> None:
    profiler = cProfile.Profile()
    with profiler:
        for i in range(count, 2 * count):
            job(i)
    stats = pstats.Stats(profiler)
    stats.sort_stats("cumulative").print_stats("iem", 40)


def say(what: str, processor: float, clock: float) -> None:
    print(f"{what:32}  {1000 * processor:7.1f} ms of processor  {1000 * clock:7.1f} ms", flush=True)


if __name__ == "__main__":
    main()
