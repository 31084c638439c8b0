"""How well masks, regions and paintings agree with the truth: one number per picture, undefined is NaN."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iem.metrics.fid import FrechetDistance
    from iem.metrics.painting import HoleBoundaryError, HoleL1, HolePSNR, HoleSSIM
    from iem.metrics.partition import AdjustedRandIndex, BestMatchIoU, Covering, PartitionScores, partition_scores

__all__ = [
    "AdjustedRandIndex",
    "BestMatchIoU",
    "Covering",
    "FrechetDistance",
    "HoleBoundaryError",
    "HoleL1",
    "HolePSNR",
    "HoleSSIM",
    "PartitionScores",
    "partition_scores",
]
_MODULES = {"FrechetDistance": "fid"} | dict.fromkeys(
    ("HoleBoundaryError", "HoleL1", "HolePSNR", "HoleSSIM"), "painting"
)


def __getattr__(name: str) -> Any:
    """Imported when first used: counting pixels must not wait for torchmetrics."""
    if name in __all__:
        return getattr(importlib.import_module(f"iem.metrics.{_MODULES.get(name, 'partition')}"), name)
    raise AttributeError(f"module 'iem.metrics' has no attribute {name!r}")
