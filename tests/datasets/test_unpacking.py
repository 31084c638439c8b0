import io
import stat
import tarfile
import zipfile

import pytest

from iem.datasets.unpacking import UnpackingError, unpack

PLENTY = 1 << 20


def a_zip(path, *entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in entries:
            opened.writestr(name, content)
    return path


def a_tar(path, *entries, mode="w:gz"):
    with tarfile.open(path, mode) as opened:
        for name, content in entries:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("make", [a_zip, a_tar])
def test_everything_is_there(tmp_path, make):
    archive = make(tmp_path / "archive", ("images/a.jpg", b"a"), ("images/b/c.jpg", b"c"), ("readme", b"r"))
    assert unpack(archive, tmp_path / "out", max_bytes=PLENTY) == ("images", "readme")
    assert (tmp_path / "out/images/b/c.jpg").read_bytes() == b"c"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["images", "readme"]


def test_litter_is_left_out(tmp_path):
    archive = a_zip(tmp_path / "a.zip", ("__MACOSX/images/._a.jpg", b"x"), ("images/a.jpg", b"a"), ("images/._b", b"x"))
    unpack(archive, tmp_path / "out", max_bytes=PLENTY)
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["a.jpg"]


def test_folders_that_are_there_are_added_to(tmp_path):
    unpack(a_zip(tmp_path / "a.zip", ("top/a", b"old"), ("top/b", b"b")), tmp_path, max_bytes=PLENTY)
    unpack(a_zip(tmp_path / "a.zip", ("top/a", b"new"), ("top/c/d", b"d")), tmp_path, max_bytes=PLENTY)
    found = {path.name: path.read_bytes() for path in (tmp_path / "top").rglob("*") if path.is_file()}
    assert found == {"a": b"new", "b": b"b", "d": b"d"}


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..\\evil", "C:/evil", "C:\\evil"])
@pytest.mark.parametrize("make", [a_zip, a_tar])
def test_nothing_is_written_outside(tmp_path, make, name):
    archive = make(tmp_path / "archive", ("good", b"g"), (name, b"evil"))
    with pytest.raises(UnpackingError, match="expected names inside the archive's folder"):
        unpack(archive, tmp_path / "deep" / "out", max_bytes=PLENTY)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [archive]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    info = tarfile.TarInfo("link")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(UnpackingError, match="got a link or device 'link'"):
        unpack(a_tar(tmp_path / "a.tar", (info, b"")), tmp_path / "out", max_bytes=PLENTY)


def test_links_in_zip_files_are_refused(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr(info, "/etc")
    with pytest.raises(UnpackingError, match="a link or device"):
        unpack(tmp_path / "a.zip", tmp_path / "out", max_bytes=PLENTY)


@pytest.mark.parametrize("make", [a_zip, a_tar])
def test_bombs_are_refused(tmp_path, make):
    archive = make(tmp_path / "archive", ("zeros", b"\0" * 5_000_000))
    assert archive.stat().st_size < 10_000
    with pytest.raises(UnpackingError, match="do not use this archive"):
        unpack(archive, tmp_path / "out", max_bytes=PLENTY)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("make", [a_zip, a_tar])
def test_half_an_archive_changes_nothing(tmp_path, make):
    archive = make(tmp_path / "archive", *((f"f{number}", bytes(range(256)) * 40) for number in range(50)))
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) // 2])
    with pytest.raises(UnpackingError, match="download it again"):
        unpack(archive, tmp_path / "out", max_bytes=PLENTY)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_damaged_member(tmp_path):
    archive = a_zip(tmp_path / "a.zip", ("a", bytes(range(256)) * 40))
    data = bytearray(archive.read_bytes())
    data[60] ^= 255
    archive.write_bytes(data)
    with pytest.raises(UnpackingError, match="it is damaged"):
        unpack(archive, tmp_path / "out", max_bytes=PLENTY)


def test_an_empty_archive(tmp_path):
    with pytest.raises(UnpackingError, match="found none"):
        unpack(a_zip(tmp_path / "a.zip"), tmp_path / "out", max_bytes=PLENTY)
