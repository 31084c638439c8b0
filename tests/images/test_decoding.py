"""Values of decoded pictures: transparency, depth, orientation, colour profiles."""

import os
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from references.hostile_files import (
    DEEP,
    FLOATS,
    NOISE,
    PALETTE,
    SMOOTH,
    chunk,
    encoded,
    float_image,
    photo_exif,
    png_header,
    swapped_profile,
    tiff,
    wide_gamut,
)

from iem.images import read


def test_21_palette_with_transparency_lies_on_white_and_keeps_its_alpha():
    picture = read(encoded(PALETTE, "PNG", transparency=0))
    hidden = torch.from_numpy(np.array(PALETTE) == 0)[None, None]
    assert hidden.any()
    assert torch.equal(picture.alpha, (~hidden).float())
    expected = torch.where(hidden, torch.ones(()), float_image(PALETTE))
    assert torch.equal(picture.image, expected)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_21_one_colour_as_transparency(mode):
    picture = Image.new(mode, (4, 2), "white")
    picture.putpixel((1, 0), 7 if mode == "L" else (7, 8, 9))
    alpha = read(encoded(picture, "PNG", transparency=7 if mode == "L" else (7, 8, 9))).alpha
    assert alpha is not None
    assert alpha.sum() == 7
    assert alpha[0, 0, 0, 1] == 0


def test_21_half_transparent_colours_are_mixed_with_white():
    picture = read(encoded(Image.new("RGBA", (2, 2), (255, 0, 0, 51)), "PNG"))
    assert torch.allclose(picture.image[0, :, 0, 0], torch.tensor([1.0, 0.8, 0.8]))
    assert torch.allclose(picture.alpha, torch.tensor(0.2))


def test_22_fully_transparent_is_white_with_a_notice():
    picture = read(encoded(Image.new("RGBA", (50, 40), (255, 0, 0, 0)), "PNG"))
    assert picture.notices == ("fully transparent",)
    assert (picture.image == 1).all()
    assert (picture.alpha == 0).all()


def test_23_sixteen_bits_are_scaled_and_not_clipped():
    for data in (encoded(Image.fromarray(DEEP), "PNG"), encoded(Image.fromarray(DEEP), "TIFF")):
        picture = read(data)
        expected = torch.from_numpy(DEEP / 65535).float().expand(1, 3, 40, 50)
        assert torch.equal(picture.image, expected)
    pinned = Image.fromarray(np.array([[0, 256, 1000, 40000, 65535]], np.uint16))
    values = read(encoded(pinned, "PNG")).image[0, 0, 0]
    assert torch.allclose(values, torch.tensor([0, 0.00390628, 0.01525902, 0.61036088, 1.0]))


def test_23_sixteen_bit_transparency_and_colour():
    header = png_header(2, 1, 16, 0)
    grey = header + chunk(b"tRNS", struct.pack(">H", 300))
    grey += chunk(b"IDAT", zlib.compress(b"\0" + struct.pack(">2H", 300, 65535))) + chunk(b"IEND", b"")
    picture = read(grey)
    assert picture.alpha.flatten().tolist() == [0, 1]
    assert picture.image[0, 0, 0].tolist() == [1, 1]
    colour = png_header(1, 1, 16, 2)
    colour += chunk(b"IDAT", zlib.compress(b"\0" + struct.pack(">3H", 256, 40000, 65535))) + chunk(b"IEND", b"")
    assert torch.allclose(read(colour).image.flatten(), torch.tensor([256, 40000, 65535]) / 65535, atol=1 / 255)


def test_23_twelve_bits_and_inverted_sixteen_bits():
    twelve = read(tiff(2, 12, 1, bytes([0xFF, 0xF8, 0x00])))
    assert torch.allclose(twelve.image[0, 0, 0], torch.tensor([1.0, 0x800 / 4095]))
    inverted = read(tiff(2, 16, 0, struct.pack("<2H", 0, 65535)))
    assert inverted.image[0, 0, 0].tolist() == [1, 0]


