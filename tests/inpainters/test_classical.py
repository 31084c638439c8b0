"""Against the definitions, and against the libraries called by hand."""

import sys

import numpy as np
import pytest
import torch
from references.pictures import noise
from skimage.restoration import inpaint_biharmonic

from iem.inpainters import Biharmonic, Mean, NavierStokes, Nearest, Telea


@pytest.fixture
def scene():
    """A smooth picture with a hole of an odd shape that touches the frame."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 30), torch.linspace(0, 1, 40), indexing="ij")
    image = torch.stack([x, y, (3 * x + y).sin().abs()])[None]
    hole = ((x - 0.9).abs() + (y - 0.5).abs() < 0.3).float()[None, None]
    return image, hole


def test_mean_is_that_of_the_known_pixels(scene):
    image, hole = scene
    painted = Mean()(image, hole)
    for channel in range(3):
        expected = image[0, channel][hole[0, 0] == 0].mean()
        torch.testing.assert_close(painted[0, channel][hole[0, 0] == 1], expected.expand(int(hole.sum())))


def test_mean_weighs_a_soft_pixel_by_what_is_seen_of_it():
    image = torch.tensor([0.0, 1.0, 0.0]).expand(1, 1, 1, 3)
    hole = torch.tensor([0.0, 0.5, 1.0])[None, None, None]
    mean = 0.5 / 1.5
    expected = torch.tensor([0, 0.5 + 0.5 * mean, mean])[None, None, None]
    torch.testing.assert_close(Mean()(image, hole), expected)


def test_nearest_takes_one_of_the_nearest_known_pixels(scene):
    image, hole = scene
    painted = Nearest()(image, hole)
    known = (hole[0, 0] == 0).nonzero()
    for y, x in (hole[0, 0] == 1).nonzero():
        distance = ((known - torch.stack([y, x])) ** 2).sum(1)
        nearest = known[distance == distance.min()]
        assert (painted[0, :, y, x] == image[0, :, nearest[:, 0], nearest[:, 1]].mT).all(1).any()


def test_biharmonic_is_scikit_images(scene):
    image, hole = scene
    expected = inpaint_biharmonic(image[0].permute(1, 2, 0).double().numpy(), hole[0, 0].numpy() == 1, channel_axis=-1)
    torch.testing.assert_close(Biharmonic()(image, hole)[0], torch.from_numpy(expected).permute(2, 0, 1).float())


@pytest.mark.parametrize(("painter", "method"), [(Telea, "INPAINT_TELEA"), (NavierStokes, "INPAINT_NS")])
@pytest.mark.parametrize("radius", [3.0, 6.0])
def test_opencvs_are_opencvs_but_for_8_bits(scene, painter, method, radius):
    cv2 = pytest.importorskip("cv2")
    image, hole = scene
    levels = (255 * image[0]).round().byte().permute(1, 2, 0).numpy()
    expected = cv2.inpaint(levels, hole[0, 0].byte().numpy(), radius, getattr(cv2, method))
    painted = 255 * painter(radius=radius)(image, hole)[0].permute(1, 2, 0).numpy()
    difference = np.abs(painted - expected)[hole[0, 0].numpy() == 1]
    assert difference.mean() < 2
    assert difference.max() < 12


@pytest.mark.parametrize("painter", [Telea, NavierStokes])
def test_a_line_of_pixels_is_painted_from_that_line(painter):
    """OpenCV alone reads other memory there."""
    pytest.importorskip("cv2")
    image, hole = noise(1, 1, 3, 1, 15).float(), torch.zeros(1, 1, 1, 15)
    hole[..., 4:9] = 1
    for one, its in ((image, hole), (image.mT, hole.mT)):
        painted = painter()(one, its)
        assert painted.isfinite().all()
        assert (painted >= one.amin() - 0.5).all()
        assert (painted <= one.amax() + 0.5).all()


@pytest.mark.parametrize("painter", [Nearest(), Biharmonic()])
def test_a_soft_pixel_is_painted_from_pixels_that_are_known(painter):
    image, hole = torch.zeros(1, 3, 9, 9), torch.zeros(1, 1, 9, 9)
    image[..., 3:6, 3:6] = 1
    hole[..., 3:6, 3:6] = 0.5
    hole[..., 4, 4] = 1
    painted = painter(image, hole)
    assert (painted[..., 4, 4].abs() < 1e-6).all()  # nothing of the soft ring, which is white
    torch.testing.assert_close(painted[..., 3, 3], torch.full((1, 3), 0.5))


@pytest.mark.parametrize("painter", ["Telea", "NavierStokes"])
def test_without_opencv_the_extra_is_named(painter, monkeypatch, unchecked):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=rf'^{painter} needs OpenCV, .*; pip install "iem\[opencv\]"$'):
        getattr(unchecked("iem.inpainters"), painter)()(torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8))


@pytest.mark.parametrize("painter", ["Telea", "NavierStokes"])
@pytest.mark.parametrize("radius", [0, 1000, float("nan")])
def test_wrong_settings_are_named(painter, radius, unchecked):
    with pytest.raises(ValueError, match=r"^radius: expected a finite number from 1 to 100, got"):
        getattr(unchecked("iem.inpainters"), painter)(radius=radius)
