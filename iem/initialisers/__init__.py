"""Initialisers: ``(image) -> mask``."""

from iem.initialisers.found import Found
from iem.initialisers.grabcut import GrabCut
from iem.initialisers.guided import Guided
from iem.initialisers.otsu import Otsu
from iem.initialisers.prompted import FromMask, Prompted
from iem.initialisers.random_squares import RandomSquares
from iem.initialisers.square import Square
from iem.initialisers.strips import Strips
from iem.initialisers.tokencut import TokenCut
from iem.initialisers.two_colours import TwoColours

__all__ = [
    "Found",
    "FromMask",
    "GrabCut",
    "Guided",
    "Otsu",
    "Prompted",
    "RandomSquares",
    "Square",
    "Strips",
    "TokenCut",
    "TwoColours",
]
