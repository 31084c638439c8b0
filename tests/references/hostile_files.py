"""Files as they really arrive: hostile, damaged, unusual; generated, by the row of the list of bad inputs."""

import io
import struct
import zlib

import numpy as np
import torch
from PIL import Image, ImageCms

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


ANIMATED = {
    "28-gif": encoded(PALETTE, "GIF", save_all=True, append_images=[PALETTE.rotate(90 * k) for k in (1, 2, 3)]),
    "28-webp": encoded(
        NOISE, "WEBP", lossless=True, save_all=True, append_images=[NOISE.rotate(90 * k) for k in (1, 2, 3)]
    ),
    "28-apng": encoded(NOISE, "PNG", save_all=True, append_images=[NOISE.rotate(90 * k) for k in (1, 2, 3)]),
    "29-tiff": encoded(NOISE, "TIFF", save_all=True, append_images=[NOISE.rotate(180)] * 3),
    "29-mpo": encoded(SMOOTH, "MPO", quality=95, save_all=True, append_images=[SMOOTH.rotate(180)] * 3),
}


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
