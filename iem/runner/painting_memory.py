"""How much memory a painter takes: it paints once, in a process of its own, which is asked for its highest mark."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from iem.runner.schema.parts import Parts

_MIB = 2**20


def memory_of_painting(painter: Mapping[str, Any], size: tuple[int, int], hole: int, *, device: str = "cpu") -> float:
    """The most memory that painting one picture takes, in MiB, its weights and libraries included.

    On the CPU it is the highest mark of a new process above what Python with PyTorch, this package and the picture
    take; on a GPU what PyTorch had allocated there at most.

    Args:
        painter: its settings, with ``_target_``.
        size: height and width of the picture.
        hole: pixels of the hole, which is as square as can be.
        device: where to paint.

    Raises:
        RuntimeError: the painter failed; the message is the last line of what it said.
    """
    asked = {"painter": painter, "size": size, "hole": hole, "device": device, "threads": torch.get_num_threads()}
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
    """What ``memory_of_painting`` wants to know, in this process."""
    torch.set_num_threads(asked["threads"])
    (h, w), device = asked["size"], torch.device(asked["device"])
    image = torch.rand(1, 3, h, w, generator=torch.Generator().manual_seed(0)).to(device)
    height = min(h, max(1, round((asked["hole"] * h / w) ** 0.5)))
    width = min(w, max(1, round(asked["hole"] / height)))
    hole = torch.zeros(1, 1, h, w, device=device)
    hole[..., (h - height) // 2 : (h + height) // 2, (w - width) // 2 : (w + width) // 2] = 1
    importlib.import_module("iem.inpainters")  # else its imports would count as every painter's
    before = _highest(fresh=True)
    Parts().make(asked["painter"], "painter")(image, hole)
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device)) / _MIB
    return max(0.0, (_highest() - before) / _MIB)


def _highest(*, fresh: bool = False) -> float:
    """The process's highest mark in bytes; since now if ``fresh``, where the system can forget earlier ones."""
    try:
        if fresh:
            Path("/proc/self/clear_refs").write_text("5")
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024.0 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
    except (OSError, StopIteration):
        import resource  # not everywhere

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1.0 if sys.platform == "darwin" else 1024.0)


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"mib": measure(json.load(sys.stdin))}) + "\n")
