"""What reaches OpenCV and what comes back."""

import sys

import cv2
import numpy as np
import pytest
import torch
from references.pictures import smooth

from iem.datasets import Samples
from iem.initialisers import GrabCut
from iem.prompts import Box


def rectangle(height, width, top, left):
    mask = torch.zeros(1, 1, height, width)
    mask[..., top : height - top, left : width - left] = 1
    return mask


def object_on_a_ground(height=128, width=128):
    image = 0.3 * smooth(7, 1, 3, height, width, dtype=torch.float32)
    image[..., 40:90, 30:80] += 0.6
    truth = torch.zeros(1, 1, height, width)
    truth[..., 40:90, 30:80] = 1
    return image, truth


def test_equals_opencv_from_the_rectangle_13_pixels_inside():
    image, _ = object_on_a_ground()
    picture = np.round(image[0].numpy() * 255).astype(np.uint8).transpose(1, 2, 0)
    labels = np.zeros((128, 128), np.uint8)
    cv2.setRNGSeed(0)
    picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    cv2.grabCut(picture, labels, (13, 13, 102, 102), np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_RECT)
    assert (GrabCut()(image)[0, 0].numpy() == ((labels == 1) | (labels == 3))).all()


def test_starts_from_a_box_where_one_is_given():
    """The same as OpenCV from that rectangle; what is beyond it stays out."""
    image, _ = object_on_a_ground()
    picture = np.round(image[0].numpy() * 255).astype(np.uint8).transpose(1, 2, 0)
    labels = np.zeros((128, 128), np.uint8)
    cv2.setRNGSeed(0)
    picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    cv2.grabCut(picture, labels, (20, 30, 75, 70), np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_RECT)
    found = GrabCut(box=Box(20, 30, 95, 100))(image)[0, 0].numpy()
    assert (found == ((labels == 1) | (labels == 3))).all()
    assert 0 < found.sum() < 75 * 70
    with pytest.raises(ValueError, match="box: expected it within the picture, 0 <= x <= 128"):
        GrabCut(box=Box(20, 30, 160, 100))(image)
    # A box over everything leaves no background to learn from: it stands.
    assert GrabCut(box=Box(0, 0, 128, 128))(image).all()


def test_finds_an_object():
    image, truth = object_on_a_ground()
    assert (GrabCut()(image) != truth).float().mean() < 0.005


def test_opencv_gets_blue_first(monkeypatch):
    given = []
    monkeypatch.setattr(cv2, "grabCut", lambda picture, *rest: given.append(picture))
    image = torch.tensor([0.0, 100 / 255, 1.0])[None, :, None, None].expand(1, 3, 20, 20).clone()
    GrabCut()(image)
    assert given[0].dtype == np.uint8
    assert given[0].flags["C_CONTIGUOUS"]
    assert given[0][0, 0].tolist() == [255, 100, 0]


def test_does_not_depend_on_what_was_drawn_before_or_on_the_batch():
    # Photographs on which OpenCV's answer does depend on its generator.
    images = torch.cat([sample.image for sample in Samples(only=["coffee", "motorcycle", "rocket"], size=96)])
    together = GrabCut()(images)
    for state, order in enumerate([(0, 1, 2), (2, 0, 1), (1, 2, 0)]):
        cv2.setRNGSeed(state + 1)
        for i in order:
            assert (GrabCut()(images[i : i + 1]) == together[i : i + 1]).all()
    assert any((GrabCut(seed=seed)(images) != together).any() for seed in (1, 2, 5))


@pytest.mark.parametrize(("height", "width", "top", "left"), [(128, 128, 13, 13), (50, 200, 5, 20), (8, 9, 1, 1)])
def test_the_rectangle_if_nothing_is_left(height, width, top, left):
    flat = torch.full((1, 3, height, width), 0.5)
    assert (GrabCut()(flat) == rectangle(height, width, top, left)).all()


def test_the_rectangle_of_a_broken_picture():
    image = torch.rand(1, 3, 20, 20)
    image[0, 0, 0, 0] = torch.nan
    assert (GrabCut()(image) == rectangle(20, 20, 2, 2)).all()


def test_inset_and_its_range(unchecked):
    flat = torch.full((1, 3, 40, 80), 0.5)
    assert (GrabCut(inset=0.25)(flat) == rectangle(40, 80, 10, 20)).all()
    with pytest.raises(ValueError, match=r"^inset: expected a finite number from 0 to 0.45, got 0.5"):
        unchecked("iem.initialisers").GrabCut(inset=0.5)


def test_without_opencv_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(
        ImportError, match=r'^GrabCut needs OpenCV, which is not installed; pip install "iem\[opencv\]"$'
    ):
        GrabCut()(torch.zeros(1, 3, 8, 8))
