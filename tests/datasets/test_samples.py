import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data

from iem.datasets import DatasetError, Samples
from iem.datasets import samples as module
from iem.datasets.samples import Photo, rasterise, read_outlines

# Pixels of the object, as they were when every overlay was looked at.
AREAS = {
    "flower": 65639,
    "cameraman": 90578,
    "astronaut": 139982,
    "cat": 104137,
    "coffee": 113674,
    "rocket": 5003,
    "coins": 38817,
    "temple": 67503,
    "motorcycle": 110195,
}


def photo(polygons, holes=(), width=8, height=6):
    return Photo("dot", "skimage", "data/dot.png", width, height, polygons, holes)


def test_every_photograph_keeps_its_outline():
    samples = Samples()
    assert samples.names == tuple(AREAS)
    for index, name in enumerate(AREAS):
        sample = samples[index]
        assert sample.name == name
        assert sample.image.shape[1] == 3
        assert sample.image.dtype == sample.truth.dtype == torch.float32
        assert sample.image.shape[2:] == sample.truth.shape[2:]
        assert 0 <= sample.image.min() < 0.2
        assert 0.8 < sample.image.max() <= 1
        assert sample.truth.unique().tolist() == [0, 1]
        assert sample.truth.sum() == AREAS[name]
        assert sample.ignore is None


def test_the_photographs_are_those_of_scikit_image():
    samples = Samples(only=["cat", "cameraman"])
    cat = torch.from_numpy(data.chelsea()).permute(2, 0, 1)[None] / 255
    assert torch.allclose(samples[0].image, cat, atol=1e-6)
    camera = torch.from_numpy(data.camera())[None, None].expand(1, 3, -1, -1) / 255
    assert torch.allclose(samples[1].image, camera, atol=1e-6)


def test_the_masks_tell_object_from_background():
    """Colours that need no outline: the dahlias are red, the coins are brighter than what they lie on."""
    flower, coins = Samples(only=["flower", "coins"])
    red = flower.image[:, :1] - flower.image[:, 2:] > 0.2
    overlap = (red & (flower.truth == 1)).sum() / (red | (flower.truth == 1)).sum()
    assert overlap > 0.95
    inside = coins.truth == 1
    assert coins.image[:, :1][inside].mean() > coins.image[:, :1][~inside].mean() + 0.2


def test_the_evaluation_protocol_gives_squares():
    for sample in Samples(64, only=["cat", "motorcycle"]):
        assert sample.image.shape == (1, 3, 64, 64)
        assert sample.truth.shape == (1, 1, 64, 64)
        assert sample.truth.unique().tolist() == [0, 1]


def test_the_square_keeps_image_and_mask_together():
    """The rocket is bright and narrow: wherever else its mask were put, it would cover more of the sky."""
    rocket = Samples(256, only=["rocket"])[0]
    grey = rocket.image.mean(dim=1, keepdim=True)
    brightness = {shift: grey[rocket.truth.roll(shift, dims=-1) == 1].mean() for shift in range(-4, 5)}
    assert max(brightness, key=brightness.get) == 0


def test_pixels_belong_to_the_object_by_their_centres():
    square = ((1.4, 1.4), (4.6, 1.4), (4.6, 4.6), (1.4, 4.6))
    expected = torch.zeros(6, 8)
    expected[1:5, 1:5] = 1
    assert torch.equal(rasterise(photo((square,)))[0, 0], expected)
    assert torch.equal(rasterise(photo((((1.6, 1.6), (4.6, 1.6), (4.6, 4.6), (1.6, 4.6)),)))[0, 0, 1], torch.zeros(8))


def test_polygons_unite_and_holes_are_cut_out():
    left, right = ((0, 0), (4, 0), (4, 6), (0, 6)), ((3, 0), (8, 0), (8, 6), (3, 6))
    hole = ((2, 2), (6, 2), (6, 4), (2, 4))
    mask = rasterise(photo((left, right), (hole,)))[0, 0]
    assert mask.sum() == 48 - 8
    assert mask[2:4, 2:6].sum() == 0


def test_an_unknown_line_is_named():
    with pytest.raises(ValueError, match=r"got 'pentagon' on line 2; see the format"):
        read_outlines("photo dot skimage data/dot.png 8 6\npentagon\n")
    with pytest.raises(ValueError, match=r"got '1,1' on line 1"):
        read_outlines("1,1")


def test_a_subset():
    samples = Samples(only=["coins", "flower"])
    assert [sample.name for sample in samples] == ["coins", "flower"]
    assert Samples(limit=3).names == ("flower", "cat", "coins")
    assert Samples(limit=100).names == tuple(AREAS)


@pytest.mark.parametrize("only", [["dog"], [], ["cat", "cat"], "cat"])
def test_a_wrong_subset_is_refused(only):
    with pytest.raises(DatasetError, match=r"expected a list of different names out of flower, .*, got "):
        Samples(only=only)


@pytest.mark.parametrize("settings", [{"size": 0}, {"size": 1.5}, {"limit": 0}])
def test_wrong_numbers_are_refused(settings):
    with pytest.raises(ValueError, match="expected a whole number of at least 1"):
        Samples(**settings)


def test_a_photograph_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(module, "read_outlines", lambda text: (photo((((0, 0), (1, 0), (1, 1)),)),))
    with pytest.raises(DatasetError, match=r"data/dot.png inside the installed scikit-image, found no .*'dot' out"):
        Samples()


def test_another_photograph_under_the_same_name_is_refused(monkeypatch):
    cat = Samples(only=["cat"]).photos[0]
    monkeypatch.setattr(module, "read_outlines", lambda text: (Photo("cat", cat.package, cat.file, 30, 20, ()),))
    with pytest.raises(DatasetError, match=r"expected cat to be 30 x 20, got 451 x 300"):
        Samples()[0]


def test_scikit_learn_is_not_imported_to_find_its_photographs(monkeypatch):
    monkeypatch.delitem(sys.modules, "sklearn", raising=False)
    assert Samples(only=["flower"])[0].name == "flower"
    assert "sklearn" not in sys.modules


def test_the_text_of_outlines_is_complete():
    text = Path(module.__file__).with_name("samples_polygons.txt").read_text(encoding="utf-8")
    for entry in read_outlines(text):
        assert entry.subject
        assert entry.source
        for x, y in [vertex for polygon in (*entry.polygons, *entry.holes) for vertex in polygon]:
            assert 0 <= x <= entry.width
            assert 0 <= y <= entry.height
        with Image.open(module._locate(entry)) as picture:
            assert picture.size == (entry.width, entry.height)
