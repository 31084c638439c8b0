"""Checkpoints: what there is, where it lies, and how a file of tensors is read; nothing is downloaded unasked."""

from iem.weights.sources import cache_folder, digest, find_file, find_folder, read_tensors

__all__ = ["cache_folder", "digest", "find_file", "find_folder", "read_tensors"]
