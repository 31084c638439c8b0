"""How well masks agree with the truth: one number per picture, undefined is NaN, the polarity rule is named."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iem.metrics.partition import AdjustedRandIndex, BestMatchIoU, Covering, PartitionScores, partition_scores

__all__ = ["AdjustedRandIndex", "BestMatchIoU", "Covering", "PartitionScores", "partition_scores"]


def __getattr__(name: str) -> Any:
    """Imported when first used: counting pixels must not wait for torchmetrics."""
    if name in __all__:
        return getattr(importlib.import_module("iem.metrics.partition"), name)
    raise AttributeError(f"module 'iem.metrics' has no attribute {name!r}")
