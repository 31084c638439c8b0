"""Labelled pictures, read one at a time: the built-in photographs, and folders of pictures and masks."""

from iem.datasets.image_mask_folder import ImageMaskFolder
from iem.datasets.problems import DatasetError, Problem
from iem.datasets.samples import Photo, Samples

__all__ = ["DatasetError", "ImageMaskFolder", "Photo", "Problem", "Samples"]
