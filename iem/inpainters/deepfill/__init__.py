"""DeepFillv2, written from the paper, for the published weights."""

from iem.inpainters.deepfill.network import DeepFillNetwork
from iem.inpainters.deepfill.painter import DeepFill
from iem.inpainters.deepfill.published import from_published, to_published

__all__ = ["DeepFill", "DeepFillNetwork", "from_published", "to_published"]
