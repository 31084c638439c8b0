"""How much memory a segmenter takes: it answers once, in a process of its own, which is asked for its highest mark."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from iem.runner.painting_memory import _highest
from iem.runner.schema.parts import Parts

_MIB = 2**20


def memory_of_segmenting(
    segmenter: Mapping[str, Any], photo: Path, about: Mapping[str, Any], *, device: str = "cpu"
) -> float:
    """The most memory that finding one mask takes, in MiB, its weights and libraries included.

    On the CPU it is the highest mark of a new process above what Python with PyTorch, this package and the picture
    take; on a GPU what PyTorch had allocated there at most.

    Args:
        segmenter: its settings, with ``_target_``.
        photo: what it sees.
        about: its prompts, as in ``prompts.json``.
        device: where it runs.

    Raises:
        RuntimeError: it failed; the message is the last line of what it said.
    """
    asked = {"segmenter": segmenter, "photo": str(photo.resolve()), "about": about, "device": device,
             "threads": torch.get_num_threads()}  # fmt: skip
    root = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    ended = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(asked),
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise RuntimeError((ended.stderr.strip() or f"ended with {ended.returncode}").splitlines()[-1])
    return float(json.loads(ended.stdout.splitlines()[-1])["mib"])


def measure(asked: Mapping[str, Any]) -> float:
    """What ``memory_of_segmenting`` wants to know, in this process."""
    from iem.images import read
    from iem.runner.pairs import prompts_of

    torch.set_num_threads(asked["threads"])
    device = torch.device(asked["device"])
    image = read(asked["photo"]).image.to(device)
    prompts = list(prompts_of(asked["about"]).values())
    importlib.import_module("iem.segmenters")  # else its imports would count as every segmenter's
    before = _highest(fresh=True)
    Parts().make(asked["segmenter"], "segmenter")(image, prompts)
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device)) / _MIB
    return max(0.0, (_highest() - before) / _MIB)


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"mib": measure(json.load(sys.stdin))}) + "\n")
