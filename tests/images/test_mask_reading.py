import io

import numpy as np
import pytest
from PIL import Image

from iem.images import ImageError, read_mask


def png(values, mode=None):
    buffer = io.BytesIO()
    picture = Image.fromarray(np.asarray(values, np.uint8))
    (picture.convert(mode) if mode else picture).save(buffer, "PNG")
    return buffer.getvalue()


def tiff(values):
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(values)).save(buffer, "TIFF")
    return buffer.getvalue()


def row(mask):
    return mask[0, 0, 0].tolist()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 127, 128, 255], [0, 0, 1, 1]),
        ([0, 0, 1, 1], [0, 0, 1, 1]),
        ([0, 0, 64, 64], [0, 0, 1, 1]),
        ([1, 1, 1, 1], [1, 1, 1, 1]),
        ([0, 0, 0, 0], [0, 0, 0, 0]),
        ([100, 100, 200, 200], [0, 0, 1, 1]),
        ([100, 100, 100, 100], [0, 0, 0, 0]),
    ],
)
@pytest.mark.parametrize("mode", [None, "RGB", "LA"])
def test_the_threshold_is_half_and_two_values_need_none(values, expected, mode):
    assert row(read_mask(png([values], mode))) == expected


def test_sixteen_bits_and_floats():
    assert row(read_mask(tiff(np.array([[0, 32767, 32768, 65535]], np.uint16)))) == [0, 0, 1, 1]
    assert row(read_mask(tiff(np.array([[0, 255, 0, 255]], np.uint16)))) == [0, 1, 0, 1]
    assert row(read_mask(tiff(np.array([[0, 0.49, 0.5, 1]], np.float32)))) == [0, 0, 1, 1]
    assert row(read_mask(tiff(np.array([[0, 1, 0, 200]], np.int32)))) == [0, 0, 0, 1]
    with pytest.raises(ImageError, match="values outside 0 to 65535"):
        read_mask(tiff(np.array([[-1, 1]], np.int32)))


def test_colours_count_by_their_brightest_channel():
    red_on_black = [[[0, 0, 0], [255, 0, 0]]]
    assert row(read_mask(png(red_on_black))) == [0, 1]
    assert row(read_mask(png(red_on_black, "P"))) == [0, 1]
    with pytest.raises(ImageError, match="coloured picture without background"):
        read_mask(png([[[0, 0, 255], [255, 0, 0]]]))


def test_opacity_is_the_mask_of_a_drawing_on_nothing():
    strokes = [[[0, 0, 0, 0], [255, 255, 255, 255], [0, 0, 0, 255], [255, 255, 255, 0]]]
    assert row(read_mask(png(strokes))) == [0, 1, 1, 0]


def test_class_labels_are_refused():
    with pytest.raises(ImageError, match="values 0 to 3 look like class labels"):
        read_mask(png([[0, 1, 2, 3]]))


def test_the_photo_turned_by_exif_has_its_mask_turned_too():
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.fromarray(np.array([[0, 255]], np.uint8)).save(buffer, "PNG", exif=exif)
    assert read_mask(buffer.getvalue())[0, 0].tolist() == [[0], [1]]
