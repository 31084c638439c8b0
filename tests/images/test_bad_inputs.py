"""Forty kinds of hostile, damaged and unusual files: each is read as it should be, or refused with a clear reason."""

import io
import os
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from iem.images import ImageError, list_pictures, read, read_mask

GENERATOR = np.random.default_rng(0)
NOISE = Image.fromarray((GENERATOR.random((40, 50, 3)) * 255).astype(np.uint8))
PALETTE = NOISE.convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
SMOOTH = Image.merge("RGB", [Image.linear_gradient("L").rotate(90 * k).resize((50, 40)) for k in range(3)])


def encoded(picture, file_format, **options):
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width, height, bits=8, colour=2):
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def bomb(side):
    """A valid 1-bit PNG of side x side zeros: a few kilobytes that become hundreds of megabytes."""
    rows = (b"\0" + b"\0" * ((side + 7) // 8)) * 64
    deflate = zlib.compressobj(9)
    data = b"".join(deflate.compress(rows) for _ in range(side // 64)) + deflate.flush()
    return png_header(side, side, 1, 0) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def flipped(data, at):
    damaged = bytearray(data)
    damaged[at] ^= 0xFF
    return bytes(damaged)


def text_bomb():
    """A PNG whose text chunk unpacks to 64 MB."""
    packed = zlib.compress(b"x" * (64 << 20), 9)
    return PNG[:33] + chunk(b"zTXt", b"Comment\0\0" + packed) + PNG[33:]


def photo_exif(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def ftyp(*brands):
    body = b"ftyp" + brands[0] + b"\0\0\0\0" + b"".join(brands)
    return struct.pack(">I", len(body) + 4) + body + b"\0" * 64


PNG = encoded(NOISE, "PNG")
JPEG = encoded(NOISE, "JPEG", quality=95)
DEEP = (GENERATOR.random((40, 50)) * 65535).astype(np.uint16)
FLOATS = GENERATOR.random((40, 50)).astype(np.float32)
NOT_FINITE = FLOATS.copy()
NOT_FINITE[3, 3], NOT_FINITE[4, 4] = np.nan, np.inf

REFUSED = {
    "01-zero-bytes": (b"", "empty"),
    "02-text-named-png": (b"hello, not an image\n" * 20, "not a picture"),
    "03-html-named-jpg": (b"<html><script>alert(1)</script></html>", "web page"),
    "03-doctype": (b"\n<!DOCTYPE html><title>404</title>", "web page"),
    "04-svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    "04-svg-with-declaration": (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    "05-pdf": (b"%PDF-1.4\n%x\n", "PDF"),
    "06-eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(x) show\n", "EPS"),
    "07-jpeg-cut-in-half": (JPEG[: len(JPEG) // 2], "truncated"),
    "08-png-cut-in-half": (PNG[: len(PNG) // 2], "truncated"),
    "09-png-header-only": (PNG[:33], "header|truncated"),
    "09-png-magic-only": (PNG[:8], "header|truncated"),
    "10-png-flipped-bits": (flipped(PNG, 60), "damaged"),
    "10-png-bad-checksum": (flipped(PNG, 30), "header"),
    "14-bomb-144-megapixels": (bomb(12032), "64 megapixels"),
    "15-bomb-401-megapixels": (bomb(20032), "64 megapixels"),
    "16-sides-of-2-to-the-31": (png_header(0x7FFFFFFF, 0x7FFFFFFF), "megapixels|header"),
    "17-width-0": (png_header(0, 10), "header"),
    "18-huge-ppm": (b"P6 99999 99999 255\n" + b"a" * 100, "Netpbm"),
    "25-float-nan-inf": (encoded(Image.fromarray(NOT_FINITE), "TIFF"), "non-finite"),
    "35-text-chunk-of-64-MB": (text_bomb(), "damaged"),
    "40-heic": (ftyp(b"heic", b"mif1"), "HEIC.*convert"),
    "40-heic-generic-brand": (ftyp(b"mif1", b"heic"), "HEIC.*convert"),
    "40-raw-cr2": (b"II*\0\x10\0\0\0CR\x02\0" + b"\0" * 64, "RAW.*develop"),
    "40-raw-cr3": (ftyp(b"crx ", b"isom"), "RAW.*develop"),
    "40-raw-raf": (b"FUJIFILMCCD-RAW 0201" + b"\0" * 64, "RAW.*develop"),
    "40-raw-dng": (encoded(NOISE, "TIFF", tiffinfo={50706: b"\1\4\0\0"}), "RAW.*develop"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_refused_with_the_file_and_a_reason(row, tmp_path):
    data, reason = REFUSED[row]
    path = tmp_path / f"{row}.png"
    path.write_bytes(data)
    for source in (path, data, io.BytesIO(data)):
        with pytest.raises(ImageError, match=reason) as caught:
            read(source)
        assert "; " in caught.value.reason, "a remedy follows the reason"
        assert "\n" not in str(caught.value)
    with path.open("rb") as file, pytest.raises(ImageError) as caught:
        read(file)
    assert caught.value.path == str(path)
    with pytest.raises(ImageError, match=reason):
        read_mask(path)


def float_image(picture):
    """The reference: Pillow's 8-bit RGB, divided by 255."""
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)[None] / 255


ACCEPTED = {
    "11-garbage-after-the-end": (PNG + b"X" * 1000, "PNG", NOISE),
    "12-jpeg-named-png": (JPEG, "JPEG", Image.open(io.BytesIO(JPEG))),
    "19-cmyk-jpeg": (
        encoded(NOISE.convert("CMYK"), "JPEG"),
        "JPEG",
        Image.open(io.BytesIO(encoded(NOISE.convert("CMYK"), "JPEG"))),
    ),
    "20-grey": (encoded(NOISE.convert("L"), "PNG"), "PNG", NOISE.convert("L")),
    "20-grey-opaque-alpha": (encoded(NOISE.convert("LA"), "PNG"), "PNG", NOISE.convert("L")),
    "20-one-bit": (encoded(NOISE.convert("1"), "PNG"), "PNG", NOISE.convert("1")),
    "20-rgba-opaque": (encoded(NOISE.convert("RGBA"), "PNG"), "PNG", NOISE),
    "21-palette": (encoded(PALETTE, "PNG"), "PNG", PALETTE),
    "30-one-pixel": (encoded(Image.new("RGB", (1, 1), "red"), "PNG"), "PNG", Image.new("RGB", (1, 1), "red")),
    "31-1-x-4000": (encoded(Image.new("RGB", (1, 4000)), "PNG"), "PNG", Image.new("RGB", (1, 4000))),
    "31-4000-x-1": (encoded(Image.new("RGB", (4000, 1)), "PNG"), "PNG", Image.new("RGB", (4000, 1))),
    "31-2-x-2": (encoded(Image.new("RGB", (2, 2)), "PNG"), "PNG", Image.new("RGB", (2, 2))),
    "32-constant": (
        encoded(Image.new("RGB", (50, 40), (7, 7, 7)), "PNG"),
        "PNG",
        Image.new("RGB", (50, 40), (7, 7, 7)),
    ),
    "bmp": (encoded(NOISE, "BMP"), "BMP", NOISE),
    "tiff": (encoded(NOISE, "TIFF", compression="tiff_lzw"), "TIFF", NOISE),
    "gif": (encoded(PALETTE, "GIF"), "GIF", PALETTE),
    "webp": (encoded(NOISE, "WEBP", lossless=True), "WEBP", NOISE),
    "27-damaged-exif": (
        encoded(NOISE, "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
        "JPEG",
        Image.open(io.BytesIO(JPEG)),
    ),
    "27-damaged-exif-tags": (
        encoded(
            NOISE, "JPEG", quality=95, exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\xff\xff\xff\0\xff\xff\xff\xff"
        ),
        "JPEG",
        Image.open(io.BytesIO(JPEG)),
    ),
}


@pytest.mark.parametrize("row", ACCEPTED)
def test_accepted_without_change(row, tmp_path):
    data, file_format, expected = ACCEPTED[row]
    path = tmp_path / "no extension at all"
    path.write_bytes(data)
    picture = read(path)
    assert picture.format == file_format
    assert picture.image.dtype == torch.float32
    assert torch.equal(picture.image, float_image(expected))
    assert picture.alpha is None
    assert picture.notices == ()


@pytest.mark.parametrize("name", ["13-no-extension", "13-other.extension"])
def test_13_named_explicitly_whatever_the_extension(name, tmp_path):
    (tmp_path / name).write_bytes(PNG)
    assert read(tmp_path / name).format == "PNG"
    assert [entry.path.name for entry in list_pictures([tmp_path])] == [name]


@pytest.mark.parametrize("data", [JPEG[: len(JPEG) // 2], PNG[: len(PNG) // 2]], ids=["07-jpeg", "08-png"])
def test_truncated_files_are_read_on_request(data):
    whole = float_image(Image.open(io.BytesIO(JPEG if data.startswith(b"\xff") else PNG)))
    picture = read(data, allow_truncated=True)
    assert "truncated" in picture.notices[0]
    assert picture.image.shape == whole.shape
    assert torch.equal(picture.image[:, :, :10], whole[:, :, :10])
    assert not torch.equal(picture.image, whole)


def test_14_the_limit_is_read_from_the_header_before_decoding():
    header_only = png_header(9000, 9000) + chunk(b"IDAT", b"")
    with pytest.raises(ImageError, match="9000 x 9000 pixels are more than the limit of 64 megapixels"):
        read(header_only)
    assert read(PNG, max_pixels=2000).image.shape == (1, 3, 40, 50)
    with pytest.raises(ImageError, match=r"0\.001999 megapixels"):
        read(PNG, max_pixels=1999)
    with pytest.raises(ValueError, match="max_pixels: expected a whole number of at least 1, got 0"):
        read(PNG, max_pixels=0)


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


def tiff(width, bits, photometric, data):
    """A grey TIFF of one row, written by hand: Pillow writes no 12 bits and no white-is-zero."""
    tags = [
        (256, width),
        (257, 1),
        (258, bits),
        (259, 1),
        (262, photometric),
        (273, 200),
        (277, 1),
        (278, 1),
        (279, len(data)),
    ]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0\0\0\0"
    return head.ljust(200, b"\0") + data


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


ANIMATED = {
    "28-gif": encoded(PALETTE, "GIF", save_all=True, append_images=[PALETTE.rotate(90 * k) for k in (1, 2, 3)]),
    "28-webp": encoded(
        NOISE, "WEBP", lossless=True, save_all=True, append_images=[NOISE.rotate(90 * k) for k in (1, 2, 3)]
    ),
    "28-apng": encoded(NOISE, "PNG", save_all=True, append_images=[NOISE.rotate(90 * k) for k in (1, 2, 3)]),
    "29-tiff": encoded(NOISE, "TIFF", save_all=True, append_images=[NOISE.rotate(180)] * 3),
    "29-mpo": encoded(SMOOTH, "MPO", quality=95, save_all=True, append_images=[SMOOTH.rotate(180)] * 3),
}


@pytest.mark.parametrize("row", ANIMATED)
def test_first_frame_with_a_notice(row):
    picture = read(ANIMATED[row])
    assert picture.notices == ("4 frames, the first was used",)
    expected = float_image({"28-gif": PALETTE, "29-mpo": SMOOTH}.get(row, NOISE))
    assert torch.allclose(picture.image, expected, atol=0.1 if row == "29-mpo" else 0.0)


def test_29_counting_pages_ends():
    many = encoded(Image.new("1", (1, 1)), "TIFF", save_all=True, append_images=[Image.new("1", (1, 1))] * 260)
    assert read(many).notices == ("several frames, the first was used",)


WHITE = Image.new("L", (50, 40), 255)


def test_33_masks():
    expected = torch.zeros(1, 1, 40, 50)
    expected[..., 10:30, 5:20] = 1
    levels = (expected[0, 0].numpy() * 255).astype(np.uint8)
    for data in (
        encoded(Image.fromarray(levels), "PNG"),
        encoded(Image.fromarray(levels // 255), "PNG"),  # 0 and 1
        encoded(Image.fromarray(levels // 2), "PNG"),  # 0 and 127
        encoded(Image.fromarray(levels > 0), "PNG"),  # one bit
        encoded(Image.fromarray(levels).convert("RGB"), "PNG"),
        encoded(Image.fromarray(levels).convert("RGB"), "JPEG"),
        encoded(Image.fromarray(levels.astype(np.uint16) * 257), "PNG"),
        encoded(Image.fromarray(expected[0, 0].numpy()), "TIFF"),
        encoded(Image.merge("RGBA", [Image.new("L", (50, 40))] * 3 + [Image.fromarray(levels)]), "PNG"),
    ):
        mask = read_mask(data)
        assert mask.dtype == torch.float32
        assert torch.equal(mask, expected)
    assert (read_mask(encoded(WHITE, "PNG")) == 1).all()
    assert (read_mask(encoded(Image.new("L", (50, 40)), "PNG")) == 0).all()


def test_33_a_mask_of_another_size_is_refused_unless_resizing_is_asked_for():
    data = encoded(WHITE, "PNG")
    with pytest.raises(ImageError, match="the mask is 50 x 40 pixels, its picture 100 x 80"):
        read_mask(data, size=(80, 100))
    assert read_mask(data, size=(40, 50)).shape == (1, 1, 40, 50)
    assert (read_mask(data, size=(80, 100), resize=True) == torch.ones(1, 1, 80, 100)).all()


def wide_gamut():
    """A profile whose primaries are far from sRGB's: here XYZ itself."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()


def swapped_profile():
    """sRGB with the red and green columns exchanged, so that a picture with this profile must change."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", data[128:132])[0]
    tags = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    data[red + 4 : red + 12], data[green + 4 : green + 12] = data[green + 4 : green + 12], data[red + 4 : red + 12]
    return bytes(data)


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


def test_35_ordinary_text_is_ignored():
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "y" * 100_000, zip=True)
    assert torch.equal(read(encoded(NOISE, "PNG", pnginfo=text)).image, float_image(NOISE))


def test_36_what_is_not_a_regular_file(tmp_path):
    (tmp_path / "broken").symlink_to(tmp_path / "gone")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    for path, reason in [
        (tmp_path, "a folder"),
        (tmp_path / "missing.png", "no such file"),
        (tmp_path / "broken", "no such file"),
        (tmp_path / "loop", "symbolic link"),
        (tmp_path / "pipe", "a pipe or device"),
        ("/dev/zero", "a pipe or device"),
        (tmp_path / ("x" * 300), "longer than this disk allows"),
        ("nul\0byte.png", "NUL"),
        ("half\ud800.png", "half a character"),
        ("", "no such file"),
    ]:
        with pytest.raises(ImageError, match=reason):
            read(path)


def test_36_a_closed_stream():
    stream = io.BytesIO(PNG)
    stream.close()
    with pytest.raises(ImageError, match="closed file"):
        read(stream)


def test_36_no_permission(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(PNG)

    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("iem.images.sources.os.open", refuse)  # the tests may run as root, who may read everything
    with pytest.raises(ImageError, match="no permission"):
        read(tmp_path / "a.png")


class Endless:
    """A stream without an end, as ``/dev/zero`` on standard input would be."""

    def __init__(self, start):
        self.start = start

    def read(self, size=-1):
        start, self.start = self.start, b""
        return start or b"\0" * size


def test_36_an_endless_stream_ends():
    with pytest.raises(ImageError, match="not a picture"):
        read(Endless(b""))
    with pytest.raises(ImageError, match="larger than 16 MiB"):
        read(Endless(PNG), max_pixels=2000)


def test_38_names(tmp_path):
    for name in ["two words.png", "new\nline.png", "-dash.png", "e\u0301.png", "\u00e9.png", "x" * 251 + ".png"]:
        (tmp_path / name).write_bytes(PNG)
        assert read(tmp_path / name).path == str(tmp_path / name)


def test_39_a_file_that_is_gone_since_it_was_listed(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    (listed,) = list_pictures([tmp_path])
    listed.path.unlink()
    with pytest.raises(ImageError, match="no such file"):
        read(listed.path)


def test_40_raw_files_are_known_by_name_too(tmp_path):
    """Most RAW formats are TIFF files whose first picture is a thumbnail."""
    (tmp_path / "photo.NEF").write_bytes(encoded(NOISE, "TIFF"))
    with pytest.raises(ImageError, match="RAW"):
        read(tmp_path / "photo.NEF")


def test_avif_where_pillow_has_it():
    Image.init()
    if "AVIF" not in Image.SAVE:
        pytest.skip("this Pillow has no AVIF")
    picture = read(encoded(SMOOTH, "AVIF", quality=100))
    assert picture.format == "AVIF"
    assert torch.allclose(picture.image, float_image(SMOOTH), atol=0.1)


def test_a_source_of_another_type():
    with pytest.raises(TypeError, match="expected a path, bytes or a binary file, got int"):
        read(3)
    with pytest.raises(TypeError, match="binary mode"):
        read(io.StringIO("text"))


def test_threads_do_not_disturb_each_other():
    """Also not the filters of warnings, which are global in Python."""
    before = list(warnings.filters)
    outcomes = []

    def work(data):
        for _ in range(20):
            try:
                outcomes.append(read(data).image.shape)
            except ImageError as error:
                outcomes.append(error.reason)

    kinds = [PNG, JPEG[: len(JPEG) // 2], ACCEPTED["27-damaged-exif"][0], ACCEPTED["webp"][0]]
    threads = [threading.Thread(target=work, args=[kind]) for kind in kinds * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 160
    assert len(set(outcomes)) == 2
    assert list(warnings.filters) == before


SEEDS = [
    *(data for data, _ in REFUSED.values() if len(data) < 100_000),
    *(data for data, _, _ in ACCEPTED.values()),
    *ANIMATED.values(),
    encoded(Image.fromarray(DEEP), "TIFF"),
    encoded(Image.fromarray(FLOATS), "TIFF"),
    encoded(NOISE, "TIFF", compression="jpeg"),
    encoded(NOISE, "TIFF", compression="tiff_adobe_deflate"),
]


def only_pictures_or_image_errors(data):
    for reader in (read, read_mask):
        for allow_truncated in (False, True):
            try:
                values = reader(data, max_pixels=1_000_000, allow_truncated=allow_truncated)
            except ImageError:
                continue
            image = values if reader is read_mask else values.image
            assert torch.isfinite(image).all()
            assert image.min() >= 0
            assert image.max() <= 1


@given(st.binary(max_size=600))
@settings(max_examples=50, deadline=None)
def test_any_bytes(data):
    only_pictures_or_image_errors(data)


@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    early=st.booleans(),
    keep=st.floats(0.02, 1),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_damage(seed, changes, early, keep):
    """Bytes changed anywhere, or in the first 200, where the headers are; the end cut off."""
    data = bytearray(seed)
    for place, value in changes if data else []:
        data[int(place * (min(len(data), 200) if early else len(data)))] = value
    only_pictures_or_image_errors(bytes(data[: max(1, int(keep * len(data)))]))
