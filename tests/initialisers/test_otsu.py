"""Against Otsu's criterion by brute force."""

import pytest
import torch
from references.pictures import smooth

from iem.initialisers import Otsu, Square


def between_class_variance(grey, level):
    """Of the cut ``grey > level``, Otsu's eq. 14, from plain sums."""
    above = [value for value in grey if value > level]
    below = [value for value in grey if value <= level]
    if not above or not below:
        return 0.0
    share = len(above) / len(grey)
    return share * (1 - share) * (sum(above) / len(above) - sum(below) / len(below)) ** 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_other_cut_separates_the_grey_values_better(seed):
    image = smooth(seed, 1, 3, 24, 20)
    grey = (0.2125 * image[0, 0] + 0.7154 * image[0, 1] + 0.0721 * image[0, 2]).flatten()
    mask = Otsu()(image).flatten().bool()
    bright = mask if grey[mask].mean() > grey[~mask].mean() else ~mask
    assert grey[bright].min() > grey[~bright].max()  # it is a cut of the grey values
    ours = between_class_variance(grey.tolist(), grey[~bright].max().item())
    best = max(between_class_variance(grey.tolist(), level) for level in grey.tolist())
    assert ours == pytest.approx(best, rel=1e-3)  # 256 levels lie close, not everywhere


@pytest.mark.parametrize(("inside", "outside"), [(0.9, 0.2), (0.2, 0.9)])
def test_a_bright_and_a_dark_object(inside, outside):
    image = torch.full((1, 3, 20, 30), outside)
    image[..., 5:12, 8:20] = inside
    mask = Otsu()(image)
    assert mask.sum() == 7 * 12
    assert (mask[..., 5:12, 8:20] == 1).all()


def test_pictures_of_a_batch_are_cut_one_by_one():
    images = torch.cat([smooth(seed, 1, 3, 24, 20) * scale for seed, scale in ((1, 1.0), (2, 0.1), (3, 0.5))])
    together = Otsu()(images)
    for i in range(3):
        assert (Otsu()(images[i : i + 1]) == together[i : i + 1]).all()


def test_flat_and_broken_pictures_get_the_square():
    image = torch.full((3, 3, 16, 16), 0.3)
    image[1, 0, 3, 3] = torch.nan
    image[2] = smooth(4, 1, 3, 16, 16)[0]
    mask = Otsu()(image)
    assert (mask[:2] == Square()(image[:2])).all()
    assert (mask[2] != Square()(image[2:])[0]).any()
