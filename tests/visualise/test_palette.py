"""Distances are judged by skimage's CIEDE2000, not by the space in which the colours were chosen."""

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from iem.visualise import region_colours

# Machado, Oliveira and Fernandes 2009, table 1, severity 1.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def least_difference(colours, matrix):
    colours = np.array(colours)
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(matrix).T, 0, 1)
    lab = rgb2lab(np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055))
    return deltaE_ciede2000(lab[:, None], lab[None])[np.triu_indices(len(lab), k=1)].min()


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize(("count", "bound"), [(8, 10), (12, 10), (25, 5)])
def test_every_two_differ_to_everybody(vision, count, bound):
    """A CIEDE2000 of 1 can just be seen, 10 at a glance."""
    assert least_difference(region_colours(count), VISIONS[vision]) > bound


def test_a_region_keeps_its_colour_when_more_follow():
    most = region_colours(300)
    for count in (0, 1, 2, 7, 8, 9, 13, 40, 256):
        assert region_colours(count) == most[:count]
    assert all(0 <= level <= 1 for colour in most for level in colour)


def test_the_scene_alone_is_grey():
    grey, *others = region_colours(256)
    assert len(set(grey)) == 1
    assert len({grey, *others}) == 256


def test_there_are_as_many_as_asked_for():
    colours = region_colours(600)
    assert len(colours) == 600
    assert colours[256:511] == colours[1:256]
    assert colours[0] not in colours[1:]


@pytest.mark.parametrize("count", [-1, 2.0, True, None])
def test_wrong_counts(count):
    with pytest.raises(ValueError, match="count: expected a whole number of at least 0"):
        region_colours(count)
