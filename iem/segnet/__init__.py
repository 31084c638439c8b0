"""A small network, trained on the masks that the search made, that segments pictures the search has never seen.

Training needs the extra ``segnet`` (Lightning), using a trained network only its package ``safetensors``; both are
imported when they are first needed.
"""

from iem.segnet.augmentation import Augmentation
from iem.segnet.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from iem.segnet.comparison import compare, mean_rows
from iem.segnet.confidence import Confidence
from iem.segnet.lessons import Lessons, teach, teacher_mask
from iem.segnet.photographs import Photographs
from iem.segnet.preset import segnet as segnet_preset
from iem.segnet.recipe import Devices, Epoch, Recipe, Trained
from iem.segnet.segnet import SegNet
from iem.segnet.study import learners, study
from iem.segnet.training import train
from iem.segnet.unet import UNet

__all__ = [
    "Augmentation",
    "Checkpoint",
    "CheckpointError",
    "Confidence",
    "Devices",
    "Epoch",
    "Lessons",
    "Photographs",
    "Recipe",
    "SegNet",
    "Trained",
    "UNet",
    "compare",
    "learners",
    "load_checkpoint",
    "mean_rows",
    "save_checkpoint",
    "segnet_preset",
    "study",
    "teach",
    "teacher_mask",
    "train",
]
