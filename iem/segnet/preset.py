"""A trained network as a preset."""

from pathlib import Path

from iem.presets import Preset, best
from iem.refiners import GuidedFilter
from iem.segnet.segnet import SegNet


def segnet(checkpoint: Path | str) -> Preset:
    """The network's mask, sharpened along the picture's edges, and no search; ``conf/preset/segnet.yaml`` is the same.

    Masks are scored by the objective of ``best``. The window of the filter is wider than that of ``best``: the network
    knows better what the object is than where it ends, and the picture's colours tell the rest.

    Raises:
        CheckpointError: the checkpoint cannot be used.
    """
    return Preset(
        name="segnet",
        initialiser=SegNet(checkpoint),
        objective=best().objective,
        optimiser=None,
        refiner=GuidedFilter(radius=20, epsilon=1e-3, contrast=6.0),
    )
