"""Initialisers: ``(image) -> mask``."""

from iem.initialisers.square import Square
from iem.initialisers.strips import Strips

__all__ = ["Square", "Strips"]
