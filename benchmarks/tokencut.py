"""TokenCut beyond its network, beside the published program's solve: ``python benchmarks/tokencut.py``.

Keys of the size of ViT-S/16 (30 x 30 and 30 x 40 tokens at 480 pixels, 384 channels) and of ViT-S/8 (60 x 60), drawn
as a few smooth directions with noise, so that the graph is as full as a photograph's. Both run in this process, in
turn; the published one decomposes the generalised problem densely (scipy's ``eigh``), as its program does. The ratio
holds on a busy machine, too; beside the wall clock stands the processor's own time.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from scipy import ndimage
from scipy.linalg import eigh

from iem.initialisers import TokenCut
from iem.interfaces import FeatureMap, Image

GRIDS = ((30, 30, 16), (30, 40, 16), (60, 60, 8))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3, help="of both, in turn; one of the largest grid")
    arguments.add_argument("--threads", type=int, default=2)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{options.threads} threads, torch {torch.__version__}")
    for height, width, patch in GRIDS:
        keys = keys_like_a_photograph_s(height, width)
        image = torch.rand(1, 3, height * patch, width * patch, generator=torch.Generator().manual_seed(0))
        cut = TokenCut(Given(keys))
        cut(image)  # the first call loads scipy's parts
        rounds = options.rounds if height * width < 3000 else 1
        ours, theirs = [], []
        for _ in range(rounds):
            mask, *seconds = timed(lambda cut=cut, image=image: cut(image)[0, 0].numpy() > 0)
            ours.append(seconds)
            expected, *seconds = timed(lambda keys=keys: published(keys[0]))
            theirs.append(seconds)
        our_wall, our_processor = (statistics.median(column) for column in zip(*ours, strict=True))
        wall, processor = (statistics.median(column) for column in zip(*theirs, strict=True))
        print(
            f"{height} x {width} tokens, {image.shape[2]} x {image.shape[3]} pixels: published {wall:6.2f} s "
            f"({processor:6.2f} s of processor), iem {our_wall:5.3f} s ({our_processor:5.3f} s), "
            f"{wall / our_wall:5.1f} times as fast ({processor / our_processor:.1f} by processor time), "
            f"{int((mask[::patch, ::patch] != expected).sum())} tokens differ"
        )


class Given:
    """Keys that a network would have made."""

    def __init__(self, keys: FeatureMap) -> None:
        self.keys = keys

    def __call__(self, image: Image) -> FeatureMap:
        return self.keys


def keys_like_a_photograph_s(height: int, width: int) -> FeatureMap:
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randn(1, 384, 4, 5, generator=generator)
    smooth = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    return smooth + 0.3 * torch.randn(1, 384, height, width, generator=generator)


def published(keys: torch.Tensor) -> np.ndarray:
    """The steps of TokenCut's ``object_discovery.py``."""
    tokens = F.normalize(keys.flatten(1), dim=0)
    affinity = np.where((tokens.T @ tokens).numpy() > 0.2, 1.0, 1e-5)
    degrees = np.diag(affinity.sum(1))
    vector = eigh(degrees - affinity, degrees, subset_by_index=[1, 2])[1][:, 0]
    part = vector > vector.mean()
    seed = np.abs(vector).argmax()
    labels, _ = ndimage.label((part if part[seed] else ~part).reshape(keys.shape[1:]))
    return labels == labels.flat[seed]


def timed(work: Callable[[], np.ndarray]) -> tuple[np.ndarray, float, float]:
    """The answer, seconds on the wall, seconds of all processors together."""
    wall, processor = time.perf_counter(), time.process_time()
    answer = work()
    return answer, time.perf_counter() - wall, time.process_time() - processor


if __name__ == "__main__":
    main()
