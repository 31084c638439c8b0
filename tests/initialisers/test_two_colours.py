"""Against the fixed points of k-means, with scikit-image's Lab."""

import numpy as np
import pytest
import torch
from references.pictures import smooth
from skimage.color import rgb2lab

from iem.initialisers import Otsu, Square, TwoColours


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_pixel_is_nearer_to_its_own_mean(seed):
    image = smooth(seed, 1, 3, 24, 20)
    mask = TwoColours()(image)[0, 0].bool().numpy()
    colours = rgb2lab(image[0].permute(1, 2, 0).numpy())
    inner, outer = colours[mask].mean(0), colours[~mask].mean(0)
    nearer = np.linalg.norm(colours - inner, axis=2) < np.linalg.norm(colours - outer, axis=2)
    assert (nearer == mask).mean() > 0.995  # the two libraries' whites differ in the fourth digit


def test_colours_of_one_brightness():
    image = torch.zeros(1, 3, 24, 32)
    image[:, 1] = 0.8 * 0.2125 / 0.7154  # as bright as the red
    image[..., 6:14, 10:20] = torch.tensor([0.8, 0.0, 0.0])[None, :, None, None]
    image += 0.02 * smooth(5, 1, 3, 24, 32, dtype=torch.float32)
    truth = torch.zeros(1, 1, 24, 32)
    truth[..., 6:14, 10:20] = 1
    assert (TwoColours()(image) == truth).all()
    assert (Otsu()(image) != truth).sum() > 50  # the picture is one that grey values do not tell apart


def test_pictures_of_a_batch_are_clustered_one_by_one():
    images = torch.cat([smooth(seed, 1, 3, 24, 20) * scale for seed, scale in ((1, 1.0), (2, 0.1), (3, 0.5))])
    together = TwoColours()(images)
    for i in range(3):
        assert (TwoColours()(images[i : i + 1]) == together[i : i + 1]).all()


def test_flat_and_broken_pictures_get_the_square():
    image = torch.full((2, 3, 16, 16), 0.3)
    image[1, 0, 3, 3] = torch.inf
    assert (TwoColours()(image) == Square()(image)).all()


def test_no_iteration_is_refused(unchecked):
    with pytest.raises(ValueError, match=r"^iterations: expected a whole number of at least 1, got 0"):
        unchecked("iem.initialisers").TwoColours(0)
