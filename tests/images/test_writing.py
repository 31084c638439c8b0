import io
import os
import pickle
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image

from iem.images import (
    ImageError,
    atomic_file,
    read,
    read_mask,
    remove_stale,
    write_atomic,
    write_cutout,
    write_image,
    write_mask,
)


def random_image(height=20, width=30):
    levels = torch.randint(0, 256, (1, 3, height, width), generator=torch.Generator().manual_seed(0))
    return levels / 255


IMAGE = random_image()
MASK = (IMAGE[:, :1] > 0.5).float()


def files_of(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("ending", [".png", ".webp", ".bmp", ".tif", ".tiff", ".PNG"])
def test_an_image_comes_back_bit_equal(tmp_path, ending):
    write_image(tmp_path / f"deep/er/a{ending}", IMAGE)
    assert torch.equal(read(tmp_path / f"deep/er/a{ending}").image, IMAGE)


def test_jpeg_is_nearly_equal(tmp_path):
    smooth = torch.linspace(0, 1, 30).expand(1, 3, 20, 30).contiguous()
    write_image(tmp_path / "a.jpg", smooth)
    assert (read(tmp_path / "a.jpg").image - smooth).abs().max() < 0.02


def test_a_mask_is_an_8_bit_grey_png(tmp_path):
    write_mask(tmp_path / "mask.png", MASK)
    with Image.open(tmp_path / "mask.png") as written:
        assert (written.format, written.mode) == ("PNG", "L")
        assert np.array_equal(np.asarray(written), MASK[0, 0].numpy() * 255)
    assert torch.equal(read_mask(tmp_path / "mask.png"), MASK)


def test_values_are_rounded_not_cut_off(tmp_path):
    write_mask(tmp_path / "soft.png", torch.tensor([[[[0.0, 0.499, 0.501, 0.999, 1.0]]]]))
    with Image.open(tmp_path / "soft.png") as written:
        assert np.asarray(written).tolist() == [[0, 127, 128, 255, 255]]


def test_a_cutout_has_the_picture_and_its_opacity(tmp_path):
    write_cutout(tmp_path / "cut.png", IMAGE, MASK)
    with Image.open(tmp_path / "cut.png") as written:
        assert written.mode == "RGBA"
        values = torch.from_numpy(np.array(written)).permute(2, 0, 1)[None] / 255
    assert torch.equal(values[:, :3], IMAGE)
    assert torch.equal(values[:, 3:], MASK)
    assert torch.equal(read_mask(tmp_path / "cut.png"), MASK)


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(ImageError, match=r"end its name in one of \.png"):
        write_image(tmp_path / "a.xyz", IMAGE)
    with pytest.raises(ImageError, match=r"end the name in \.png"):
        write_mask(tmp_path / "a.jpg", MASK)
    with pytest.raises(ImageError, match="WEBP cannot hold this picture"):
        write_image(tmp_path / "a.webp", torch.zeros(1, 3, 1, 20000))
    with pytest.raises(ValueError, match="a batch of 2"):
        write_image(tmp_path / "a.png", IMAGE.expand(2, -1, -1, -1))
    with pytest.raises(ValueError, match=r"expected values in \[0, 1\]"):
        write_mask(tmp_path / "a.png", MASK * 255)
    with pytest.raises(ValueError, match="finite"):
        write_image(tmp_path / "a.png", IMAGE / 0)
    with pytest.raises(ValueError, match=r"expected shape \[1, 1, h, w\]"):
        write_mask(tmp_path / "a.png", IMAGE)
    with pytest.raises(ValueError, match="resize it to the picture"):
        write_cutout(tmp_path / "a.png", IMAGE, MASK[..., :5])
    assert files_of(tmp_path) == []


@pytest.mark.parametrize("name", ["two words", "-dash", "new\nline", "e\u0301", "\u00e9\u732b", "x" * 251])
def test_any_name(tmp_path, name):
    write_mask(tmp_path / f"{name}.png", MASK)
    assert files_of(tmp_path) == [f"{name}.png"]


def test_the_earlier_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "a.json"
    write_atomic(path, b"old")
    with atomic_file(path) as file:
        file.write(b"ne")
        file.flush()
        assert path.read_bytes() == b"old"
        file.write(b"w")
    assert path.read_bytes() == b"new"
    assert files_of(tmp_path) == ["a.json"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask()


def test_the_bytes_are_on_the_disk_before_they_take_the_name(tmp_path, monkeypatch):
    order = []
    sync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("sync"), sync(descriptor)))
    monkeypatch.setattr(os, "replace", lambda *names: (order.append("rename"), rename(*names)))
    write_atomic(tmp_path / "a", b"data")
    assert order == ["sync", "rename", "sync"]


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("error", [RuntimeError, ValueError, KeyboardInterrupt])
def test_an_interrupted_block_leaves_the_earlier_file(tmp_path, error):
    write_atomic(tmp_path / "a", b"old")

    def write():
        with atomic_file(tmp_path / "a") as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        write()
    assert (tmp_path / "a").read_bytes() == b"old"
    assert files_of(tmp_path) == ["a"]


