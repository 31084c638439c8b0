"""Features: ``(image) -> float[b, c, h, w]``."""

from iem.features.clip import CLIP
from iem.features.colour import RGB, Lab
from iem.features.dino import DINO
from iem.features.fourier import Fourier
from iem.features.gradients import Gradients
from iem.features.kuwahara import Kuwahara
from iem.features.palette import Palette
from iem.features.principal import Principal
from iem.features.stack import Stack
from iem.features.texture import Texture
from iem.features.upsampled import Upsampled
from iem.features.whitening import Whitening
from iem.features.windows import Mean

__all__ = [
    "CLIP",
    "DINO",
    "RGB",
    "Fourier",
    "Gradients",
    "Kuwahara",
    "Lab",
    "Mean",
    "Palette",
    "Principal",
    "Stack",
    "Texture",
    "Upsampled",
    "Whitening",
]
