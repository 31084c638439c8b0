"""TokenCut: the object is one side of the normalised cut of the picture's tokens."""

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from iem.checks import check_choice, check_image, check_number
from iem.initialisers.normalised_cut import SOLVERS, Solver, alike, second_eigenvector
from iem.initialisers.square import Square
from iem.initialisers.tokens import Size, Tokens, as_mask, check_size, frame_tokens, resized, token_grid
from iem.interfaces import Features, Image, Mask


@final
@dataclass(frozen=True)
class TokenCut:
    """The tokens on the object's side of the normalised cut, as far as they hang together.

    Wang et al., "Self-supervised transformers for unsupervised object discovery using normalized cut", CVPR 2022, and
    "TokenCut", TPAMI 2023. Two tokens are linked if their cosine similarity is above ``tau``::

        A = 1 where similarity > tau, else epsilon,     (D - A) v = lambda D v,     part = [v > mean v]

    for the second smallest lambda. The object is the part with the entry of the largest magnitude, the seed, and of
    that only the 4-connected component that holds the seed; it is enlarged by nearest neighbour.

    With DINO's keys (``features=DINO(...)``) and the defaults this is the published method, at ``size=None`` on the
    picture's own size. Features that come one per pixel, which need no weights, are averaged over patches first; they
    know neither objects nor places, for which ``side`` and ``position`` make up in part.

    Differences to the published program, beside the solver: the picture is resized by an antialiased triangle instead
    of LANCZOS; an object that covers more than half of the picture is still found and never exchanged for the
    background; a mask is never replaced by a lesser one after looking at the truth. A picture without a cut (one flat
    colour, a single token, not finite) gets the centred square.

    Args:
        features: ``[b, c, h, w]``, one vector per pixel or per patch.
        tau: cosine similarity above which two tokens are linked.
        epsilon: weight of all other pairs, above 0.
        size: at which features are taken: the short side in pixels, or a pair (height, width) as in (256, 256); None
            for the picture as it comes. The picture is enlarged, too, as a search at 128 pixels leaves 8 x 8 patches.
        patch: side, in pixels, of the squares over which features of pixels are averaged; of no account for others.
        side: "seed" as published; "frame": the part that holds less of the picture's frame, and its own largest entry.
        position: weight of one more channel, the nearness of the frame, against the mean of the others; 0 is none.
        solver: "lanczos", or "dense", which decomposes the whole matrix for the same answer.

    >>> from iem.features import RGB
    >>> image = torch.full((1, 3, 64, 64), 0.2); image[:, 0, 16:48, 8:40] = 0.9
    >>> mask = TokenCut(RGB(-1.0, 1.0), patch=8)(image)
    >>> bool((mask == (image[:, :1] > 0.5)).all())
    True
    """

    features: Features
    tau: float = 0.2
    epsilon: float = 1e-5
    size: Size = None
    patch: int = 16
    side: Literal["seed", "frame"] = "seed"
    position: float = 0.0
    solver: Solver = "lanczos"

    def __post_init__(self) -> None:
        check_number(self.tau, "tau", low=-1, high=1)
        check_number(self.epsilon, "epsilon", low=1e-12, high=0.1)
        check_size(self.size)
        check_number(self.patch, "patch", low=1, integer=True)
        check_choice(self.side, "side", ("seed", "frame"))
        check_number(self.position, "position", low=0)
        check_choice(self.solver, "solver", SOLVERS)

    def __call__(self, image: Image) -> Mask:
        """Each picture by itself, ``[b, 1, h, w]``, 0 or 1."""
        check_image(image)
        masks = [self._mask(image[i : i + 1].detach()) for i in range(len(image))]
        return torch.cat(masks) if masks else image.new_zeros(0, 1, *image.shape[2:])

    def _mask(self, one: Image) -> Mask:
        if not bool(one.isfinite().all()):
            return Square()(one)
        picture = resized(one, self.size)
        with torch.no_grad():
            tokens = token_grid(self.features(picture), picture, self.patch, self.position)
        found = self._cut(tokens)
        return Square()(one) if found is None else as_mask(found, one)

    def _cut(self, tokens: Tokens) -> Bool[Tensor, "rows columns"] | None:
        rows, columns = tokens.shape[2:]
        links = alike(tokens[0].flatten(1).T, self.tau).cpu()
        linked = int(links.sum()) - int(links.diagonal().sum())
        if linked in (0, links.numel() - len(links)):
            return None  # all alike, or all different: every cut is as good
        vector = second_eigenvector(links, self.epsilon, self.solver).reshape(rows, columns)
        return torch.from_numpy(_object(vector, self.side))


def _object(vector: NDArray[np.float64], side: str) -> NDArray[np.bool_]:
    magnitude = np.abs(vector)
    part = vector > vector.mean()  # holds the largest magnitude, whose entry is positive
    if side == "frame" and part[frame_tokens(*vector.shape).numpy()].mean() > 0.5:
        part = ~part
    components, _ = ndimage.label(part)
    seed = np.where(part, magnitude, -1).argmax()
    found: NDArray[np.bool_] = components == components.flat[seed]
    return found
