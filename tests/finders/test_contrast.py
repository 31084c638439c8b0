"""What a boundary tells, against scikit-learn's mutual information; its bands, against SciPy's distances."""

import math

import numpy as np
import pytest
import torch
from references.pictures import hard_mask, noise
from scipy import ndimage
from sklearn.metrics import mutual_info_score

from iem.finders.contrast import bands, boundary_information, information, near


def mutual_information(counts):
    """Of the entries' counts on two sides, each as likely. Scikit-learn's takes whole numbers."""
    table = counts / counts.sum(1, keepdims=True)
    return mutual_info_score(None, None, contingency=np.rint(1e8 * table).astype(np.int64))


def hard_shares(seed, entries, *size):
    """Every pixel is of one entry."""
    labels = (noise(seed, *size) * entries).long()
    return labels, torch.nn.functional.one_hot(labels, entries).permute(2, 0, 1)[None].double()


def disc(size, radius, centre):
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return ((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2).double()[None, None]


def within_reach(mask, other, reach):
    """The mask's pixels that are at most so many rows and columns from the other."""
    return mask * torch.from_numpy(ndimage.distance_transform_cdt(1 - other[0, 0].numpy(), "chessboard") <= reach)


@pytest.mark.parametrize("radius", [0, 1, 4, 40])
def test_near_is_a_square_around_every_pixel(radius):
    mask = (noise(1, 1, 1, 20, 27) > 0.98).double()
    expected = ndimage.maximum_filter(mask[0, 0].numpy(), size=2 * radius + 1, mode="constant")
    np.testing.assert_array_equal(near(mask, radius)[0, 0], expected)


def test_bands_are_eight_pixels_wide():
    mask = disc(48, 16, (24, 22))
    own, other = bands(mask, 1 - mask)
    assert torch.equal(own, within_reach(mask, 1 - mask, 8))
    assert torch.equal(other, within_reach(1 - mask, mask, 8))
    assert own.sum() < mask.sum()
    assert other.sum() < (1 - mask).sum()


def test_bands_of_few_pixels_reach_farther():
    """The sides meet in five rows: eight columns of those are 40 pixels, too few."""
    mask, rest = torch.zeros(1, 1, 40, 60), torch.zeros(1, 1, 40, 60)
    mask[..., :5, :30] = 1
    rest[..., :5, 30:] = 1
    own, other = bands(mask, rest)
    assert own.sum() == other.sum() == 5 * 16
    assert own[..., :5, 14:30].all()
    assert other[..., :5, 30:46].all()


def test_a_side_of_few_pixels_is_compared_whole():
    mask = torch.zeros(1, 1, 40, 40)
    mask[..., 20:22, 20:23] = 1
    own, other = bands(mask, 1 - mask)
    assert torch.equal(own, mask)
    assert other.sum() == (2 + 16) * (3 + 16) - 6


@pytest.mark.parametrize("entries", [2, 5])
def test_of_bands_as_large_it_is_the_mutual_information_of_their_pixels(entries):
    labels, shares = hard_shares(2, entries, 30, 40)
    mask = torch.zeros(1, 1, 30, 40).double()
    mask[..., :20] = 1
    close = slice(12, 28)
    expected = mutual_info_score(mask[0, 0, :, close].flatten(), labels[:, close].flatten())
    assert boundary_information(shares, mask, 1 - mask) == pytest.approx(expected, abs=1e-9)


def test_sides_count_alike_however_many_pixels_they_have():
    shares = noise(3, 1, 6, 32, 36)
    shares /= shares.sum(1, keepdim=True)
    mask = disc(36, 9, (14, 20))[..., :32, :]
    mask[..., 20:] *= 0
    own, other = within_reach(mask, 1 - mask, 8), within_reach(1 - mask, mask, 8)
    assert own.sum() < other.sum()
    expected = mutual_information(np.stack([(band * shares).sum((0, 2, 3)).numpy() for band in (own, other)]))
    assert boundary_information(shares, mask, 1 - mask) == pytest.approx(expected, abs=1e-7)


def test_it_is_from_nothing_to_log_two():
    mask = hard_mask(4, 1, 30, 30)
    both = torch.cat([mask, 1 - mask], dim=1)
    assert boundary_information(both, mask, 1 - mask) == pytest.approx(math.log(2))
    assert boundary_information(torch.full_like(both, 0.5), mask, 1 - mask) == pytest.approx(0, abs=1e-12)


def test_what_is_far_from_the_boundary_does_not_count():
    shares = noise(5, 1, 4, 64, 64)
    shares /= shares.sum(1, keepdim=True)
    mask = disc(64, 12, (30, 30))
    far = 1 - near(mask, 8)
    changed = torch.where(far > 0, torch.tensor([1.0, 0, 0, 0]).double().view(1, 4, 1, 1), shares)
    assert boundary_information(changed, mask, 1 - mask) == boundary_information(shares, mask, 1 - mask)


def test_without_a_side_there_is_nothing_to_tell():
    _, shares = hard_shares(6, 3, 8, 8)
    everything = torch.ones(1, 1, 8, 8).double()
    assert boundary_information(shares, everything, 0 * everything) == 0
    assert boundary_information(shares, 0 * everything, everything) == 0


def test_many_pairs_of_sides_at_once():
    counts = noise(7, 2, 5, 3, 4) * 100
    counts[:, 0] = 0  # an entry that neither side has
    found = information(counts)
    for place in np.ndindex(3, 4):
        expected = mutual_information(counts[(..., *place)][:, 1:].numpy())
        assert found[place].item() == pytest.approx(expected, abs=1e-7)
