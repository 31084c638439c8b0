"""Peeling: a scene taken apart, region by region."""

from iem.peeling.joint import refine_jointly
from iem.peeling.peel import peel
from iem.peeling.shift_test import ShiftTest

__all__ = ["ShiftTest", "peel", "refine_jointly"]
