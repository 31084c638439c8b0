"""Painting over some pixels of a file: the others, its depth and what describes it stay as they were."""

import io

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageCms

from iem.images import ImageError, deep_colour
from iem.images.originals import read_original
from iem.images.retouching import ENDINGS, lossless_format, retouched

RNG = np.random.default_rng(0)
SIZE = (9, 12)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def colours(channels=3, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max, (*SIZE, channels), dtype=dtype)


def saved(picture, format_, **options):
    buffer = io.BytesIO()
    picture.save(buffer, format_, **options)
    return buffer.getvalue()


def weight(like):
    found = torch.zeros(1, 1, *like.samples.shape[:2])
    found[..., 2:5, 3:6] = 1
    return found


def painted_over(data, format_=None, level=0.5, **options):
    """The picture before, and what an independent decoder makes of the file after."""
    original = read_original(data)
    format_ = format_ or lossless_format(original)
    shape = (1, 3, *original.samples.shape[:2])
    return original, retouched(original, torch.full(shape, level), weight(original), format_=format_, **options)


def exif_of_a_camera():
    """With an orientation, a serial number in the inner table, a place, and a preview of the picture as it was."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base.ExifImageWidth: 12, ExifTags.Base.ExifImageHeight: 9})
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    return exif


@pytest.mark.parametrize(
    ("picture", "format_", "written"),
    [
        (Image.fromarray(colours()), "PNG", "PNG"),
        (Image.fromarray(colours()), "BMP", "BMP"),
        (Image.fromarray(colours()), "TIFF", "TIFF"),
        (Image.fromarray(colours(4)), "PNG", "PNG"),
        (Image.fromarray(colours(4)), "TIFF", "TIFF"),
        (Image.fromarray(colours()).convert("L"), "PNG", "PNG"),
        (Image.fromarray(colours(4)).convert("LA"), "PNG", "PNG"),
        (Image.fromarray(colours(1, np.uint16)[..., 0]), "PNG", "PNG"),
        (Image.fromarray(colours(1, np.uint16)[..., 0]), "TIFF", "TIFF"),
        (Image.fromarray(RNG.random(SIZE, dtype=np.float32)), "TIFF", "TIFF"),
        (Image.fromarray(RNG.random(SIZE, dtype=np.float32) * 7 - 2), "TIFF", "TIFF"),
        (Image.fromarray(RNG.integers(0, 1 << 20, SIZE).astype(np.int32)), "TIFF", "TIFF"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.mode,
)
def test_known_pixels_keep_every_bit(picture, format_, written):
    original, data = painted_over(saved(picture, format_))
    with Image.open(io.BytesIO(data)) as after:
        assert (after.format, after.mode, after.size) == (written, picture.mode, picture.size)
        before, values = np.asarray(picture), np.asarray(after)
    inside = weight(original)[0, 0].numpy() == 1
    assert (values == before)[~inside].all()
    assert (values != before)[inside].any()


@pytest.mark.parametrize("format_", ["JPEG", "WEBP", "GIF"])
def test_what_pillow_decodes_is_what_is_kept(format_):
    """Of formats that lose detail, and of palettes, which become colours."""
    data = saved(Image.fromarray(colours()), format_)
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(painted_over(data)[1])) as after:
        assert after.format == ("WEBP" if format_ == "WEBP" else "PNG")
        outside = np.ones(SIZE, bool)
        outside[2:5, 3:6] = False
        assert (np.asarray(after) == np.asarray(before.convert("RGB")))[outside].all()
        assert (np.asarray(after)[~outside] == 128).all()


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [3, 4])
def test_colours_of_16_bits_keep_them(format_, channels):
    cv2 = pytest.importorskip("cv2")
    values = colours(channels, np.uint16)
    ending = f".{format_.lower()}"
    original, data = painted_over(cv2.imencode(ending, values)[1].tobytes())
    assert original.samples.dtype == np.uint16
    after = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    inside = weight(original)[0, 0].numpy() == 1
    assert data[:4] in (b"\x89PNG", b"II*\0")
    assert (after == values)[~inside].all()
    assert (after[inside][:, :3] == 32768).all()


def test_16_bits_turned_by_their_orientation(monkeypatch):
    cv2 = pytest.importorskip("cv2")
    values = colours(3, np.uint16)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        data = deep_colour.encode_deep_png(values, profile=PROFILE, exif=exif.tobytes())
        original = read_original(data)
        assert original.notices == ()
        assert (original.samples >> 8 == np.asarray(upright(data))).all()
    again = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert (again[..., ::-1] == values).all()


def upright(data):
    from PIL import ImageOps

    with Image.open(io.BytesIO(data)) as picture:
        return ImageOps.exif_transpose(picture)


def test_16_bits_are_reduced_with_a_word_where_opencv_is_missing(monkeypatch):
    monkeypatch.setattr(deep_colour.importlib, "import_module", lambda name: 1 / 0)
    values = colours(3, np.uint16)
    data = deep_colour.encode_deep_png(values, profile=None, exif=None)
    original = read_original(data)
    assert original.samples.dtype == np.uint8
    assert original.notices == ('16 bits per channel were reduced to 8; pip install "iem[opencv]" keeps them',)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_what_describes_the_picture_is_kept_and_it_is_upright(format_):
    picture = Image.fromarray(colours())
    data = painted_over(saved(picture, format_, exif=exif_of_a_camera(), icc_profile=PROFILE))[1]
    with Image.open(io.BytesIO(data)) as after:
        assert after.size == (9, 12)
        assert after.info["icc_profile"] == PROFILE
        exif = after.getexif()
        assert exif[ExifTags.Base.Make] == "Maker"
        assert exif.get(ExifTags.Base.Orientation, 1) == 1
        if format_ == "TIFF":  # Pillow writes none of the inner tables there
            assert ExifTags.IFD.GPSInfo not in exif
            return
        assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageWidth] == 9
        assert exif.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"


def test_the_preview_of_what_was_there_is_left_out():
    """EXIF data hold a small copy of the picture, in which the object that was painted away would still be seen."""
    thumbnail = saved(Image.fromarray(colours()), "JPEG")
    exif = exif_of_a_camera().tobytes()
    entries = int.from_bytes(exif[14:16], "big") if exif[6:8] == b"MM" else int.from_bytes(exif[14:16], "little")
    link = 16 + 12 * entries
    order = "big" if exif[6:8] == b"MM" else "little"
    table = len(exif) - 6
    tags = ((0x0103, 3, 6), (0x0201, 4, table + 2 + 36 + 4), (0x0202, 4, len(thumbnail)))
    second = (3).to_bytes(2, order)
    for tag, kind, value in tags:
        stored = value.to_bytes(4, order) if kind == 4 else value.to_bytes(2, order) + b"\0\0"
        second += tag.to_bytes(2, order) + kind.to_bytes(2, order) + (1).to_bytes(4, order) + stored
    exif = exif[:link] + table.to_bytes(4, order) + exif[link + 4 :] + second + b"\0" * 4 + thumbnail
    data = saved(Image.fromarray(colours()), "JPEG", exif=exif)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.getexif().get_ifd(ExifTags.IFD.IFD1)[0x0202] == len(thumbnail)
    assert thumbnail in data
    for format_ in ("PNG", "JPEG"):
        assert thumbnail not in painted_over(data, format_)[1]


def test_jpeg_is_written_with_its_own_tables():
    from skimage import data as pictures

    picture = Image.fromarray(pictures.astronaut()[:64, :96])
    data = saved(picture, "JPEG", quality=70)
    after = painted_over(data, "JPEG")[1]
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(after)) as again:
        assert again.quantization == before.quantization
        change = np.abs(np.asarray(again).astype(int) - np.asarray(before))[32:, 32:]
    assert change.max() <= 3
    assert abs(len(after) - len(data)) < len(data) / 4


def test_opacity_is_painted_too_where_it_is_given():
    values = colours(4)
    data = saved(Image.fromarray(values), "PNG")
    shown = np.asarray(Image.open(io.BytesIO(painted_over(data, alpha=torch.ones(1, 1, *SIZE))[1])))
    assert (shown[2:5, 3:6, 3] == 255).all()
    assert (shown[5:] == values[5:]).all()
    kept = np.asarray(Image.open(io.BytesIO(painted_over(data)[1])))
    assert (kept[..., 3] == values[..., 3]).all()


def test_paint_is_mixed_by_its_weight():
    original = read_original(saved(Image.new("L", (4, 1), 100), "PNG"))
    share = torch.tensor([0.0, 0.25, 0.5, 1.0])[None, None, None]
    data = retouched(original, torch.ones(1, 3, 1, 4), share)
    assert np.asarray(Image.open(io.BytesIO(data))).tolist() == [[100, 139, 178, 255]]


def test_colours_that_are_not_rgb_become_it_with_a_word():
    original, data = painted_over(saved(Image.fromarray(colours()).convert("CMYK"), "TIFF"))
    assert original.notices == ("CMYK colours were converted to sRGB",)
    with Image.open(io.BytesIO(data)) as after:
        assert after.mode == "RGB"


@pytest.mark.parametrize(
    ("picture", "format_", "reason"),
    [
        (Image.fromarray(colours(4)), "JPEG", "JPEG cannot hold its transparency; write a PNG instead"),
        (Image.fromarray(colours(1, np.uint16)[..., 0]), "WEBP", "WEBP cannot hold its 16 bits per channel; write a"),
        (Image.fromarray(RNG.random(SIZE, dtype=np.float32)), "PNG", "PNG cannot hold its numbers of 32 bits; write a"),
    ],
    ids=["alpha", "16 bits", "floats"],
)
def test_formats_that_cannot_hold_a_picture_say_so(picture, format_, reason):
    data = saved(picture, "TIFF")
    with pytest.raises(ImageError, match=reason):
        painted_over(data, format_)
    assert lossless_format(read_original(data)) == "TIFF"


def test_every_ending_is_one_that_is_written():
    assert set(ENDINGS) == {"PNG", "JPEG", "WEBP", "TIFF", "BMP"}
