"""Inpainters: ``(image, hole) -> image``."""

from iem.inpainters.classical import Biharmonic, Mean, NavierStokes, Nearest, Telea
from iem.inpainters.controlnet import ControlNet
from iem.inpainters.deepfill import DeepFill
from iem.inpainters.external import External
from iem.inpainters.external_mat import MAT_NOTICE, mat
from iem.inpainters.gaussian import GaussianInpainter
from iem.inpainters.harmonic import Harmonic
from iem.inpainters.lama import Lama
from iem.inpainters.repaint import RePaint
from iem.inpainters.stable_diffusion import StableDiffusion

__all__ = [
    "MAT_NOTICE",
    "Biharmonic",
    "ControlNet",
    "DeepFill",
    "External",
    "GaussianInpainter",
    "Harmonic",
    "Lama",
    "Mean",
    "NavierStokes",
    "Nearest",
    "RePaint",
    "StableDiffusion",
    "Telea",
    "mat",
]
