"""The fast bilateral solver: a mask that is smooth where the picture is, and may jump where the picture does."""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import cg
from torch import Tensor

from iem.checks import check_image, check_mask, check_number, check_range
from iem.images import resize_mask
from iem.interfaces import Image, Mask
from iem.refiners.components import largest

Vector = NDArray[np.float64]

_YUV = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])  # JPEG's


@final
@dataclass(frozen=True)
class BilateralSolver:
    """The smoothest mask, in the bilateral sense, that stays near the given one (Barron and Poole, ECCV 2016).

    Pixels near in place and colour share a vertex of a five-dimensional grid (x, y, luma, two chromas). With ``S`` from
    pixels to vertices, ``B`` the blur [1 2 1] along the five axes in turn added up, and ``n`` such that ``Dn B Dn``
    has the row sums ``m``, the vertices' mask y solves (eqs. 6 to 9 there, A being the matrix)::

        (lam (Dm - Dn B Dn) + diag(S c)) y = S (c t),     mask = S' y,     c = the confidence in the target t

    by conjugate gradients with Jacobi's preconditioner from ``S (c t) / S c``. The numbers are those with which
    TokenCut uses it (CVPR 2022). Differences to that program: a picture may be of any size, since vertices have keys of
    their own that never wrap around; the answer is cut at 0 and 1; and ``binary`` takes the largest piece, also where
    that covers more than half of the picture, and returns an empty mask where nothing reaches one half.

    A mask of another size than the picture is brought to it by nearest neighbour.

    Args:
        sigma_spatial: width of a vertex in x and y, in pixels.
        sigma_luma: its width in luma, of 255 levels.
        sigma_chroma: its width in either chroma, of 255 levels.
        lam: weight of smoothness; the more, the farther the mask moves to the picture's edges.
        confidence: in each pixel of the given mask.
        diagonal_floor: least entry of the preconditioner's diagonal.
        tolerance: residual, relative to the right-hand side, at which the iterations end.
        iterations: of the conjugate gradients, at most.
        normalisations: rounds that make ``n``.
        binary: fill the holes of what is above one half and keep the largest 4-connected piece; else the mask is soft.

    >>> image = torch.zeros(1, 3, 40, 40); image[..., 22:] = 1.0
    >>> coarse = torch.zeros(1, 1, 40, 40); coarse[..., 16:] = 1.0
    >>> mask = BilateralSolver(binary=True)(image, coarse)
    >>> int(mask[0, 0, 20].argmax())  # the edge of the picture
    22
    """

    sigma_spatial: float = 16.0
    sigma_luma: float = 16.0
    sigma_chroma: float = 8.0
    lam: float = 256.0
    confidence: float = 0.999
    diagonal_floor: float = 1e-5
    tolerance: float = 1e-5
    iterations: int = 25
    normalisations: int = 10
    binary: bool = False

    def __post_init__(self) -> None:
        for name in ("sigma_spatial", "sigma_luma", "sigma_chroma"):
            check_number(getattr(self, name), name, low=0.5)
        check_number(self.lam, "lam", low=0)
        check_number(self.confidence, "confidence", low=1e-6, high=1)
        check_number(self.diagonal_floor, "diagonal_floor", low=1e-12)
        check_number(self.tolerance, "tolerance", low=0, high=1)
        check_number(self.iterations, "iterations", low=1, integer=True)
        check_number(self.normalisations, "normalisations", low=1, integer=True)

    def __call__(self, image: Image, mask: Float[Tensor, "b 1 mask_h mask_w"]) -> Mask:
        """``[b, 1, h, w]`` in [0, 1], of the image's size; each picture by itself."""
        check_image(image)
        check_mask(mask)
        if len(image) == 0:
            return mask.new_zeros(0, 1, *image.shape[2:])
        check_range(image, 0, 1, "image")
        check_range(mask, 0, 1, "mask")
        target = resize_mask(mask.detach(), (image.shape[2], image.shape[3]))
        return torch.stack([self._solve(*one) for one in zip(image.detach(), target, strict=True)])

    def _solve(self, picture: Float[Tensor, "3 h w"], target: Float[Tensor, "1 h w"]) -> Float[Tensor, "1 h w"]:
        vertex, neighbours = self._grid(picture)
        count = neighbours.shape[0]
        pixels = np.bincount(vertex, minlength=count).astype(np.float64)
        blur = neighbours + sparse.diags_array(np.full(count, 10.0))
        scale = np.ones(count)
        for _ in range(self.normalisations):
            scale = np.sqrt(scale * pixels / (blur @ scale))
        sums = sparse.diags_array(scale * (blur @ scale))  # these, not the pixels, as the rounds are few
        scaled = sparse.diags_array(scale)
        weight = self.confidence * pixels
        given = self.confidence * np.bincount(vertex, target.flatten().double().cpu().numpy(), minlength=count)
        matrix = (self.lam * (sums - scaled @ blur @ scaled) + sparse.diags_array(weight)).tocsr()
        preconditioner = sparse.diags_array(1 / np.maximum(matrix.diagonal(), self.diagonal_floor))
        solved: Vector = cg(
            matrix, given, x0=given / weight, rtol=self.tolerance, atol=0, maxiter=self.iterations, M=preconditioner
        )[0]
        soft = solved.clip(0, 1)[vertex].reshape(target.shape[1:])
        answer = largest(ndimage.binary_fill_holes(soft > 0.5)) if self.binary else soft
        return torch.from_numpy(answer)[None].to(target)

    def _grid(self, picture: Float[Tensor, "3 h w"]) -> tuple[NDArray[np.int64], sparse.csr_array]:
        """Each pixel's vertex, and which vertices lie side by side."""
        height, width = picture.shape[1:]
        rgb = picture.double().mul(255).round().flatten(1).cpu().numpy()
        luma, *chroma = _YUV @ rgb
        coordinates = [
            np.tile(np.arange(width) // self.sigma_spatial, height),
            np.repeat(np.arange(height) // self.sigma_spatial, width),
            luma // self.sigma_luma,
            *((values + 128) // self.sigma_chroma for values in chroma),
        ]
        key = np.zeros(height * width, dtype=np.int64)
        strides = []
        step = 1
        for coordinate in coordinates:
            key += step * coordinate.astype(np.int64)
            strides.append(step)
            step *= int(coordinate.max()) + 2  # one more than there are, so that no step leads into the next row
        keys, vertex = np.unique(key, return_inverse=True)
        rows, columns = [], []
        for stride in strides:
            place = np.searchsorted(keys, keys + stride).clip(max=len(keys) - 1)
            linked = np.flatnonzero(keys[place] == keys + stride)
            rows += [linked, place[linked]]
            columns += [place[linked], linked]
        row, column = np.concatenate(rows), np.concatenate(columns)
        links = sparse.coo_array((np.ones(len(row)), (row, column)), shape=(len(keys), len(keys)))
        return vertex.reshape(-1), links.tocsr()
