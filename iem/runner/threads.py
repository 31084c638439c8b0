"""How many threads a job may use, such that jobs beside each other do not fight."""

import os
import sys
from collections.abc import Mapping
from typing import Any

import torch


def usable_cores(environment: Mapping[str, str] = os.environ) -> int:
    """The cores that this process may use: what Slurm gave the task, or what the system allows.

    >>> usable_cores({"SLURM_CPUS_PER_TASK": "3"}) <= 3
    True
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = environment.get("SLURM_CPUS_PER_TASK", "")
    return min(allowed, int(given)) if given.isdigit() and int(given) else allowed


def share_of_cores(launcher: Mapping[str, Any], cores: int) -> int:
    """The cores for each of the jobs that a launcher runs at once, at least 1.

    Args:
        launcher: Hydra's settings of it. Only joblib's jobs share what this process has: Slurm gives each its own.
        cores: that this process may use.

    >>> share_of_cores({"_target_": "hydra_plugins.hydra_joblib_launcher", "n_jobs": 2}, 8)
    4
    """
    if "joblib" not in str(launcher.get("_target_", "")):
        return cores
    jobs = launcher.get("n_jobs")
    jobs = 1 if jobs is None else int(jobs)
    if jobs < 0:  # joblib: -1 is as many as there are cores, -2 one less
        jobs = cores + 1 + jobs
    return max(1, cores // max(1, jobs))


def set_threads(count: int | None) -> None:
    """Limit PyTorch, and OpenCV where it is in use, to so many threads; None leaves them as they are."""
    if count is None:
        return
    torch.set_num_threads(count)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(count)