def test_a_full_disk(tmp_path):
    """A limit on the size of files stands in for a full disk: both fail inside ``write``."""
    path = tmp_path / "a.bin"
    write_atomic(path, b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(ImageError, match="no space left") as caught:
            write_atomic(path, b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.path == str(path)
    assert path.read_bytes() == b"old"
    assert files_of(tmp_path) == ["a.bin"]


def test_places_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path, reason in [
        (tmp_path / "file" / "a.png", "a file, not a folder"),
        (tmp_path / "file" / "b" / "a.png", "a file, not a folder"),
        (tmp_path / "folder", "a folder of this name"),
        (tmp_path / ("x" * 300), "longer than this disk allows"),
        (tmp_path / "nul\0byte", "NUL"),
        (tmp_path / "half\ud800", "half a character"),
    ]:
        with pytest.raises(ImageError, match=reason):
            write_atomic(path, b"data")

    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("iem.images.writing.os.open", refuse)  # the tests may run as root, who may write everywhere
    with pytest.raises(ImageError, match="no permission to write here; choose another output folder"):
        write_atomic(tmp_path / "a.png", b"data")
    assert files_of(tmp_path) == ["file", "folder"]


def test_an_input_is_never_overwritten(tmp_path):
    original = tmp_path / "a.png"
    write_image(original, IMAGE)
    before = original.read_bytes()
    (tmp_path / "symbolic.png").symlink_to(original)
    (tmp_path / "hard.png").hardlink_to(original)
    (tmp_path / "folder").mkdir()
    for target in (original, tmp_path / "folder/../a.png", tmp_path / "symbolic.png", tmp_path / "hard.png"):
        for write in (
            lambda path: write_image(path, IMAGE, protect=[tmp_path / "missing", original]),
            lambda path: write_mask(path, MASK, protect=[original]),
            lambda path: write_cutout(path, IMAGE, MASK, protect=[str(original)]),
            lambda path: write_atomic(path, b"", protect=iter([original])),
        ):
            with pytest.raises(ImageError, match=r"would overwrite the input .*a\.png"):
                write(target)
    assert original.read_bytes() == before
    write_mask(tmp_path / "other.png", MASK, protect=[original])


KILLED = """
import os, signal, sys
from iem.images import atomic_file
with atomic_file(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_left_is_removed(tmp_path):
    (tmp_path / "below").mkdir()
    write_atomic(tmp_path / "below/a", b"old")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "below/a")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(files_of(tmp_path / "below")) == 2
    elsewhere = tmp_path / ".iem-00000000-1-00000000.tmp"
    elsewhere.touch()
    (tmp_path / "mine.tmp").touch()
    with atomic_file(tmp_path / "b") as file:
        assert remove_stale(tmp_path) == 1
        file.write(b"alive")
    assert files_of(tmp_path / "below") == ["a"]
    assert (tmp_path / "b").read_bytes() == b"alive"
    assert elsewhere.exists(), "another machine may still be writing it"
    os.utime(elsewhere, (time.time() - 2 * 86400,) * 2)
    assert remove_stale(tmp_path) == 1
    assert files_of(tmp_path) == ["b", "below", "mine.tmp"]
    assert remove_stale(tmp_path / "missing") == 0


def test_an_image_error_travels_between_processes_and_prints_on_one_line():
    error = pickle.loads(pickle.dumps(ImageError("two\nlines\udcff.png", "why; what to do")))
    assert isinstance(error, ImageError)
    assert (error.path, error.reason) == ("two\nlines\udcff.png", "why; what to do")
    assert str(error) == "two\\nlines\\udcff.png: why; what to do"
    print(str(error), file=io.TextIOWrapper(io.BytesIO(), "utf-8"))
