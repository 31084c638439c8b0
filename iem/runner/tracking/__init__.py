"""Trackers: how a run is watched while it goes on. The truth of a run is its own ``metrics.jsonl``."""

from iem.runner.tracking.jsonl_tracker import JsonlTracker
from iem.runner.tracking.wandb_tracker import WandbTracker

__all__ = ["JsonlTracker", "WandbTracker"]
