"""Where a result comes from: what is needed to trust it, or to make it again."""

import hashlib
import socket
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import torch

from iem.interfaces import Sample
from iem.runner.versions import versions


class Provenance:
    """Started with the run; ``describe`` says at its end where its numbers come from."""

    def __init__(self) -> None:
        self._started, self._clock = datetime.now(timezone.utc), time.perf_counter()

    def describe(self, settings: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Commit, fingerprint of the pictures and truths, seed, device, threads, host, start (UTC) and seconds."""
        return {
            "commit": versions()["commit"],
            "data": data_fingerprint(rows),
            "seed": settings.get("seed"),
            "device": settings.get("device", "cpu"),
            "threads": torch.get_num_threads(),
            "host": socket.gethostname(),
            "started": self._started.isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self._clock, 3),
        }


def sample_fingerprint(sample: Sample) -> str:
    """The sha256, 16 digits of it, of a picture and its truth as they were decoded: what the numbers were measured on.

    >>> dark = torch.zeros(1, 3, 2, 2)
    >>> sample_fingerprint(Sample("a", dark, dark[:, :1])) == sample_fingerprint(Sample("b", dark + 1, dark[:, :1]))
    False
    """
    digest = hashlib.sha256()
    for tensor in (sample.image, sample.truth, sample.ignore):
        digest.update(b"none" if tensor is None else f"{tuple(tensor.shape)}".encode())
        if tensor is not None:
            digest.update((tensor * 65535).round().to(torch.int32).contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def data_fingerprint(rows: Sequence[Mapping[str, Any]]) -> str:
    """The sha256 of all pictures' names and fingerprints, in the order of names."""
    lines = sorted(f"{row['name']} {row.get('data')}\n" for row in rows)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()
