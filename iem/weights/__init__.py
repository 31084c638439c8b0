"""Checkpoints: what there is, where it lies, and how a file of tensors is read; nothing is downloaded unasked."""

from iem.weights.cache import locate
from iem.weights.catalogue import find, lookup, table
from iem.weights.checkpoint import Checkpoint, size_in_words
from iem.weights.folders import cache_folder, hub_folders
from iem.weights.sources import find_file, find_folder, is_ready
from iem.weights.sums import digest
from iem.weights.tensors import read_tensors

__all__ = [
    "Checkpoint",
    "cache_folder",
    "digest",
    "find",
    "find_file",
    "find_folder",
    "hub_folders",
    "is_ready",
    "locate",
    "lookup",
    "read_tensors",
    "size_in_words",
    "table",
]
