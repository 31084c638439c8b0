"""Finders: what proposes the next region of a scene."""

from iem.finders.alone import Alone
from iem.finders.iem import IEM

__all__ = ["IEM", "Alone"]
