"""LaMa, written from the papers, for the published weights."""

from iem.inpainters.lama.network import LamaNetwork
from iem.inpainters.lama.painter import Lama
from iem.inpainters.lama.refinement import Refinement

__all__ = ["Lama", "LamaNetwork", "Refinement"]
