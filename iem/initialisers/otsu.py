"""Otsu's threshold."""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from skimage.color import rgb2gray
from skimage.filters import threshold_otsu

from iem.checks import check_image
from iem.initialisers.sides import object_side
from iem.interfaces import Image, Mask


@final
@dataclass(frozen=True)
class Otsu:
    """The bright or the dark part of each picture, whichever holds less of the picture's frame.

    The grey value (luminance, ITU-R 709) is cut where the variance between the two parts is largest, among 256 levels
    between the picture's darkest and brightest (Otsu, IEEE Trans. SMC 1979; scikit-image's ``threshold_otsu``). A flat
    picture, or one that is not finite, gets the centred square.

    >>> image = torch.full((1, 3, 6, 6), 0.8); image[..., 2:4, 2:5] = 0.1
    >>> Otsu()(image)[0, 0, 2].tolist()
    [0.0, 0.0, 1.0, 1.0, 1.0, 0.0]
    """

    def __call__(self, image: Image) -> Mask:
        """Each picture by itself."""
        check_image(image)
        masks = [object_side(one, self._bright(one)) for one in image.detach().split(1)]
        return torch.cat(masks) if masks else image.new_zeros(0, 1, *image.shape[2:])

    def _bright(self, one: Image) -> torch.Tensor:
        grey = rgb2gray(one[0].double().permute(1, 2, 0).cpu().numpy())
        if not np.isfinite(grey).all() or grey.min() == grey.max():
            return torch.zeros(grey.shape, dtype=torch.bool, device=one.device)
        return torch.from_numpy(grey > threshold_otsu(grey)).to(one.device)
