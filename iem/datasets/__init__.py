"""Labelled pictures, read one at a time: the built-in photographs, folders, and the data sets of the literature."""

from iem.datasets.cub import CUB
from iem.datasets.flowers import Flowers
from iem.datasets.image_mask_folder import ImageMaskFolder
from iem.datasets.lsun_car import LsunCar
from iem.datasets.planted import Planted
from iem.datasets.problems import DatasetError, Problem
from iem.datasets.protocol import PROTOCOLS, EvaluationProtocol, get_protocol
from iem.datasets.saliency import Saliency
from iem.datasets.samples import Photo, Samples

__all__ = [
    "CUB",
    "PROTOCOLS",
    "DatasetError",
    "EvaluationProtocol",
    "Flowers",
    "ImageMaskFolder",
    "LsunCar",
    "Photo",
    "Planted",
    "Problem",
    "Saliency",
    "Samples",
    "get_protocol",
]
