"""Kinds of hostile and unusual files: each is read as it should be, or refused with a clear reason."""

import io
import os

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin
from references.hostile_files import (
    ACCEPTED,
    ANIMATED,
    JPEG,
    NOISE,
    PALETTE,
    PNG,
    REFUSED,
    SMOOTH,
    chunk,
    encoded,
    float_image,
    png_header,
)

from iem.images import ImageError, list_pictures, read, read_mask


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


def test_a_source_of_another_type():
    with pytest.raises(TypeError, match="expected a path, bytes or a binary file, got int"):
        read(3)
    with pytest.raises(TypeError, match="binary mode"):
        read(io.StringIO("text"))
