"""The only place that decodes and encodes picture files.

A bad file, a full disk or a forbidden folder is an ``ImageError``, nothing else; every output is written atomically.
"""

from iem.images.decoding import DEFAULT_MAX_PIXELS, Picture, read
from iem.images.encoding import write_cutout, write_image, write_mask
from iem.images.errors import ImageError
from iem.images.formats import FORMATS
from iem.images.label_maps import read_labels, write_labels
from iem.images.listing import Listed, list_pictures
from iem.images.mask_reading import read_mask
from iem.images.resizing import centre_crop, resize, resize_mask, short_side, square, square_mask
from iem.images.writing import atomic_file, remove_stale, write_atomic

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "FORMATS",
    "ImageError",
    "Listed",
    "Picture",
    "atomic_file",
    "centre_crop",
    "list_pictures",
    "read",
    "read_labels",
    "read_mask",
    "remove_stale",
    "resize",
    "resize_mask",
    "short_side",
    "square",
    "square_mask",
    "write_atomic",
    "write_cutout",
    "write_image",
    "write_labels",
    "write_mask",
]