def test_24_floats_are_scaled_by_their_range():
    picture = read(encoded(Image.fromarray(FLOATS), "TIFF"))
    assert torch.equal(picture.image[0, 1], torch.from_numpy(FLOATS))
    assert picture.notices == ()
    in_bytes = read(encoded(Image.fromarray(FLOATS * 254), "TIFF"))
    assert torch.allclose(in_bytes.image[0, 1], torch.from_numpy(FLOATS * 254 / 255))
    assert "divided by 255" in in_bytes.notices[0]
    signed = read(encoded(Image.fromarray(FLOATS - 0.5), "TIFF"))
    assert signed.image.min() == 0
    assert signed.image.max() == 1
    assert "scaled" in signed.notices[0]
    assert (read(encoded(Image.fromarray(np.full((3, 3), -2.0, np.float32)), "TIFF")).image == 0).all()


def test_24_thirty_two_bit_integers():
    values = np.array([[0, 1000, 65535]], np.int32)
    picture = read(encoded(Image.fromarray(values), "TIFF"))
    assert torch.allclose(picture.image[0, 0], torch.from_numpy(values / 65535).float())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_26_exif_orientation_is_applied(orientation, file_format):
    """Reference: where the top left corner of the stored picture belongs, by the EXIF standard."""
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :8] = 255
    data = encoded(Image.fromarray(stored), file_format, exif=photo_exif(orientation))
    image = read(data).image
    expected_place = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    assert image.shape[2:] == ((16, 32) if orientation < 5 else (32, 16))
    corners = {(y, x): image[0, 0, y, x].item() for y in (0, -1) for x in (0, -1)}
    assert max(corners, key=corners.get) == expected_place[orientation]
    assert sum(value > 0.5 for value in corners.values()) == 1


def test_26_transposition_and_transversion_are_not_confused():
    stored = np.arange(2 * 3, dtype=np.uint8).reshape(2, 3) * 40
    for orientation, expected in [
        (5, stored.T),
        (6, np.rot90(stored, -1)),
        (7, np.rot90(stored, 2).T),
        (8, np.rot90(stored)),
    ]:
        data = encoded(Image.fromarray(stored), "PNG", exif=photo_exif(orientation))
        assert np.array_equal(read(data).image[0, 0].numpy() * 255, expected), orientation


def test_34_profiles_are_converted_to_srgb():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert torch.equal(read(encoded(NOISE, "PNG", icc_profile=srgb)).image, float_image(NOISE))
    swapped = read(encoded(NOISE, "PNG", icc_profile=swapped_profile()))
    assert swapped.notices == ()
    assert torch.allclose(swapped.image, float_image(NOISE)[:, [1, 0, 2]], atol=3 / 255)
    transparent = NOISE.convert("RGBA")
    transparent.putalpha(100)
    converted = read(encoded(transparent, "PNG", icc_profile=swapped_profile()))
    assert torch.allclose(converted.alpha, torch.tensor(100 / 255))


@pytest.mark.parametrize(
    ("profile", "file_format"),
    [(b"\0" * 500_000, "JPEG"), (os.urandom(100), "PNG"), (b"\0" * (5 << 20), "TIFF"), (wide_gamut(), "PNG")],
    ids=["34-500-KB-of-zeros", "34-noise", "34-larger-than-the-cap", "34-other-colour-space"],
)
def test_34_a_bad_profile_is_ignored_with_a_notice(profile, file_format):
    picture = read(encoded(SMOOTH, file_format, icc_profile=profile))
    assert "colour profile was ignored" in picture.notices[0]
    assert torch.allclose(picture.image, float_image(SMOOTH), atol=0.1)


def test_avif_where_pillow_has_it():
    Image.init()
    if "AVIF" not in Image.SAVE:
        pytest.skip("this Pillow has no AVIF")
    picture = read(encoded(SMOOTH, "AVIF", quality=100))
    assert picture.format == "AVIF"
    assert torch.allclose(picture.image, float_image(SMOOTH), atol=0.1)
